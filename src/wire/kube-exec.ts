import { isRecord, parseJson, recordMember, stringMember } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import { safeLine } from '../lib/redact.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { type ProgramFailure, runProgram } from '../lib/run-program.ts';
import { Secret } from '../lib/secret.ts';
import { readSmallFile } from '../lib/small-file.ts';
import { tokenOf } from './kube-access.ts';
import type { KubeContext, KubeExec } from './kube-config.ts';
import type { ExecCredential, ExecRunner } from './kube-config-access.ts';

/** What running a plugin needs of this process. */
export interface ExecNeeds {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** A person sits at the terminal, whom the plugin may ask. */
  readonly terminal: boolean;
  /** For a person who has to log in by a browser first. */
  readonly timeoutMs?: number;
}

/** Longest wait for a plugin. */
const patienceMs = 120_000;

/**
 * Runs exec plugins as kubectl does (client-go, plugin/pkg/client/auth/exec): the environment with KUBERNETES_EXEC_INFO, one
 * JSON object on standard output. For the command line only: a program that a file names is run in the user's name.
 */
export function execRunner({ variables, terminal, timeoutMs = patienceMs }: ExecNeeds): ExecRunner {
  return async (exec, context, signal) => {
    const interactive = exec.interactive && terminal;
    const info = {
      kind: 'ExecCredential',
      apiVersion: exec.apiVersion,
      spec: { interactive, ...(exec.provideClusterInfo ? { cluster: await clusterInfo(context) } : {}) },
    };
    const own = Object.fromEntries(exec.env.map(({ name, value }) => [name, value]));
    const env = { ...variables, ...own, KUBERNETES_EXEC_INFO: JSON.stringify(info) };
    const output = await runProgram({
      command: exec.command,
      args: exec.args,
      env,
      input: interactive ? 'terminal' : 'nothing',
      // Its words are for the person: they go where ours go, and are not read.
      onWords: null,
      mostBytes: limits.namedFileBytes,
      timeoutMs,
      signal,
    });
    return output.ok ? credentialOf(exec, output.value.toString('utf8')) : fail(whatFailed(exec, output.error));
  };
}

/** The cluster as a plugin is told of it: the authority itself, also where the kubeconfig names its file (client-go, exec cluster info). */
async function clusterInfo({ server, tlsServerName, ca, proxyUrl }: KubeContext): Promise<object> {
  const pem =
    ca === null ? null : 'text' in ca ? ok(ca.text.reveal()) : await readSmallFile(ca.path, { regular: false });
  return {
    server: server.href.replace(/\/$/, server.pathname === '/' ? '' : '/'),
    ...(tlsServerName === null ? {} : { 'tls-server-name': tlsServerName }),
    ...(pem?.ok === true ? { 'certificate-authority-data': Buffer.from(pem.value).toString('base64') } : {}),
    ...(proxyUrl === null ? {} : { 'proxy-url': proxyUrl }),
    config: null,
  };
}

function whatFailed({ command, installHint }: KubeExec, error: ProgramFailure): string {
  const program = `the credential plugin ${safeLine(command, 200)}`;
  switch (error.kind) {
    case 'not-started':
      if (error.code === null) return `${program} cannot be run with its arguments`;
      if (error.code !== 'ENOENT') return `${program} cannot be run (${error.code})`;
      return `${program} is not there${installHint === null ? '' : `: ${safeLine(installHint, 400)}`}`;
    case 'exit':
      return `${program} failed (exit status ${error.code})`;
    case 'signal':
      return `${program} failed (signal ${error.name})`;
    case 'too-large':
      return `${program} wrote more than ${limits.namedFileBytes} bytes`;
    case 'cut':
      return `${program} did not end in time`;
  }
}

function credentialOf({ command, apiVersion }: KubeExec, output: string): Result<ExecCredential, string> {
  const program = `the credential plugin ${safeLine(command, 200)}`;
  const value: unknown = parseJson(output);
  const status = isRecord(value) && value.kind === 'ExecCredential' ? recordMember(value, 'status') : null;
  if (status === null || !isRecord(value)) return fail(`${program} wrote no ExecCredential with a status`);
  if (value.apiVersion !== apiVersion) return fail(`${program} answered in another version than ${apiVersion}`);
  const text = stringMember(status, 'token') ?? '';
  const token = text === '' ? ok(null) : tokenOf(text, `what ${program} wrote`);
  if (!token.ok) return token;
  const cert = stringMember(status, 'clientCertificateData') ?? '';
  const key = stringMember(status, 'clientKeyData') ?? '';
  if ((cert === '') !== (key === '')) return fail(`${program} wrote a certificate without its key, or a key alone`);
  const pair = cert === '' ? null : { cert, key: new Secret(key) };
  if (token.value === null && pair === null) return fail(`${program} wrote neither a token nor a certificate`);
  const ends = Date.parse(stringMember(status, 'expirationTimestamp') ?? '');
  return ok({ token: token.value, pair, expiresAt: Number.isNaN(ends) ? null : ends });
}
