import { dirname, isAbsolute, join } from 'node:path';
import { arrayMember, isRecord, type JsonRecord, recordMember, stringMember } from '../lib/json.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { Secret } from '../lib/secret.ts';
import { readSmallFile } from '../lib/small-file.ts';
import { parseYaml } from '../lib/yaml.ts';

/** What a context of a kubeconfig comes to (client-go, tools/clientcmd/api/v1/types.go), its paths made absolute. */
export interface KubeContext {
  readonly context: string;
  /** The file that names the cluster, for sentences. */
  readonly source: string;
  readonly namespace: string | null;
  readonly server: URL;
  /** Null: the host of `server`. */
  readonly tlsServerName: string | null;
  /** PEM; null: this machine's authorities. */
  readonly ca: KubeFile | null;
  readonly proxyUrl: string | null;
  readonly tokenFile: string | null;
  readonly token: Secret | null;
  readonly clientCert: KubeFile | null;
  readonly clientKey: KubeFile | null;
  readonly exec: KubeExec | null;
}

/** A PEM text that stands in the kubeconfig, or in a file that it names. */
export type KubeFile = { readonly path: string } | { readonly text: Secret };

/** A program that gives credentials (client.authentication.k8s.io). */
export interface KubeExec {
  readonly apiVersion: string;
  /** As the kubeconfig has it; one with a slash is made absolute. */
  readonly command: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly installHint: string | null;
  /** The plugin may ask the person at the terminal. */
  readonly interactive: boolean;
  readonly provideClusterInfo: boolean;
}

/** What is asked for. */
export interface KubeConfigChoice {
  /** The files of `--kubeconfig` (one) or `KUBECONFIG` (several; the first to say something is right). */
  readonly files: readonly string[];
  /** The files were named on purpose: one that is not there is an error. */
  readonly named: boolean;
  /** `--context`; null: current-context. */
  readonly context: string | null;
}

/** The files that kubectl would read: `--kubeconfig`, else KUBECONFIG, else `~/.kube/config`. */
export function kubeConfigFiles(
  flag: string | null,
  variables: Readonly<Record<string, string | undefined>>,
): Pick<KubeConfigChoice, 'files' | 'named'> {
  if (flag !== null) return { files: [flag], named: true };
  const listed = (variables.KUBECONFIG ?? '').split(':').filter((path) => path !== '');
  if (listed.length > 0) return { files: [...new Set(listed)], named: false };
  return { files: variables.HOME === undefined ? [] : [join(variables.HOME, '.kube/config')], named: false };
}

interface Named {
  readonly value: JsonRecord;
  readonly file: string;
}

/** Reads and merges the files as kubectl does, and gives the chosen context; the failure is a sentence without secrets. */
export async function readKubeConfig({
  files,
  named,
  context,
}: KubeConfigChoice): Promise<Result<KubeContext, string>> {
  const clusters = new Map<string, Named>();
  const users = new Map<string, Named>();
  const contexts = new Map<string, Named>();
  let current = '';
  let read = 0;
  for (const file of files) {
    const text = await readSmallFile(file, { regular: false });
    if (!text.ok) {
      if (!named && text.error.what === 'is not there') continue;
      return fail(`The kubeconfig ${file} ${text.error.what}.`);
    }
    const parsed = parseYaml(text.value, file, '1.1');
    if (!parsed.ok) return fail(`The kubeconfig ${parsed.error.source} cannot be read: ${parsed.error.message}.`);
    const { value } = parsed.value;
    if (value === null) continue;
    if (!isRecord(value)) return fail(`The kubeconfig ${file} is no mapping of clusters, users and contexts.`);
    read++;
    // The first file that has a name keeps it (client-go, loading.go: "the first one wins").
    for (const [list, member, into] of [
      ['clusters', 'cluster', clusters],
      ['users', 'user', users],
      ['contexts', 'context', contexts],
    ] as const) {
      for (const entry of arrayMember(value, list) ?? []) {
        if (!isRecord(entry)) continue;
        const name = stringMember(entry, 'name');
        const body = recordMember(entry, member);
        if (name !== null && body !== null && !into.has(name)) into.set(name, { value: body, file });
      }
    }
    if (current === '') current = stringMember(value, 'current-context') ?? '';
  }
  if (read === 0) return fail(`There is no kubeconfig${files.length === 0 ? '' : ` at ${files.join(' or ')}`}.`);
  const chosen = context ?? current;
  if (chosen === '')
    return fail(`No kubeconfig (${files.join(', ')}) has a current-context; choose one of: ${names(contexts)}.`);
  const found = contexts.get(chosen);
  if (found === undefined)
    return fail(`There is no context ${chosen} in ${files.join(', ')}; there are: ${names(contexts)}.`);
  const cluster = clusters.get(stringMember(found.value, 'cluster') ?? '');
  if (cluster === undefined)
    return fail(`The context ${chosen} (${found.file}) names a cluster that no kubeconfig has.`);
  const userName = stringMember(found.value, 'user') ?? '';
  const user = users.get(userName) ?? null;
  if (user === null && userName !== '')
    return fail(`The context ${chosen} (${found.file}) names a user that no kubeconfig has.`);
  return contextOf(chosen, found, cluster, user);
}

function contextOf(context: string, found: Named, cluster: Named, user: Named | null): Result<KubeContext, string> {
  const { value: at, file: source } = cluster;
  const url = text(at, 'server') ?? '';
  const server = URL.parse(url.includes('://') ? url : `http://${url}`);
  if (server === null || url === '' || !/^https?:$/.test(server.protocol) || server.username !== '')
    return fail(`The cluster of the context ${context} (${source}) has no usable server: https://HOST:PORT is wanted.`);
  if (at['insecure-skip-tls-verify'] === true)
    return fail(
      `The cluster of the context ${context} (${source}) sets insecure-skip-tls-verify. Pullwhy never shows credentials to a server that nobody vouches for: put its authority into certificate-authority-data instead.`,
    );
  const credentials = user?.value ?? {};
  const where = `The user of the context ${context} (${user?.file ?? source})`;
  for (const [key, why] of refused)
    if (text(credentials, key) !== null || recordMember(credentials, key) !== null) return fail(`${where} ${why}.`);
  const ca = fileOf(at, 'certificate-authority', source, `The cluster of the context ${context} (${source})`);
  if (!ca.ok) return ca;
  const clientCert = fileOf(credentials, 'client-certificate', user?.file ?? source, where);
  if (!clientCert.ok) return clientCert;
  const clientKey = fileOf(credentials, 'client-key', user?.file ?? source, where);
  if (!clientKey.ok) return clientKey;
  if ((clientCert.value === null) !== (clientKey.value === null))
    return fail(`${where} has a client certificate without its key, or a key without its certificate.`);
  const exec = recordMember(credentials, 'exec');
  const plugin = exec === null ? ok(null) : execOf(exec, user?.file ?? source, where);
  if (!plugin.ok) return plugin;
  const tokenFile = text(credentials, 'tokenFile');
  const token = text(credentials, 'token');
  return ok({
    context,
    source,
    namespace: text(found.value, 'namespace'),
    server,
    tlsServerName: text(at, 'tls-server-name'),
    ca: ca.value,
    proxyUrl: text(at, 'proxy-url'),
    tokenFile: tokenFile === null ? null : beside(tokenFile, user?.file ?? source),
    token: token === null ? null : new Secret(token),
    clientCert: clientCert.value,
    clientKey: clientKey.value,
    exec: plugin.value,
  });
}

/** What an API server no longer takes, or what would ask it in another's name. */
const refused: readonly (readonly [string, string])[] = [
  [
    'username',
    'has a user name and a password, which API servers take no more since 1.19: use a token or a certificate',
  ],
  ['auth-provider', 'uses auth-provider, which ended with Kubernetes 1.26: use exec'],
  ['as', 'asks in the name of another (as), which is not supported: use a context of that user'],
];

function execOf(exec: JsonRecord, file: string, where: string): Result<KubeExec, string> {
  const command = text(exec, 'command');
  if (command === null) return fail(`${where} has an exec without a command.`);
  const apiVersion = text(exec, 'apiVersion') ?? '';
  if (!/^client\.authentication\.k8s\.io\/v1(beta1)?$/.test(apiVersion))
    return fail(
      `${where} has an exec of the version ${apiVersion === '' ? '(none)' : apiVersion}; v1 and v1beta1 are known.`,
    );
  const env = (arrayMember(exec, 'env') ?? []).filter(isRecord).flatMap((one) => {
    const name = text(one, 'name');
    return name === null ? [] : [{ name, value: stringMember(one, 'value') ?? '' }];
  });
  return ok({
    apiVersion,
    command: command.includes('/') ? beside(command, file) : command,
    args: (arrayMember(exec, 'args') ?? []).filter((one) => typeof one === 'string'),
    env,
    installHint: text(exec, 'installHint'),
    interactive: text(exec, 'interactiveMode') !== 'Never',
    provideClusterInfo: exec.provideClusterInfo === true,
  });
}

/** `NAME-data` in base64 wins over the path `NAME`. */
function fileOf(at: JsonRecord, name: string, file: string, where: string): Result<KubeFile | null, string> {
  const data = text(at, `${name}-data`);
  if (data !== null) {
    if (!/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(data)) return fail(`${where} has a ${name}-data that is no base64.`);
    return ok({ text: new Secret(Buffer.from(data, 'base64').toString('utf8')) });
  }
  const path = text(at, name);
  return ok(path === null ? null : { path: beside(path, file) });
}

/** Paths of a kubeconfig are relative to its folder. */
function beside(path: string, file: string): string {
  return isAbsolute(path) ? path : join(dirname(file), path);
}

/** A text that is not empty. */
function text(at: JsonRecord, name: string): string | null {
  const value = stringMember(at, name);
  return value === '' ? null : value;
}

function names(contexts: ReadonlyMap<string, Named>): string {
  const all = [...contexts.keys()];
  return all.length === 0 ? 'none' : all.slice(0, 10).join(', ') + (all.length > 10 ? ', …' : '');
}
