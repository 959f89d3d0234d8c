import { constants, X509Certificate } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { Server } from 'node:http';
import { type ServerOptions, Server as TlsServer } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { Env } from '../lib/env.ts';
import type { Log } from '../lib/log.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { readSmallFile } from '../lib/small-file.ts';

/** Files of the server's certificate; they may rotate. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /**
   * Authorities of client certificates; null: none is asked for. A caller without a certificate gets through the handshake
   * all the same, for the kubelet's checks have none: the gate turns it away from all but what is open.
   */
  readonly clientCa: string | null;
}

/** TLS of a server, kept as new as its files. */
export interface ServerTls {
  readonly options: ServerOptions;
  readonly attach: (server: Server) => void;
  /** Reads the files again at once, where they changed. */
  readonly reload: () => Promise<void>;
  readonly stop: () => void;
}

/** cert-manager and kubelets write new files long before the old ones end: a look now and then is enough. */
const lookMs = 10_000;

/** Let's Encrypt renews 30 days before the end, kubeadm's authorities at a third of their time: what is left then is forgotten. */
const soonMs = 7 * 86_400_000;

/** Reads the files and checks that they belong together; the failure's text names the file and never shows the key. */
export async function openServerTls(
  files: TlsFiles,
  { log, env }: { readonly log: Log; readonly env: Env },
): Promise<Result<ServerTls, string>> {
  const first = await read(files);
  if (!first.ok) return first;
  let current = first.value;
  let server: TlsServer | null = null;
  let told = '';
  let refused = '';

  const tellTime = (): void => {
    const what = timeWords(current.certificate, env.now());
    if (what !== null && what !== told)
      log.warn('the server certificate is not good for long', { file: files.cert, what });
    told = what ?? '';
  };
  const look = async (asked: boolean): Promise<void> => {
    const mark = await markOf(files);
    if (mark !== current.mark) {
      const next = await read(files);
      if (next.ok) {
        current = next.value;
        server?.setSecureContext(current.options);
        log.info('the server certificate was renewed', { file: files.cert, until: current.certificate.validTo });
      } else if (asked || mark === refused) {
        // Files are replaced one after the other: what does not fit at one look may at the next, and is told at the second.
        log.warn('the server certificate was not renewed', { error: next.error });
        refused = `${mark} told`;
      } else if (refused !== `${mark} told`) refused = mark;
    }
    tellTime();
  };
  let looking: Promise<void> = Promise.resolve();
  const lookAgain = (asked: boolean): Promise<void> => {
    looking = looking.then(() => look(asked));
    return looking;
  };
  tellTime();
  const timer = setInterval(() => void lookAgain(false), lookMs);
  timer.unref();
  return ok({
    options: current.options,
    attach(given) {
      if (given instanceof TlsServer) server = given;
    },
    reload: () => lookAgain(true),
    stop: () => clearInterval(timer),
  });
}

interface Material {
  readonly mark: string;
  readonly options: ServerOptions;
  readonly certificate: X509Certificate;
}

async function read(files: TlsFiles): Promise<Result<Material, string>> {
  // Taken before they are read: what changes meanwhile is seen at the next look.
  const mark = await markOf(files);
  const [cert, key, ca] = await Promise.all([
    readNamed('http.tls.cert', files.cert),
    readNamed('http.tls.key', files.key),
    files.clientCa === null ? ok(null) : readNamed('http.tls.clientCa', files.clientCa),
  ]);
  for (const one of [cert, key, ca]) if (!one.ok) return one;
  if (!cert.ok || !key.ok || !ca.ok) return fail('');
  const certificate = firstCertificate(cert.value);
  if (certificate === null) return fail(`http.tls.cert: ${files.cert} holds no certificate in PEM form.`);
  if (/ENCRYPTED/.test(key.value)) {
    return fail(`http.tls.key: ${files.key} is encrypted; write the key without a password, for this user only.`);
  }
  // An empty key would mean none to Node.
  if (!key.value.includes('-----BEGIN')) return fail(`http.tls.key: ${files.key} holds no key in PEM form.`);
  // No list of authorities, or an empty one, would mean all public ones to Node: whoever has a web server could come in.
  if (ca.value !== null && firstCertificate(ca.value) === null) {
    return fail(`http.tls.clientCa: ${files.clientCa} holds no certificate in PEM form.`);
  }
  const options: ServerOptions = {
    cert: cert.value,
    key: key.value,
    minVersion: 'TLSv1.2',
    ...(ca.value === null ? {} : { ...clientCertificates, ca: ca.value }),
  };
  try {
    createSecureContext(options);
  } catch {
    return fail(
      `http.tls.key: ${files.key} is not the key of the certificate in ${files.cert}, or no key in PEM form.`,
    );
  }
  return ok({ mark, options, certificate });
}

const clientCertificates = {
  requestCert: true,
  // The caller's certificate, not a server's: the gate judges it, for it has to let the kubelet's checks in, which bring none.
  rejectUnauthorized: false,
  // Sessions are not resumed: each connection is judged by the authorities of its own time.
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const;

async function readNamed(setting: string, path: string): Promise<Result<string, string>> {
  const text = await readSmallFile(path, { regular: true });
  return text.ok ? text : fail(`${setting}: ${path} ${text.error.what}.`);
}

function firstCertificate(pem: string): X509Certificate | null {
  if (!pem.includes('-----BEGIN')) return null;
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

/** What is wrong with a certificate's time, or soon will be; null when nothing is. */
function timeWords({ validFromDate, validToDate }: X509Certificate, now: number): string | null {
  if (validToDate.getTime() < now) return `It ended at ${validToDate.toISOString()}: callers refuse it.`;
  if (validFromDate.getTime() > now)
    return `It begins at ${validFromDate.toISOString()}: callers refuse it until then.`;
  return validToDate.getTime() - now < soonMs ? `It ends at ${validToDate.toISOString()}.` : null;
}

async function markOf({ cert, key, clientCa }: TlsFiles): Promise<string> {
  const marks = await Promise.all(
    [cert, key, clientCa].map(async (path) => {
      const info = path === null ? null : await stat(path).catch(() => null);
      return info === null ? '-' : `${info.ino} ${info.size} ${info.mtimeMs}`;
    }),
  );
  return marks.join(' ');
}
