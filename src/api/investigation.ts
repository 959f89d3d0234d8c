import type { Investigation } from '../model/investigation.ts';
import { type Frozen, nullable, type Static, Type, timeString } from './schema.ts';
import { ApiVersion, Cause, ConfidenceName, LayerName, PolicyName, VerdictName } from './words.ts';

/** What to do about a finding. */
export const RemedyShape = Type.Object({
  text: Type.String(),
  command: nullable(Type.String({ description: 'to be run on the node' })),
});

/** One cause that holds, with its evidence. */
export const FindingShape = Type.Object({
  cause: Cause,
  layer: LayerName,
  confidence: ConfidenceName,
  severity: Type.Enum(['fault', 'degraded']),
  summary: Type.String({ description: 'one sentence that a person can act on' }),
  evidence: Type.Array(Type.String(), { description: 'ids of probes' }),
  remedies: Type.Array(RemedyShape),
  underlying: nullable(Cause),
  host: nullable(Type.String()),
  endpoint: nullable(Type.Integer({ description: 'index into endpoints' })),
  alternatives: Type.Array(Cause),
});

/** One measurement. Its facts are the probe kind's own. */
export const ProbeShape = Type.Object({
  id: Type.String(),
  kind: Type.String(),
  target: Type.String(),
  hop: Type.String(),
  endpoint: nullable(Type.Integer()),
  counterfactual: Type.Boolean(),
  status: Type.Enum(['ok', 'failed', 'skipped']),
  startedMs: Type.Number(),
  durationMs: Type.Number(),
  error: nullable(Type.Object({ code: Type.String(), message: Type.String() })),
  facts: Type.Object({}, { additionalProperties: true }),
});

/** The document of `diagnose`, in what every reader of it needs; the plan's own fields come beside them. */
export const InvestigationShape = Type.Object(
  {
    apiVersion: ApiVersion,
    kind: Type.Literal('Investigation'),
    id: Type.String(),
    node: Type.String(),
    startedAt: timeString('when it began'),
    durationMs: Type.Number(),
    image: Type.Object({
      input: Type.String(),
      normalized: nullable(Type.String()),
      registry: nullable(Type.String()),
      repository: nullable(Type.String()),
      tag: nullable(Type.String()),
      digest: nullable(Type.String()),
    }),
    verdict: VerdictName,
    cause: nullable(Cause),
    confidence: nullable(ConfidenceName),
    layer: nullable(LayerName),
    underlying: nullable(Cause),
    summary: Type.String(),
    findings: Type.Array(FindingShape, { description: 'the primary one first' }),
    ruledOut: Type.Array(Type.Object({ layer: LayerName, evidence: Type.Array(Type.String()), note: Type.String() })),
    credentialTries: Type.Optional(
      Type.Array(
        Type.Object({
          endpoint: Type.Integer({ description: 'index into endpoints' }),
          source: nullable(
            Type.String({ description: 'null: nobody, to compare with', examples: ['Secret shop/regcred'] }),
          ),
          key: nullable(Type.String({ description: 'the entry that matches' })),
          username: nullable(Type.String()),
          ofPod: Type.Boolean({ description: 'of a pull secret of the pod' }),
          outcome: Type.Enum(['accepted', 'not-needed', 'refused', 'failed', 'not-tried']),
          status: nullable(Type.Integer()),
          words: Type.String(),
          evidence: Type.Array(Type.String(), { description: 'ids of probes' }),
        }),
        { description: "what became of each credential, in the kubelet's order; absent where none is known" },
      ),
    ),
    pod: Type.Optional(
      Type.Object(
        {
          namespace: Type.String(),
          name: Type.String(),
          serviceAccount: Type.String(),
          secrets: Type.Array(
            Type.Object({
              name: Type.String(),
              from: Type.Enum(['pod', 'service-account', 'later']),
              state: Type.Enum(['usable', 'missing', 'wrong-type', 'no-data', 'unparseable', 'unknown']),
              why: nullable(Type.String()),
              keys: Type.Array(Type.String(), { description: 'registries that it has entries for' }),
            }),
          ),
          reader: nullable(Type.String({ description: 'the service account that lacks the right to read them' })),
        },
        { description: 'the pod that it was made for, with its pull secrets; never what is in them' },
      ),
    ),
    probes: Type.Array(ProbeShape),
    endpoints: Type.Array(
      Type.Object(
        {
          url: Type.String(),
          role: Type.Enum(['mirror', 'upstream']),
          source: Type.String(),
          proxy: nullable(Type.String()),
          proxyReason: Type.String(),
          verdict: Type.Enum(['healthy', 'faulty', 'skipped']),
        },
        { additionalProperties: true },
      ),
    ),
    runtime: Type.Object({
      name: nullable(Type.String()),
      version: nullable(Type.String()),
      ready: nullable(Type.Boolean()),
      imagePresent: nullable(Type.Boolean()),
      endpoint: nullable(Type.String()),
    }),
    pull: Type.Object({
      attempted: Type.Boolean(),
      ok: nullable(Type.Boolean()),
      durationMs: nullable(Type.Number()),
      error: nullable(Type.String()),
      cause: nullable(Cause),
    }),
  },
  { additionalProperties: true, description: 'one investigation (the document of `pullwhy diagnose -o json`)' },
);

/** A pod's pull secret, as a caller hands it over: used once, kept nowhere. */
const RequestCredentials = Type.Object(
  {
    username: Type.String({ maxLength: 4096 }),
    password: Type.String({ maxLength: 65_536, writeOnly: true }),
  },
  { additionalProperties: false, description: 'used for this one request, never stored, logged or sent on' },
);

/** The body of `POST /v1/investigations`. */
export const InvestigationRequest = Type.Object(
  {
    image: Type.String({ minLength: 1, maxLength: 4096, examples: ['registry.corp.example/team/web:1.4'] }),
    platform: Type.Optional(Type.String({ maxLength: 64, examples: ['linux/arm64'] })),
    pull: Type.Optional(Type.Boolean({ description: 'also retry the pull by the runtime, over CRI' })),
    pullPolicy: Type.Optional(PolicyName),
    credentials: Type.Optional(RequestCredentials),
    pod: Type.Optional(
      Type.Object(
        { namespace: Type.String({ maxLength: 253 }), name: Type.String({ maxLength: 253 }) },
        {
          additionalProperties: false,
          description:
            'the pod that it is asked for: one of this node that names the image; with kubernetes.readSecrets its own pull secrets are tried',
        },
      ),
    ),
  },
  {
    additionalProperties: false,
    examples: [
      { image: 'registry.corp.example/team/web:1.4' },
      { image: 'nginx:1.27', platform: 'linux/arm64', pullPolicy: 'Always', pull: true },
      {
        image: 'registry.corp.example/team/web:1.4',
        credentials: { username: 'app', password: "taken from the pod's pull secret" },
        pod: { namespace: 'shop', name: 'web-7d4b9c6f5-x2x8p' },
      },
    ],
  },
);
export type InvestigationRequest = Static<typeof InvestigationRequest>;

/** `GET /v1/investigations`: newest first. */
export const InvestigationsDocument = Type.Object({
  apiVersion: ApiVersion,
  kind: Type.Literal('Investigations'),
  node: Type.String(),
  investigations: Type.Array(InvestigationShape),
});
export type InvestigationsDocument = Static<typeof InvestigationsDocument>;

/** The body of `POST /v1/pulls`. */
export const PullRequest = Type.Object(
  {
    image: Type.String({ minLength: 1, maxLength: 4096, examples: ['nginx:1.27'] }),
    credentials: Type.Optional(RequestCredentials),
  },
  { additionalProperties: false, examples: [{ image: 'nginx:1.27' }] },
);
export type PullRequest = Static<typeof PullRequest>;

/** One pull that the agent made or makes. */
export const PullRecord = Type.Object({
  apiVersion: ApiVersion,
  kind: Type.Literal('Pull'),
  id: Type.String(),
  node: Type.String(),
  image: Type.String(),
  state: Type.Enum(['queued', 'pulling', 'done', 'failed'], { description: 'done and failed are final' }),
  /** Who wanted it. */
  reason: Type.Enum(['asked', 'recovery', 'eager']),
  requestedAt: timeString('when it was asked for'),
  startedAt: nullable(timeString('when the runtime was asked')),
  endedAt: nullable(timeString('when the runtime had answered')),
  durationMs: nullable(Type.Number()),
  imageRef: nullable(Type.String({ description: 'what the runtime calls the image now' })),
  error: nullable(Type.String({ description: "the runtime's own words" })),
  cause: nullable(Cause),
  summary: Type.String(),
});
export type PullRecord = Static<typeof PullRecord>;

type Assert<T extends true> = T;
/** The compiler's word that every investigation fits the schema that is published. */
export type InvestigationFits = Assert<Investigation extends Frozen<Static<typeof InvestigationShape>> ? true : false>;
