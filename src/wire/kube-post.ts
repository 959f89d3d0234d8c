import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { parseJson } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import { safeLine } from '../lib/redact.ts';
import { fail, ok, type Result } from '../lib/result.ts';

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
export async function postToKube(at: InCluster, path: string, object: unknown): Promise<Result<unknown, string>> {
  const [token, ca] = await Promise.all(
    [at.tokenFile, at.caFile].map((file) => readFile(file, 'utf8').catch(() => null)),
  );
  if (token === null || token === undefined) return fail(`the service account's token ${at.tokenFile} cannot be read`);
  if (ca === null || ca === undefined) return fail(`the cluster's authority ${at.caFile} cannot be read`);
  const body = JSON.stringify(object);
  return new Promise((resolve) => {
    const headers = {
      authorization: `Bearer ${token.trim()}`,
      'content-type': 'application/json',
      accept: 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    const { host, port } = at;
    const asked = request({ host, port, path, method: 'POST', headers, ca, signal: AbortSignal.timeout(timeoutMs) });
    asked.on('error', (error) => {
      const why =
        error.name === 'TimeoutError' ? `no answer within ${timeoutMs / 1000} s` : safeLine(error.message, 300);
      resolve(fail(`the API server ${host}:${port}: ${why}`));
    });
    asked.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= limits.apiBodyBytes) chunks.push(chunk);
        else asked.destroy(new Error('its answer is too long'));
      });
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        const answer = parseJson(Buffer.concat(chunks).toString('utf8'));
        if (status >= 200 && status < 300 && answer !== undefined) resolve(ok(answer));
        else
          resolve(
            fail(
              `the API server ${host}:${port} answers ${status}${status === 403 ? ': this service account may not ask (system:auth-delegator allows it)' : ''}`,
            ),
          );
      });
    });
    asked.end(body);
  });
}
