import type { ProblemReply } from '../../serve/route.ts';
import type { StoreFailure } from '../parts.ts';

/** Seconds after which it may be asked again. */
const again: Readonly<Record<StoreFailure['reason'], string>> = {
  busy: '1',
  gone: '5',
  full: '30',
  damaged: '60',
  other: '5',
};

/** What who asks is told when the store cannot be read. */
export function storeProblem({ reason, message }: StoreFailure): ProblemReply {
  return {
    kind: 'problem',
    status: 503,
    detail: `The store cannot be read now: ${message}`,
    headers: { 'retry-after': again[reason] },
  };
}

/** A parameter of the query that the schema cannot judge. */
export function parameterProblem(name: string, detail: string): ProblemReply {
  return { kind: 'problem', status: 400, detail, errors: [{ pointer: `/${name}`, detail }] };
}
