import { request } from 'node:https';
import { parseJson } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import { safeLine } from '../lib/redact.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { readSmallFile } from '../lib/small-file.ts';

/** Where a pod finds the API server and its own identity (kubernetes.io, "Accessing the Kubernetes API from a Pod"). */
export interface InCluster {
  readonly host: string;
  readonly port: number;
  readonly tokenFile: string;
  readonly caFile: string;
}

/** The places of a pod; null outside a cluster. */
export function inCluster(
  variables: Readonly<Record<string, string | undefined>>,
  folder = '/var/run/secrets/kubernetes.io/serviceaccount',
): InCluster | null {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = variables;
  if (host === undefined || host === '' || !/^\d{1,5}$/.test(port ?? '')) return null;
  return { host, port: Number(port), tokenFile: `${folder}/token`, caFile: `${folder}/ca.crt` };
}

/** Longest wait for the API server. */
const timeoutMs = 5000;

/**
 * Posts one object to the API server as this pod and gives the object that it answers. Token and authority are read anew
 * each time: both rotate. The failure's text holds neither of them, nor what was posted.
 */
export async function postToKube(
  at: InCluster,
  path: string,
  object: unknown,
  { waitMs = timeoutMs }: { readonly waitMs?: number } = {},
): Promise<Result<unknown, string>> {
  const [token, ca] = await Promise.all(
    [at.tokenFile, at.caFile].map((file) => readSmallFile(file, { regular: true })),
  );
  if (token?.ok !== true) return fail(`the service account's token ${at.tokenFile} ${token?.error.what}`);
  if (ca?.ok !== true) return fail(`the cluster's authority ${at.caFile} ${ca?.error.what}`);
  // An empty list of authorities would mean the public ones to Node.
  if (!ca.value.includes('-----BEGIN CERTIFICATE-----'))
    return fail(`the cluster's authority ${at.caFile} holds no certificate`);
  const bearer = token.value.trim();
  // What no header may hold would be an exception of Node's.
  if (!/^[\x21-\x7e]+$/.test(bearer)) return fail(`the service account's token ${at.tokenFile} is no token`);
  const body = JSON.stringify(object);
  const { host, port } = at;
  const server = `the API server ${host.includes(':') ? `[${host}]` : host}:${port}`;
  return new Promise((resolve) => {
    const asked = request({
      host,
      port,
      path,
      method: 'POST',
      headers: {
        authorization: `Bearer ${bearer}`,
        'content-type': 'application/json',
        accept: 'application/json',
        'content-length': Buffer.byteLength(body),
      },
      ca: ca.value,
      agent: false,
    });
    // The first word counts; what comes behind it settles nothing.
    const end = (result: Result<unknown, string>): void => {
      clearTimeout(timer);
      resolve(result);
      asked.destroy();
    };
    const timer = setTimeout(() => end(fail(`${server} did not answer within ${waitMs / 1000} s`)), waitMs);
    const lost = (error: Error): void => end(fail(`${server} cannot be asked: ${safeLine(error.message, 300)}`));
    asked.on('error', lost);
    asked.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('error', lost);
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > limits.apiBodyBytes) end(fail(`${server} answers more than ${limits.apiBodyBytes} bytes`));
        else chunks.push(chunk);
      });
      response.on('end', () => end(answerOf(server, response.statusCode ?? 0, Buffer.concat(chunks))));
    });
    asked.end(body);
  });
}

function answerOf(server: string, status: number, bytes: Buffer): Result<unknown, string> {
  if (status < 200 || status >= 300) return fail(`${server} answers ${status}${advice[status] ?? ''}`);
  const answer = parseJson(bytes.toString('utf8'));
  return answer === undefined ? fail(`${server} answers ${status}, and no JSON`) : ok(answer);
}

const advice: Readonly<Record<number, string>> = {
  401: ": it does not know this service account's token",
  403: ': this service account may not ask (the ClusterRole system:auth-delegator allows it)',
};
