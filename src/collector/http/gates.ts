import type { Env } from '../../lib/env.ts';
import type { Log } from '../../lib/log.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import { readSmallFile } from '../../lib/small-file.ts';
import { addressOf, bearerOf, type Gate, type GateSettings, openGate, refuse, unknown } from '../../serve/auth.ts';
import { parseTokens, type Tokens } from './tokens.ts';

/** How callers are known. */
export type CollectorGateSettings =
  | Exclude<GateSettings, { readonly mode: 'kubernetes' }>
  | (Extract<GateSettings, { readonly mode: 'kubernetes' }> & {
      /** Service accounts (`system:serviceaccount:NAMESPACE:NAME`) whose tokens name no node and that may report as every node. */
      readonly anyNode: readonly string[];
    });

/** Makes the gate. What is `open` is let in by all modes. A caller's nodes are those that it may report as. */
export function openCollectorGate(settings: CollectorGateSettings, { env, log }: { env: Env; log: Log }): Gate {
  switch (settings.mode) {
    case 'none':
    case 'mtls':
      return openGate(settings, env);
    case 'token':
      return tokensGate(settings.tokenFile, { env, log });
    case 'kubernetes': {
      const gate = openGate(settings, env);
      return async (knock) => {
        const caller = await gate(knock);
        if (!caller.ok || knock.access !== 'report' || caller.value.nodes?.length !== 0) return caller;
        if (settings.anyNode.includes(caller.value.name)) return ok({ ...caller.value, nodes: null });
        return refuse(
          403,
          `The token of ${caller.value.name} names no node. Kubernetes before 1.30 does not write it into tokens: put the service account into http.auth.anyNode there, or use another http.auth.mode.`,
        );
      };
    }
  }
}

/** A file that may rotate is read again after this long. */
const rereadMs = 1000;

function tokensGate(file: string, { env, log }: { readonly env: Env; readonly log: Log }): Gate {
  let known: { readonly tokens: Result<Tokens, string>; readonly at: number } | null = null;
  let told = '';
  return async ({ request, access }) => {
    if (access === 'open') return ok({ name: addressOf(request), nodes: null });
    const given = bearerOf(request);
    if (given === null) return unknown();
    const now = env.monotonic();
    if (known === null || now - known.at > rereadMs) {
      known = { tokens: await readTokens(file), at: now };
      const trouble = known.tokens.ok ? '' : known.tokens.error;
      if (trouble !== '' && trouble !== told) log.error('nobody is let in', { error: trouble });
      told = trouble;
    }
    if (!known.tokens.ok) return refuse(503, 'The file of http.auth.tokenFile holds no tokens that can be read.');
    const grant = known.tokens.value.grantOf(given);
    if (grant === null) return unknown();
    switch (grant.may) {
      case 'all':
        return ok({ name: `token ${addressOf(request)}`, nodes: null });
      case 'read':
        return access === 'read'
          ? ok({ name: `reader ${addressOf(request)}`, nodes: [] })
          : refuse(403, 'This token only reads.');
      case 'report':
        return access === 'report'
          ? ok({ name: `node ${grant.node}`, nodes: [grant.node] })
          : refuse(403, `This token only reports as ${grant.node}.`);
    }
  };
}

/** The tokens of a file; the failure is for the operator and repeats nothing of it. */
export async function readTokens(file: string): Promise<Result<Tokens, string>> {
  const text = await readSmallFile(file, { regular: true });
  if (!text.ok) return fail(`${file} ${text.error.what}.`);
  const tokens = parseTokens(text.value);
  return tokens.ok ? tokens : fail(`${file}: ${tokens.error}.`);
}
