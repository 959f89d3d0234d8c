import type { Secret } from '../lib/secret.ts';
import type { CredentialLifetimeInfo, CredentialsInfo } from '../model/plan.ts';
import { type CredentialLifetime, credentialLifetime } from '../registry/credential-lifetime.ts';

/** Of a credential what documents show is made. */
export interface ShownCredential {
  readonly key: string;
  readonly source: string;
  readonly username: string;
  readonly password: Secret;
  readonly ofPod: boolean;
  readonly sentTo: string | null;
}

/** One credential as documents show it: never a secret, nor a part of one. */
export function credentialInfo(credential: ShownCredential): CredentialsInfo['matches'][number] {
  const { key, source, username, password, sentTo, ofPod } = credential;
  return {
    ...{ key, source, username: shownUsername(username, password) },
    ...(sentTo === null ? {} : { sentTo }),
    ...(ofPod ? { ofPod: true as const } : {}),
    ...lifetimeInfo(credentialLifetime(username, password)),
    ...(username === '' && password.reveal() === '' ? { empty: true as const } : {}),
    ...oddity(username, password),
  };
}

/**
 * The user's name as documents show it. Some registries take a token for both (DigitalOcean's docker-config has it twice), and
 * GitHub one beside a word that says so: then the name is the secret.
 */
export function shownUsername(username: string, password: Secret): string {
  const word = password.reveal();
  const isToken = username !== '' && (username === word || word === 'x-oauth-basic');
  return isToken ? '[secret]' : username;
}

/** What tools leave at the ends of a password that nobody typed (`echo` without -n, a file's last line). */
function oddity(username: string, password: Secret): { readonly odd?: string } {
  const text = password.reveal();
  const [where, blank] = /\s$/.test(text) ? ['ends in', text.at(-1)] : /^\s/.test(text) ? ['begins with', text[0]] : [];
  if (where !== undefined)
    return { odd: `the password ${where} a ${blank === '\n' || blank === '\r' ? 'line break' : 'blank'}` };
  return username !== username.trim() ? { odd: 'the user name has blanks around it' } : {};
}

function lifetimeInfo(lifetime: CredentialLifetime | null): { readonly lifetime?: CredentialLifetimeInfo } {
  if (lifetime === null) return {};
  const { expiresAtMs, issuedAtMs, by } = lifetime;
  const issuedAt = issuedAtMs === null ? null : new Date(issuedAtMs).toISOString();
  return { lifetime: { expiresAt: new Date(expiresAtMs).toISOString(), issuedAt, by } };
}
