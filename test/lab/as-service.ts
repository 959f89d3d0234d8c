import { existsSync } from 'node:fs';
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import type { Runtime } from './containerd.ts';
import type { Lab } from './lab.ts';

/**
 * Puts a containerd into a control group that is named as systemd names a service's, which is by what the kernel tells to
 * which service a process belongs. Until the end of the case.
 */
export async function asService(lab: Lab, runtime: Runtime, unit = 'containerd.service'): Promise<Runtime> {
  const root = existsSync('/sys/fs/cgroup/systemd/cgroup.procs') ? '/sys/fs/cgroup/systemd' : '/sys/fs/cgroup';
  const slice = `${root}/pullwhy-lab-${process.pid}-${runtime.service.pid}`;
  const group = `${slice}/${unit}`;
  await mkdir(group, { recursive: true });
  await writeFile(`${group}/cgroup.procs`, `${runtime.service.pid}\n`);
  lab.defer(async () => {
    await runtime.service.stop();
    const left = (await readFile(`${group}/cgroup.procs`, 'utf8')).split('\n').filter((pid) => pid !== '');
    for (const pid of left) await writeFile(`${root}/cgroup.procs`, `${pid}\n`);
    await rmdir(group);
    await rmdir(slice);
  });
  return runtime;
}
