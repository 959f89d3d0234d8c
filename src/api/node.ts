import { nullable, type Static, Type, timeString } from './schema.ts';
import { ApiVersion, Cause, ConfidenceName, LayerName, VerdictName } from './words.ts';

/** What the agent does about a pod's image by itself. */
export const RetryShape = Type.Object({
  state: Type.Enum(['off', 'not-possible', 'waiting', 'pulling', 'pulled'], {
    description:
      'off: configured so; not-possible: a retry by the agent gains nothing here (the note says why); waiting: the failed hop is checked again; pulled: the image is on the node, the kubelet finds it at its next look',
  }),
  nextCheckAt: nullable(timeString('when the failed hop is checked next')),
  note: Type.String({ description: 'one sentence' }),
});

/** A pod of this node whose image does not come. */
export const PodRow = Type.Object({
  namespace: nullable(Type.String()),
  pod: nullable(Type.String({ description: 'null where no line named a pod: a pull by hand' })),
  container: nullable(Type.String()),
  image: Type.String({ description: "as the pod's spec has it" }),
  normalized: nullable(Type.String()),
  reason: Type.String({
    description: "the kubelet's word",
    examples: ['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull', 'FailedCreatePodSandBox'],
  }),
  cause: nullable(Cause),
  confidence: nullable(ConfidenceName),
  layer: nullable(LayerName),
  underlying: nullable(Cause),
  host: nullable(Type.String({ description: 'the network party concerned' })),
  summary: Type.String({ description: 'one sentence that a person can act on' }),
  message: Type.String({ description: "the kubelet's or runtime's own last words" }),
  firstSeenAt: timeString('of the first failure that was seen'),
  lastSeenAt: timeString('of the last one'),
  attempts: Type.Integer({ description: 'failed pulls that were seen' }),
  nextTryAt: nullable(timeString("the kubelet's next try, by its back-off; null when it cannot be told")),
  nextTryInSeconds: nullable(Type.Number({ description: 'from the time of this answer; 0 when it is due' })),
  backOffSeconds: nullable(Type.Number({ description: 'the back-off that is under way' })),
  incident: Type.String({ description: 'one per image: all its pods share it' }),
  investigation: nullable(Type.String({ description: 'id of the newest one' })),
  investigating: Type.Boolean({ description: 'an investigation is queued or runs' }),
  retry: RetryShape,
  // Agents before these fields were there give none of them.
  policy: Type.Optional(
    nullable(Type.Enum(['Always', 'IfNotPresent', 'Never'], { description: 'imagePullPolicy of the container' })),
  ),
  uid: Type.Optional(nullable(Type.String({ description: 'of the pod; null where no API server tells it' }))),
  owner: Type.Optional(
    nullable(
      Type.Object(
        { kind: Type.String({ examples: ['Deployment'] }), name: Type.String() },
        { description: 'who made the pod; null: nobody, or no API server tells it' },
      ),
    ),
  ),
});
export type PodRow = Static<typeof PodRow>;

/** `GET /v1/pods`. */
export const PodsDocument = Type.Object({
  apiVersion: ApiVersion,
  kind: Type.Literal('Pods'),
  node: Type.String(),
  at: timeString('of this answer'),
  pods: Type.Array(PodRow),
});
export type PodsDocument = Static<typeof PodsDocument>;

/** One hop on the way to a registry, as it was last found. */
export const HopRow = Type.Object({
  hop: Type.String({ examples: ['nameserver', 'proxy', 'registry', 'mirror'] }),
  target: Type.String(),
  status: Type.Enum(['ok', 'failed', 'skipped']),
  durationMs: Type.Number(),
  error: nullable(Type.String()),
});

/** One registry that this node uses. */
export const RegistryRow = Type.Object({
  registry: Type.String({ examples: ['registry.corp.example', 'docker.io'] }),
  usedBy: Type.Array(Type.Enum(['images', 'configuration', 'settings', 'incidents']), {
    description:
      "why it is watched: images on the node, its registry configuration, the agent's own settings, what fails now",
  }),
  images: Type.Integer({ description: 'images of it that are on the node' }),
  verdict: VerdictName,
  cause: nullable(Cause),
  summary: Type.String(),
  checkedAt: nullable(timeString('of the last check')),
  nextCheckAt: nullable(timeString('of the next one')),
  since: nullable(timeString('since when the verdict holds')),
  hops: Type.Array(HopRow),
  latencyMs: Type.Object({
    dns: nullable(Type.Number()),
    tcp: nullable(Type.Number()),
    tls: nullable(Type.Number()),
    registry: nullable(Type.Number()),
  }),
  certificate: nullable(
    Type.Object({
      notAfter: timeString('the first end of a certificate in its chain'),
      subject: Type.String(),
      daysLeft: Type.Number(),
    }),
  ),
  rateLimit: nullable(
    Type.Object({
      limit: nullable(Type.Integer()),
      remaining: nullable(Type.Integer()),
      windowSeconds: nullable(Type.Integer()),
      source: nullable(Type.String({ description: 'the address that is counted, as the registry names it' })),
    }),
  ),
  mirrors: Type.Array(Type.Object({ url: Type.String(), verdict: Type.Enum(['healthy', 'faulty', 'skipped']) })),
  findings: Type.Array(
    Type.Object({ cause: Cause, confidence: ConfidenceName, summary: Type.String(), host: nullable(Type.String()) }),
  ),
});
export type RegistryRow = Static<typeof RegistryRow>;

/** `GET /v1/registries`. */
export const RegistriesDocument = Type.Object({
  apiVersion: ApiVersion,
  kind: Type.Literal('Registries'),
  node: Type.String(),
  at: timeString('of this answer'),
  registries: Type.Array(RegistryRow),
});
export type RegistriesDocument = Static<typeof RegistriesDocument>;

/** `GET /v1/runtime`: what the runtime says of itself; what could hold secrets is left out. */
export const RuntimeDocument = Type.Object({
  apiVersion: ApiVersion,
  kind: Type.Literal('Runtime'),
  node: Type.String(),
  at: timeString('of this answer'),
  endpoint: nullable(Type.String()),
  name: nullable(Type.String()),
  version: nullable(Type.String()),
  apiVersionOfRuntime: nullable(Type.String()),
  ready: nullable(Type.Boolean()),
  conditions: Type.Array(
    Type.Object({ type: Type.String(), status: Type.Boolean(), reason: Type.String(), message: Type.String() }),
  ),
  imageFilesystem: nullable(
    Type.Object({
      mountpoint: Type.String(),
      usedBytes: nullable(Type.Number()),
      totalBytes: nullable(Type.Number()),
      freeBytes: nullable(Type.Number()),
      freeInodes: nullable(Type.Number()),
    }),
  ),
  images: nullable(Type.Integer()),
  error: nullable(Type.String({ description: 'why the runtime could not be asked' })),
});
export type RuntimeDocument = Static<typeof RuntimeDocument>;
