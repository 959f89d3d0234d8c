import { posix } from 'node:path';
import { limits } from '../lib/limits.ts';
import type { Problem } from '../model/problem.ts';
import { failureWords } from './file-failure.ts';
import { type HostFiles, sourceName } from './host-files.ts';

/** The certificate authorities that a Go program on this node trusts. */
export interface TrustStore {
  /** The files that gave certificates which no file before them had: `etc/ssl/certs/ca-certificates.crt`. */
  readonly files: readonly string[];
  /** One CERTIFICATE block each, without duplicates. */
  readonly pem: readonly string[];
  /** How many there are in `pem`. */
  readonly certificates: number;
  readonly problems: readonly Problem[];
}

/** Go's list for Linux (crypto/x509/root_linux.go): the first that can be read is taken, the others are not looked at. */
const certificateFiles = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Ubuntu, Gentoo
  '/etc/pki/tls/certs/ca-bundle.crt', // Fedora, RHEL 6
  '/etc/ssl/ca-bundle.pem', // openSUSE
  '/etc/pki/tls/cacert.pem', // OpenELEC
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', // RHEL 7 and later
  '/etc/ssl/cert.pem', // Alpine
];

/** Go's list of folders; every file of each is read, besides the file above. */
const certificateFolders = ['/etc/ssl/certs', '/etc/pki/tls/certs'];

/** What of the runtime's environment moves the trust store. Null or empty: not set. */
export interface TrustStoreVariables {
  readonly sslCertFile: string | null;
  readonly sslCertDir: string | null;
}

/**
 * Reads the trust store as Go finds it on Linux (crypto/x509/root_unix.go): one bundle, then every file of the
 * folders but links within the same folder (the hash names that OpenSSL makes). Certificates are not parsed here; a block
 * whose bytes are no complete DER value is left out, as Go leaves out what it cannot parse.
 */
export async function readTrustStore(host: HostFiles, variables: TrustStoreVariables): Promise<TrustStore> {
  const store = new Collector();
  const file = variables.sslCertFile || null;
  for (const path of file === null ? certificateFiles : [file]) {
    const text = await host.readText(path, limits.trustFileBytes);
    if (text.ok) {
      store.add(path, text.value);
      break;
    }
    if (text.error.kind === 'absent' && file === null) continue;
    store.warn(
      path,
      `${file === null ? 'The bundle' : 'SSL_CERT_FILE names a file that'} ${failureWords(text.error)}; its certificates are not trusted.`,
    );
  }

  const folders = variables.sslCertDir ? variables.sslCertDir.split(':') : certificateFolders;
  for (const folder of folders) {
    const names = await host.list(folder);
    if (!names.ok) continue;
    if (names.value.length >= limits.directoryEntries) {
      store.warn(folder, `Only the first ${limits.directoryEntries} files of this folder were read.`);
    }
    for (const name of names.value) {
      const path = posix.join(folder, name);
      const text = await readMember(host, path);
      if (text !== null) store.add(path, text);
      if (store.full) break;
    }
  }
  return store.result();
}

/** A folder's file, or null for what Go passes over: a link within the folder, and what cannot be read. */
async function readMember(host: HostFiles, path: string): Promise<string | null> {
  const target = await host.link(path);
  if (target.ok && !target.value.includes('/')) return null;
  const text = await host.readText(path, limits.trustFileBytes);
  return text.ok ? text.value : null;
}

/** Gathers certificates from files, each certificate once. */
class Collector {
  readonly #blocks = new Map<string, string>();
  readonly #files: string[] = [];
  readonly #problems: Problem[] = [];
  readonly #texts = new Set<string>();
  #bytes = 0;

  /** True once the store is larger than anything that is a trust store. */
  get full(): boolean {
    return this.#bytes > limits.trustStoreBytes;
  }

  add(path: string, text: string): void {
    if (this.full || this.#texts.has(text)) return;
    this.#texts.add(text);
    this.#bytes += text.length;
    if (this.full)
      this.warn(path, `The trust store is larger than ${limits.trustStoreBytes} bytes; it was not read further.`);
    const before = this.#blocks.size;
    let broken = 0;
    for (const body of certificateBodies(text)) {
      if (!isWholeDer(body)) broken++;
      else if (!this.#blocks.has(body)) this.#blocks.set(body, pemOf(body));
    }
    if (this.#blocks.size > before) this.#files.push(sourceName(path));
    if (broken > 0) this.warn(path, `${broken} of its CERTIFICATE blocks cannot be decoded; Go leaves them out.`);
  }

  warn(path: string, message: string): void {
    this.#problems.push({ severity: 'warning', cause: 'tls-unknown-authority', source: sourceName(path), message });
  }

  result(): TrustStore {
    if (this.#blocks.size === 0) {
      this.warn(
        certificateFolders[0] ?? '',
        'No CA certificate was found on this node: every registry with TLS fails with "certificate signed by unknown authority", unless its own configuration names a CA.',
      );
    }
    return {
      files: this.#files,
      pem: [...this.#blocks.values()],
      certificates: this.#blocks.size,
      problems: this.#problems,
    };
  }
}

/**
 * The base64 of every CERTIFICATE block, without white space. Blocks of another type (`TRUSTED CERTIFICATE`) and blocks
 * with headers are passed over, as in `AppendCertsFromPEM`.
 */
function* certificateBodies(text: string): Generator<string> {
  const begin = '-----BEGIN CERTIFICATE-----';
  const end = '-----END CERTIFICATE-----';
  let at = text.indexOf(begin);
  while (at >= 0) {
    const start = at + begin.length;
    const stop = text.indexOf(end, start);
    if (stop < 0) return;
    const inner = text.slice(start, stop);
    const nested = inner.lastIndexOf(begin);
    if (nested < 0) {
      if (!inner.includes(':')) yield inner.replace(/\s+/g, '');
      at = text.indexOf(begin, stop + end.length);
    } else {
      // A block that lost its end; the next one is whole.
      at = start + nested;
    }
  }
}

/** True when the base64 decodes to one DER SEQUENCE of exactly its own length; a certificate cut short is not. */
function isWholeDer(base64: string): boolean {
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]{8,}={0,2}$/.test(base64)) return false;
  const head = Buffer.from(base64.slice(0, 8), 'base64');
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  const bytes = (base64.length / 4) * 3 - padding;
  if (head[0] !== 0x30) return false;
  const first = head[1] ?? 0;
  if (first < 0x80) return bytes === 2 + first;
  const count = first & 0x7f;
  if (count < 1 || count > 3) return false;
  let length = 0;
  for (let i = 0; i < count; i++) length = length * 256 + (head[2 + i] ?? 0);
  return bytes === 2 + count + length;
}

function pemOf(base64: string): string {
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
}
