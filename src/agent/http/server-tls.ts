import { readFile, stat } from 'node:fs/promises';
import type { Server } from 'node:http';
import { type ServerOptions, Server as TlsServer } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { Log } from '../../lib/log.ts';
import { fail, ok, type Result } from '../../lib/result.ts';

/** Files of the server's certificate; they may rotate. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Authorities of client certificates, without which nobody gets through the handshake; null: none is asked for. */
  readonly clientCa: string | null;
}

/** TLS of a server, kept as new as its files. */
export interface ServerTls {
  readonly options: ServerOptions;
  readonly attach: (server: Server) => void;
  /** Reads the files again at once. */
  readonly reload: () => Promise<void>;
  readonly stop: () => void;
}

/** cert-manager and kubelets write new files long before the old ones end: a look now and then is enough. */
const lookMs = 10_000;

/** Reads the files and checks that they belong together; the failure's text names the file and never shows the key. */
export async function openServerTls(files: TlsFiles, log: Log): Promise<Result<ServerTls, string>> {
  const first = await read(files);
  if (!first.ok) return first;
  let current = first.value;
  let server: TlsServer | null = null;
  const reload = async (): Promise<void> => {
    const mark = await markOf(files);
    if (mark === current.mark) return;
    const next = await read(files);
    if (!next.ok) {
      // Files are replaced one after the other: what does not fit now will at the next look.
      log.warn('the server certificate was not renewed', { error: next.error });
      return;
    }
    current = next.value;
    server?.setSecureContext(current.options);
    log.info('the server certificate was renewed', { file: files.cert });
  };
  const timer = setInterval(() => void reload(), lookMs);
  timer.unref();
  return ok({
    options: current.options,
    attach(given) {
      if (given instanceof TlsServer) server = given;
    },
    reload,
    stop: () => clearInterval(timer),
  });
}

interface Material {
  readonly mark: string;
  readonly options: ServerOptions;
}

async function read(files: TlsFiles): Promise<Result<Material, string>> {
  const mark = await markOf(files);
  const texts: Record<'cert' | 'key' | 'ca', string | undefined> = { cert: undefined, key: undefined, ca: undefined };
  for (const [name, setting, path] of [
    ['cert', 'http.tls.cert', files.cert],
    ['key', 'http.tls.key', files.key],
    ['ca', 'http.tls.clientCa', files.clientCa],
  ] as const) {
    if (path === null) continue;
    const text = await readFile(path, 'utf8').catch(() => null);
    if (text === null) return fail(`The file ${path} (${setting}) cannot be read.`);
    texts[name] = text;
  }
  const { cert = '', key = '', ca } = texts;
  const options: ServerOptions = {
    cert,
    key,
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true }),
  };
  try {
    createSecureContext(options);
  } catch {
    return fail(`The certificate in ${files.cert} and the key in ${files.key} (http.tls) are no pair in PEM form.`);
  }
  return ok({ mark, options });
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
