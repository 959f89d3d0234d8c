import type { ProblemReply } from './route.ts';

/**
 * The refusal of a name with a user and a password in it (`https://app:secret@reg.corp/x`); null for others. In a name an
 * at sign stands before a digest only, and every document that repeats the name would repeat the password.
 */
export function userinfoProblem(field: string, name: string): ProblemReply | null {
  // A host with its port looks much like a digest: `app:secret@cafe:5000`.
  if (!name.replace(/@(?:sha(?:256|384|512):[0-9a-f]*|[a-z0-9+._-]+:[0-9a-f]{32,})$/i, '').includes('@')) return null;
  const detail = `/${field} has an at sign that no digest follows; a user and password do not belong into a name: send them as credentials.`;
  return {
    kind: 'problem',
    status: 422,
    detail,
    errors: [{ pointer: `/${field}`, detail: 'has an at sign that no digest follows' }],
  };
}
