import { basename, resolve } from 'node:path';
import { fail, type Result } from '../lib/result.ts';
import {
  type CredentialFailure,
  type CredentialFile,
  type CredentialFormat,
  type CredentialNotice,
  formatOf,
  parseCredentials,
} from './credential-file.ts';
import { type FileFailure, type HostFiles, hostFiles, sourceName } from './host-files.ts';

export {
  type CredentialEntry,
  type CredentialFailure,
  type CredentialFailureKind,
  type CredentialFile,
  type CredentialFormat,
  type CredentialNotice,
  type CredentialNoticeKind,
  parseCredentials,
} from './credential-file.ts';
export { type CredentialMatch, matchCredentials, matchMergedCredentials } from './credential-keyring.ts';

/**
 * Reads a file of this process's own file system, as `--auth-file` names it (not below the host root): the older form
 * by its name `.dockercfg`, or when its content is plainly that. `source` is how the file is named in what is shown.
 */
export async function readCredentialFile(
  path: string,
  source: string = path,
): Promise<Result<CredentialFile, CredentialFailure>> {
  const text = await hostFiles('/').readText(resolve(path));
  if (!text.ok) return fail(fileFailure(text.error, source));
  return parseCredentials(text.value, source, formatOf(basename(path), text.value));
}

/** Where a kubelet looks for the node's own credentials. */
export interface NodeCredentialPlaces {
  /** The kubelet's `--root-dir`. */
  readonly rootDirectory: string;
  /** The kubelet's working folder: systemd starts it in `/`. */
  readonly workingDirectory: string;
  /** HOME in the kubelet's environment; null, as systemd leaves it for a system service without `User=`. */
  readonly home: string | null;
}

const usualPlaces: NodeCredentialPlaces = { rootDirectory: '/var/lib/kubelet', workingDirectory: '/', home: null };

/**
 * The node's own credential files, in the order in which the kubelet looks (Kubernetes, pkg/credentialprovider/config.go):
 * `config.json` below its root folder, in its working folder, in `~/.docker` and in `/.docker`, then `.dockercfg` in
 * the same folders. It uses the first that it can decode, only that one, and looks again after 5 minutes.
 * Every file that exists is in the result; all but the one in use have no entries and a notice that says why. A file
 * of root's home, where `docker login` writes, is shown too when the kubelet does not look there.
 */
export async function readNodeCredentials(
  host: HostFiles,
  places: NodeCredentialPlaces = usualPlaces,
): Promise<CredentialFile[]> {
  const files: CredentialFile[] = [];
  let used: string | null = null;
  for (const [path, format] of searchPath(places)) {
    const read = await readNodeFile(host, path, format);
    if (read === null) continue;
    if (!read.ok) {
      const message = `${read.error.message} The kubelet skips this file.`;
      files.push(emptied(sourceName(path), format, [], { kind: 'unusable', message }));
    } else if (used !== null) {
      const message = `${read.value.source} is not in use: the kubelet takes ${used} and reads no further file.`;
      files.push(emptied(read.value.source, format, read.value.hosts, { kind: 'shadowed', message }));
    } else {
      used = read.value.source;
      files.push(read.value);
    }
  }
  const rootHome = '/root/.docker/config.json';
  if (!searchPath(places).some(([path]) => path === rootHome)) {
    const read = await readNodeFile(host, rootHome, 'dockerconfigjson');
    if (read?.ok === true) {
      const message = `${read.value.source} is not in use: the kubelet looks there only when its environment has HOME=/root; copy it to ${sourceName(places.rootDirectory)}/config.json.`;
      files.push(emptied(read.value.source, 'dockerconfigjson', read.value.hosts, { kind: 'not-read', message }));
    }
  }
  return files;
}

function searchPath(places: NodeCredentialPlaces): readonly (readonly [string, CredentialFormat])[] {
  const { rootDirectory, workingDirectory } = places;
  // Without HOME the kubelet's `.docker` is relative, so it lies in the working folder, and its `.dockercfg` too.
  const home = places.home ?? workingDirectory;
  const newer = [rootDirectory, workingDirectory, `${home}/.docker`, '/.docker'].map(
    (folder) => `${folder}/config.json`,
  );
  const older = [rootDirectory, workingDirectory, home, '/'].map((folder) => `${folder}/.dockercfg`);
  const found = new Map<string, CredentialFormat>();
  for (const path of newer) found.set(path.replaceAll(/\/+/g, '/'), 'dockerconfigjson');
  for (const path of older) found.set(path.replaceAll(/\/+/g, '/'), 'dockercfg');
  return [...found];
}

/** Null when there is no such file. */
async function readNodeFile(
  host: HostFiles,
  path: string,
  format: CredentialFormat,
): Promise<Result<CredentialFile, CredentialFailure> | null> {
  const text = await host.readText(path);
  if (text.ok) return parseCredentials(text.value, sourceName(path), format);
  return text.error.kind === 'absent' ? null : fail(fileFailure(text.error, sourceName(path)));
}

function emptied(
  source: string,
  format: CredentialFormat,
  hosts: readonly string[],
  notice: CredentialNotice,
): CredentialFile {
  return { source, format, entries: [], hosts, notices: [notice] };
}

function fileFailure(failure: FileFailure, source: string): CredentialFailure {
  switch (failure.kind) {
    case 'absent':
      return { kind: 'absent', source, message: `${source} does not exist.` };
    case 'denied':
      return { kind: 'denied', source, message: `${source} may not be read by this user.` };
    case 'too-large':
      return {
        kind: 'too-large',
        source,
        message: `${source} is larger than ${failure.limit} bytes, more than a credentials file can be.`,
      };
    case 'not-a-file':
      return { kind: 'unreadable', source, message: `${source} is not a regular file; save the credentials to one.` };
    case 'failed':
      return { kind: 'unreadable', source, message: `${source} could not be read (${failure.code}).` };
  }
}
