/** Documents as the command prints them, made of a scene (see `view.ts`) or from scratch. */
import { documentOf } from '../../src/engine/document.ts';
import type { Investigation, PlanDocument, PullDocument } from '../../src/model/investigation.ts';
import type { RuntimeInfo } from '../../src/model/plan.ts';
import { type Scene, startedAtMs } from './view.ts';

/** A containerd that was asked. */
export const containerd: RuntimeInfo = {
  name: 'containerd',
  version: '2.1.9',
  ready: true,
  imagePresent: null,
  endpoint: 'unix:///run/containerd/containerd.sock',
};

/** What an investigation of the scene says, on the node worker-3. */
export function investigationOf(scene: Scene, runtime: RuntimeInfo = containerd): Investigation {
  const head = { id: 'i1', node: 'worker-3', startedAt: new Date(startedAtMs).toISOString(), durationMs: 412 };
  return documentOf(scene.view(), head, runtime);
}

/** The scene's plan. */
export function planDocumentOf(scene: Scene, more: Partial<PlanDocument> = {}): PlanDocument {
  return {
    apiVersion: 'pullwhy/v1',
    kind: 'Plan',
    node: 'worker-3',
    ...scene.plan,
    runtime: containerd,
    cause: null,
    summary: null,
    ...more,
  };
}

/** A pull of the scene's image that worked, unless `more` says otherwise. */
export function pullDocumentOf(scene: Scene, more: Partial<PullDocument> = {}): PullDocument {
  return {
    apiVersion: 'pullwhy/v1',
    kind: 'Pull',
    node: 'worker-3',
    startedAt: new Date(startedAtMs).toISOString(),
    image: scene.plan.image,
    runtime: containerd,
    pull: { attempted: true, ok: true, durationMs: 903, error: null, cause: null },
    imageRef: `sha256:${'c'.repeat(64)}`,
    summary: 'It was pulled.',
    remedies: [],
    ...more,
  };
}
