import { readdir, readFile, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemEnv } from '../../../src/lib/env.ts';
import { openCri } from '../../../src/wire/cri.ts';
import { until } from '../../kit/until.ts';
import type { Runtime } from '../containerd.ts';
import type { Lab } from '../lab.ts';
import { behind, faultyAddress, serving } from './fronts.ts';

/** A MiB: containerd writes no less at a time. */
export const mib = 1024 * 1024;

/** Pushes an image with a layer of that many bytes, and puts `faulty.lab` before it, which sends at a rate (nginx: `400k`). */
export async function slowly(lab: Lab, repository: string, layerBytes: number, rate: string): Promise<string> {
  await lab.push(repository, '1.0', { layerBytes });
  await serving(lab, 'slow', `location / { ${behind} } location ~ /blobs/ { ${behind} limit_rate ${rate}; }`);
  return `faulty.lab/${repository}:1.0`;
}

/** Has the runtime pull an image in the background, as a kubelet does, until the end of the case. */
export async function pulling(lab: Lab, runtime: Runtime, image: string): Promise<void> {
  const opened = await openCri(runtime.endpoint, { env: systemEnv, connectTimeoutMs: 5000, callTimeoutMs: 5000 });
  if (!opened.ok) throw new Error(`CRI: ${opened.error.kind} ${opened.error.message}`);
  const end = new AbortController();
  const ended = opened.value.pullImage(image, { signal: end.signal, deadlineMs: 110_000 });
  lab.defer(async () => {
    end.abort();
    await ended;
    opened.value.close();
  });
}

/** Waits until the runtime fetches a layer and has so many bytes of it on its disk. */
export async function fetched(runtime: Runtime, bytes: number): Promise<void> {
  const folder = `${runtime.root}/io.containerd.content.v1.content/ingest`;
  await until(
    `${bytes} bytes of a layer below ${folder}`,
    async () => {
      for (const name of await readdir(folder).catch(() => [])) {
        const ref = await readFile(`${folder}/${name}/ref`, 'utf8').catch(() => '');
        const data = await stat(`${folder}/${name}/data`).catch(() => null);
        if (ref.includes('/layer-') && data !== null && data.size >= bytes) return true;
      }
      return false;
    },
    30_000,
  );
}

/**
 * Drops the packets of the connections that the node has to `faulty.lab` by now, and of no other: what a firewall does that
 * has forgotten them. Neither side is told.
 */
export async function forgotten(lab: Lab): Promise<void> {
  const { stdout } = await lab.network.run('node', 'ss', ['-Htn', 'state', 'established', 'dst', faultyAddress]);
  const ports = stdout
    .split('\n')
    .map((line) => /:([0-9]+)\s/.exec(line.trim())?.[1])
    .filter((port) => port !== undefined);
  if (ports.length === 0) throw new Error(`the node has no connection to ${faultyAddress}`);
  const all = `{ ${[...new Set(ports)].join(', ')} }`;
  await lab.filter('reg', 'output', [`ip saddr ${faultyAddress} tcp dport ${all} drop`]);
}

/** Does something beside the command, once it is under way; a failure comes out when the case ends. */
export function beside(lab: Lab, what: () => Promise<void>): void {
  const done = what().then(
    () => null,
    (error: unknown) => error,
  );
  lab.defer(async () => {
    const error = await done;
    if (error !== null) throw error;
  });
}

/** Longer than a sender may pause (`stallMs`). */
export const silence = (): Promise<void> => sleep(10_500);
