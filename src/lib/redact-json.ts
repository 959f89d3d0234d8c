import { redactText } from './redact.ts';

const mask = '[secret]';

/**
 * Names under which a secret is kept in configuration. `headers` because containerd's registry configuration puts
 * `Authorization` there. A name that ends in `file`, `path` and the like says where a secret lies, which is no secret.
 */
const secretName =
  /^(?:auth|auths|headers?|authorization|cookies?)$|passw(?:or)?d|passphrase|secret|token|credential|private_?key|api_?key|access_?key/iu;
const placeName = /(?:file|path|dir|directory|url|server|address|realm|timeout|limit|policy|provider|count|type)s?$/iu;

/** Deeper than this nothing of a foreign document is kept. */
const maxDepth = 64;

/**
 * A copy of a JSON value in which everything under a secret's name is replaced by `[secret]`, at any depth, and every
 * text is redacted as `redactText` does. What is empty stays: that no password is set is worth knowing.
 */
export function redactJson(value: unknown, depth = 0): unknown {
  if (depth > maxDepth) return mask;
  if (typeof value === 'string') return redactText(value);
  if (Array.isArray(value)) return value.map((item) => redactJson(item, depth + 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const hide = secretName.test(name) && !placeName.test(name) && !isEmpty(member);
      return [name, hide ? mask : redactJson(member, depth + 1)];
    }),
  );
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === '' || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
