import { createHash } from 'node:crypto';

/** An algorithm of the OCI image specification that registries use. */
export type DigestAlgorithm = 'sha256' | 'sha512';

/** The digest of nothing: what a registry or a proxy serves when it sends an empty body (containerd issue 4908). */
export const emptyDigest = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** The algorithm of a well-formed digest; null for anything else. */
export function digestAlgorithm(digest: string): DigestAlgorithm | null {
  if (/^sha256:[0-9a-f]{64}$/u.test(digest)) return 'sha256';
  if (/^sha512:[0-9a-f]{128}$/u.test(digest)) return 'sha512';
  return null;
}

/** `sha256:…` of the bytes. */
export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** Whether complete content is what a digest promises. */
export interface DigestCheck {
  readonly expected: string;
  /** Of what came, with the expected algorithm; null when `expected` is not a digest that can be checked. */
  readonly actual: string | null;
  /** Null: cannot be checked. */
  readonly matches: boolean | null;
  /** The content was empty: a broken cache or proxy rather than corruption. */
  readonly empty: boolean;
}

/** Compares complete content with the digest it was asked for or announced by. */
export function checkDigest(bytes: Uint8Array, expected: string): DigestCheck {
  const algorithm = digestAlgorithm(expected);
  const actual = algorithm === null ? null : digestOf(bytes, algorithm);
  return { expected, actual, matches: actual === null ? null : actual === expected, empty: bytes.length === 0 };
}
