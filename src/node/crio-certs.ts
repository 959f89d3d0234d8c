import type { Secret } from '../lib/secret.ts';
import type { Problem } from '../model/problem.ts';
import {
  type CertificateFailure,
  certificateFailureWords,
  hitsRuntime,
  listCertificates,
  loadAuthorities,
  loadClientPair,
} from './certs-directory.ts';
import { crioHome, misconfigured, suspicious, unread } from './crio-files.ts';
import { type HostFiles, sourceName } from './host-files.ts';

/** The certificates that CRI-O uses for one registry host. */
export interface HostCertificates {
  /** Files of CA certificates, as the node names them. */
  readonly ca: readonly string[];
  /** Their certificates, PEM. */
  readonly caPem: readonly string[];
  /** Files of client certificates with their keys. */
  readonly client: readonly (readonly [string, string])[];
  readonly clientPairs: readonly { readonly cert: string; readonly key: Secret }[];
  /** Files read, below the host root. */
  readonly files: readonly string[];
  /** An `error` here fails every request to this host before it is made. */
  readonly problems: readonly Problem[];
}

/** In the order in which they are looked for; the first with a folder of the host's name is the only one that counts. */
const roots = [`${crioHome}/.config/containers/certs.d`, '/etc/containers/certs.d', '/etc/docker/certs.d'];

/**
 * Reads the folder of one registry (containers/image docker/docker_client.go dockerCertDir, pkg/tlsclientconfig
 * SetupCertificates). `registry` is as the rewritten reference names it, with its port when it has one: `docker.io`,
 * never `registry-1.docker.io`; a folder without the port is not looked at for a name with one.
 */
export async function readHostCertificates(host: HostFiles, registry: string): Promise<HostCertificates> {
  const found: Gathered = { ca: [], caPem: [], client: [], clientPairs: [], files: [], problems: [] };
  for (const root of roots) {
    const directory = `${root}/${registry}`;
    const info = await host.info(directory);
    if (!info.ok && (info.error.kind === 'absent' || info.error.kind === 'denied')) continue;
    await gather(host, directory, registry, found);
    return found;
  }
  return found;
}

type Gathered = {
  -readonly [K in keyof HostCertificates]: HostCertificates[K] extends readonly (infer T)[] ? T[] : never;
};

async function gather(host: HostFiles, directory: string, registry: string, found: Gathered): Promise<void> {
  const fails = `every request of CRI-O to ${registry} fails because of it.`;
  const breaks = (path: string, what: string) =>
    found.problems.push(misconfigured(sourceName(path), `${what}; ${fails}`));
  const unusable = (failure: CertificateFailure) => {
    if (failure.kind === 'unreadable' && !hitsRuntime(failure.file)) found.problems.push(unread(failure.file));
    else breaks(failure.path, certificateFailureWords(failure));
  };

  const listed = await listCertificates(host, directory);
  if (!listed.ok) {
    unusable({ kind: 'unreadable', path: directory, file: listed.error });
    return;
  }
  for (const path of listed.value.authorities) {
    const pem = await loadAuthorities(host, path);
    if (pem.ok) {
      found.files.push(sourceName(path));
      found.ca.push(path);
      found.caPem.push(pem.value);
    } else if (pem.error.kind === 'no-certificate') {
      const message = `${certificateFailureWords(pem.error)}; CRI-O passes over it in silence.`;
      found.problems.push(suspicious(sourceName(path), message));
    } else if (pem.error.kind !== 'unreadable' || pem.error.file.kind !== 'absent') {
      // A link to nothing is passed over, like a file that went away between two looks.
      unusable(pem.error);
    }
  }
  for (const { cert, key } of listed.value.pairs) {
    if (key === null) {
      const expected = sourceName(cert).replace(/cert$/, 'key');
      breaks(
        cert,
        `${sourceName(cert)} is a client certificate without its key ${expected} (a CA certificate ends in .crt)`,
      );
      continue;
    }
    const pair = await loadClientPair(host, cert, key);
    if (!pair.ok) {
      unusable(pair.error);
      continue;
    }
    found.files.push(sourceName(cert), sourceName(key));
    found.client.push([cert, key]);
    found.clientPairs.push(pair.value);
  }
  for (const key of listed.value.strayKeys) {
    breaks(
      key,
      `${sourceName(key)} is a key without its client certificate ${sourceName(key).replace(/key$/, 'cert')}`,
    );
  }
}
