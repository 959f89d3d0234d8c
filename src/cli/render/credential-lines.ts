import type { CredentialTry } from '../../model/credential-try.ts';
import type { Investigation } from '../../model/investigation.ts';

/** One line of what became of the credentials. */
export interface CredentialLine {
  readonly state: 'good' | 'bad' | 'warn' | 'unknown';
  /** Whose. */
  readonly who: string;
  readonly words: string;
}

const states: Readonly<Record<CredentialTry['outcome'], CredentialLine['state']>> = {
  accepted: 'good',
  'not-needed': 'good',
  refused: 'bad',
  failed: 'warn',
  'not-tried': 'unknown',
};

/**
 * What became of each credential in the kubelet's order, then of nobody; before them the pod's secrets that it has nothing of.
 * Nothing where one credential of a file is all that there is: the way itself says it then.
 */
export function credentialLines({ pod, credentialTries = [], findings }: Investigation): readonly CredentialLine[] {
  const sources = new Set(credentialTries.map(({ source }) => source).filter((source) => source !== null));
  if (pod === undefined && sources.size < 2) return [];
  const secrets = (pod?.secrets ?? []).flatMap(({ name, state, why }): CredentialLine[] => {
    if (state === 'usable') return [];
    return [
      { state: state === 'unknown' ? 'unknown' : 'bad', who: `Secret ${pod?.namespace}/${name}`, words: why ?? state },
    ];
  });
  // Of several endpoints the one that the verdict is about, else the last that was asked.
  const endpoint = findings[0]?.endpoint ?? credentialTries.at(-1)?.endpoint;
  const tries = credentialTries.filter((one) => one.endpoint === endpoint).map(tryLine);
  const seen = new Set(tries.map(({ who }) => who));
  const useless = (pod?.secrets ?? []).flatMap(({ name, state, keys }): CredentialLine[] => {
    const who = `Secret ${pod?.namespace}/${name}`;
    if (state !== 'usable' || [...seen].some((one) => one.startsWith(who))) return [];
    const words = keys.length === 0 ? 'has no entries' : `has entries for ${keys.slice(0, 4).join(', ')} only`;
    return [{ state: 'unknown', who, words }];
  });
  return [...secrets, ...useless, ...tries];
}

function tryLine({ source, key, username, outcome, words }: CredentialTry): CredentialLine {
  const user = username === null || username === '' ? '' : ` as ${JSON.stringify(username)}`;
  const who = source === null ? 'without any' : `${source}${user}${key === null ? '' : `, for ${key}`}`;
  return { state: states[outcome], who, words };
}
