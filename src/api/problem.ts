import { type Static, Type } from './schema.ts';

/** An error over HTTP (RFC 9457). `type` stays `about:blank` but where a caller can act on the difference. */
export const ProblemDocument = Type.Object({
  type: Type.String({ examples: ['about:blank', 'urn:pullwhy:problem:target-refused'] }),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String({ description: 'what is wrong, where, and what to do' }),
  instance: Type.Optional(Type.String({ description: 'the path that was asked' })),
  errors: Type.Optional(
    Type.Array(
      Type.Object({
        pointer: Type.String({ description: 'JSON pointer into the body, or the name of a parameter' }),
        detail: Type.String(),
      }),
    ),
  ),
});
export type ProblemDocument = Static<typeof ProblemDocument>;
