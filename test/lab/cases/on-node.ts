import { withCri } from '../containerd.ts';
import type { Lab } from '../lab.ts';

/** Pushes `repository:tag` to registry.lab and pulls it, so that it is on the node. */
export async function onNode(lab: Lab, repository: string, tag = '1.0'): Promise<void> {
  await lab.push(repository, tag);
  const runtime = await lab.runtime();
  const image = `registry.lab/${repository}:${tag}`;
  const pulled = await withCri(runtime, (cri) =>
    cri.pullImage(image, { signal: AbortSignal.timeout(20_000), deadlineMs: 20_000 }),
  );
  if (!pulled.ok) throw new Error(`${image}: ${pulled.error.message}`);
}
