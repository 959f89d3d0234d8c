import { createPrivateKey, X509Certificate } from 'node:crypto';
import { posix } from 'node:path';
import { limits } from '../lib/limits.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { Secret } from '../lib/secret.ts';
import { type FileFailure, type HostFiles, sourceName } from './host-files.ts';

/**
 * What lies in a directory in Docker's layout (`/etc/docker/certs.d/HOST`): `*.crt` are CA certificates, `NAME.cert`
 * with `NAME.key` a client certificate. Paths are the node's, in the order of their names.
 */
export interface CertificateDirectory {
  readonly authorities: readonly string[];
  /** `key` is null when `NAME.key` is not there: containerd then looks for the key in the `.cert`, CRI-O refuses. */
  readonly pairs: readonly { readonly cert: string; readonly key: string | null }[];
  /** `*.key` without its `.cert`: containerd passes over it, CRI-O refuses the directory. */
  readonly strayKeys: readonly string[];
}

/** Why certificates cannot be used. `unreadable` of kind `denied` speaks of this process, not of the runtime. */
export type CertificateFailure =
  | { readonly kind: 'unreadable'; readonly path: string; readonly file: FileFailure }
  | { readonly kind: 'no-certificate'; readonly path: string }
  | { readonly kind: 'no-key'; readonly path: string }
  | { readonly kind: 'bad-key'; readonly path: string }
  | { readonly kind: 'mismatch'; readonly path: string };

/** A client certificate (its chain) and its private key, PEM. */
export interface ClientPair {
  readonly cert: string;
  readonly key: Secret;
}

/** Lists a directory in Docker's layout (containerd: loadCertFiles in config/hosts.go; CRI-O: tlsclientconfig.go). */
export async function listCertificates(
  host: HostFiles,
  directory: string,
): Promise<Result<CertificateDirectory, FileFailure>> {
  const names = await host.list(directory);
  if (!names.ok) return names;
  const files: string[] = [];
  for (const name of names.value.filter((name) => /\.(crt|cert|key)$/.test(name))) {
    const info = await host.info(posix.join(directory, name));
    if (!info.ok || info.value.type !== 'directory') files.push(name);
  }
  const path = (name: string): string => posix.join(directory, name);
  const stem = (name: string): string => name.replace(/\.(cert|key)$/, '');
  const certs = files.filter((name) => name.endsWith('.cert'));
  const keys = files.filter((name) => name.endsWith('.key'));
  return ok({
    authorities: files.filter((name) => name.endsWith('.crt')).map(path),
    pairs: certs.map((cert) => {
      const key = `${stem(cert)}.key`;
      return { cert: path(cert), key: keys.includes(key) ? path(key) : null };
    }),
    strayKeys: keys.filter((key) => !certs.includes(`${stem(key)}.cert`)).map(path),
  });
}

/**
 * The CA certificates of a PEM file, those that parse, as PEM. Like Go's `AppendCertsFromPEM` it passes over what is
 * no certificate; a file without a single one is a failure.
 */
export async function loadAuthorities(host: HostFiles, path: string): Promise<Result<string, CertificateFailure>> {
  const text = await host.readText(path, limits.trustFileBytes);
  if (!text.ok) return fail({ kind: 'unreadable', path, file: text.error });
  const blocks = certificateBlocks(text.value).filter((block) => parseCertificate(block) !== null);
  return blocks.length === 0 ? fail({ kind: 'no-certificate', path }) : ok(`${blocks.join('\n')}\n`);
}

/**
 * A client certificate and its key as Go's `tls.X509KeyPair` takes them; `keyPath` null: the key lies in the same
 * file. An encrypted key is a `bad-key`: Go has no way to ask for its password.
 */
export async function loadClientPair(
  host: HostFiles,
  certPath: string,
  keyPath: string | null,
): Promise<Result<ClientPair, CertificateFailure>> {
  const cert = await host.readText(certPath, limits.trustFileBytes);
  if (!cert.ok) return fail({ kind: 'unreadable', path: certPath, file: cert.error });
  const key = keyPath === null ? cert : await host.readText(keyPath, limits.trustFileBytes);
  if (!key.ok) return fail({ kind: 'unreadable', path: keyPath ?? certPath, file: key.error });
  const blocks = certificateBlocks(cert.value);
  const leaf = parseCertificate(blocks[0] ?? '');
  if (leaf === null) return fail({ kind: 'no-certificate', path: certPath });
  const block = /-----BEGIN (?:[A-Z0-9 ]+ )?PRIVATE KEY-----[\s\S]*?-----END (?:[A-Z0-9 ]+ )?PRIVATE KEY-----/.exec(
    key.value,
  )?.[0];
  if (block === undefined) return fail({ kind: 'no-key', path: keyPath ?? certPath });
  try {
    if (!leaf.checkPrivateKey(createPrivateKey(block))) return fail({ kind: 'mismatch', path: keyPath ?? certPath });
  } catch {
    return fail({ kind: 'bad-key', path: keyPath ?? certPath });
  }
  return ok({ cert: `${blocks.join('\n')}\n`, key: new Secret(`${block}\n`) });
}

/** What is wrong with a certificate file, to follow its name: `… cannot be read: it does not exist`. */
export function certificateFailureWords(failure: CertificateFailure): string {
  const name = sourceName(failure.path);
  switch (failure.kind) {
    case 'unreadable':
      return `${name} ${fileFailureWords(failure.file)}`;
    case 'no-certificate':
      return `${name} holds no certificate in PEM form`;
    case 'no-key':
      return `${name} holds no private key in PEM form`;
    case 'bad-key':
      return `the private key in ${name} cannot be used (damaged, encrypted or of an unknown kind)`;
    case 'mismatch':
      return `the private key in ${name} does not belong to the certificate`;
  }
}

/** What is wrong with a file, to follow its name. */
export function fileFailureWords(failure: FileFailure): string {
  switch (failure.kind) {
    case 'absent':
      return 'does not exist';
    case 'denied':
      return 'may not be read by Pullwhy';
    case 'too-large':
      return `has ${failure.bytes} bytes, more than the ${failure.limit} that Pullwhy reads`;
    case 'not-a-file':
      return 'is not a file';
    case 'failed':
      return `cannot be read (${failure.code})`;
  }
}

/**
 * True when the failure is certain to hit the runtime too. What this process may not read, or reads only in part, the
 * runtime, running as root and without our bounds, may well use.
 */
export function hitsRuntime(failure: FileFailure): boolean {
  return failure.kind !== 'denied' && failure.kind !== 'too-large';
}

function certificateBlocks(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
}

function parseCertificate(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}
