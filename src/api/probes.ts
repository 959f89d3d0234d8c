import { ProbeShape } from './investigation.ts';
import { type Static, Type, timeString } from './schema.ts';
import { ApiVersion } from './words.ts';

/** What can be looked at by itself. */
export const probeNames = ['dns', 'tcp', 'tls', 'proxy', 'registry'] as const;
export type ProbeName = (typeof probeNames)[number];

/** The body of `POST /v1/probes/{kind}`. */
export const ProbeBody = Type.Object(
  {
    target: Type.String({
      minLength: 1,
      maxLength: 512,
      description:
        "a registry as an image names it: HOST or HOST:PORT; it is reached the way that this node's runtime would",
      examples: ['registry.corp.example:5000', 'docker.io'],
    }),
  },
  { additionalProperties: false, examples: [{ target: 'registry.corp.example:5000' }, { target: 'docker.io' }] },
);
export type ProbeBody = Static<typeof ProbeBody>;

/** One probe that is asked for. */
export interface ProbeRequest {
  readonly probe: ProbeName;
  readonly target: string;
}

/** What came of it: the probe on every endpoint and address of the target, with the probes that it needed before it. */
export const ProbesDocument = Type.Object({
  apiVersion: ApiVersion,
  kind: Type.Literal('Probes'),
  node: Type.String(),
  at: timeString('of the answer'),
  target: Type.String(),
  status: Type.Enum(['ok', 'failed', 'skipped'], {
    description: 'of the kind that was asked for, all of them together',
  }),
  probes: Type.Array(ProbeShape),
});
export type ProbesDocument = Static<typeof ProbesDocument>;
