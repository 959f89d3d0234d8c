import { withCri } from '../containerd.ts';
import type { Lab } from '../lab.ts';

/** Pushes `repository:1.0` to registry.lab and pulls it, so that it is on the node. */
export async function onNode(lab: Lab, repository: string): Promise<void> {
  await lab.push(repository, '1.0');
  const runtime = await lab.runtime();
  const image = `registry.lab/${repository}:1.0`;
  const pulled = await withCri(runtime, (cri) =>
    cri.pullImage(image, { signal: AbortSignal.timeout(20_000), deadlineMs: 20_000 }),
  );
  if (!pulled.ok) throw new Error(`${image}: ${pulled.error.message}`);
}
