import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseReference } from '../../src/image/reference.ts';
import { type ContainerdOptions, planContainerd } from '../../src/node/containerd-plan.ts';
import { hostFiles } from '../../src/node/host-files.ts';
import type { RuntimePlan } from '../../src/node/runtime-plan.ts';
import { writeTree } from './containerd-real.ts';

/** containerd's configuration below the host root. */
export const main = 'etc/containerd/config.toml';
/** Docker Hub's host file. */
export const hub = 'etc/containerd/certs.d/docker.io/hosts.toml';
/** The CRI plugin's table in version 2, and what pulls images in version 3. */
export const v2 = 'plugins."io.containerd.grpc.v1.cri"';
export const v3 = 'plugins."io.containerd.cri.v1.images"';
export const certsD = 'config_path = "/etc/containerd/certs.d"\n';
export const mirror = '[host."https://m.corp"]\n';

/** A host root of its own for each test of the suite that calls this, and plans made of it. */
export function planSuite() {
  const root = { path: '' };
  beforeEach(async () => {
    root.path = await mkdtemp(join(tmpdir(), 'pullwhy-plan-'));
  });
  afterEach(() => rm(root.path, { recursive: true, force: true }));
  async function plan(
    files: Readonly<Record<string, string>>,
    version: string | null,
    input = 'nginx:1',
    more: Partial<ContainerdOptions> = {},
  ): Promise<RuntimePlan> {
    await writeTree(root.path, files);
    const reference = parseReference(input);
    assert.ok(reference.ok);
    return planContainerd(hostFiles(root.path), reference.value, { version, ...more });
  }
  return { root, plan };
}

/** The endpoints' URLs, in order. */
export function urls(result: RuntimePlan): string[] {
  return result.endpoints.map(({ info }) => info.url);
}

/** `error etc/file:1` for each problem. */
export function problems(result: RuntimePlan): string[] {
  return result.problems.map(({ severity, source }) => `${severity} ${source}`);
}
