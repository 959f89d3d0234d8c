import assert from 'node:assert/strict';
import { agentRoutes } from '../../src/agent/http/routes/index.ts';
import { type HttpServer, type HttpTimes, startHttp } from '../../src/agent/http/server.ts';
import type { Services } from '../../src/agent/http/services.ts';
import { type Env, systemEnv } from '../../src/lib/env.ts';
import { openLog } from '../../src/lib/log.ts';
import { type GateSettings, openGate } from '../../src/serve/auth.ts';
import { openServerTls, type ServerTls, type TlsFiles } from '../../src/serve/server-tls.ts';
import { servicesOf } from './agent-services.ts';

/** The agent's HTTP side with services of a test's own, on a port of loopback. */
export interface HttpAgent {
  readonly server: HttpServer;
  readonly port: number;
  readonly url: string;
  readonly tls: ServerTls | null;
  /** What was logged, one line for each. */
  readonly logged: readonly string[];
  /** Answers that were given: `GET /v1/pods 200`. */
  readonly answers: readonly string[];
}

/** Starts one. */
export async function startHttpAgent({
  services = {},
  gate = { mode: 'none' },
  maxConcurrent = 8,
  files = null,
  env = systemEnv,
  times = {},
}: {
  readonly services?: Partial<Services>;
  readonly gate?: GateSettings;
  readonly maxConcurrent?: number;
  readonly files?: TlsFiles | null;
  readonly env?: Env;
  readonly times?: Partial<HttpTimes>;
} = {}): Promise<HttpAgent> {
  const logged: string[] = [];
  const answers: string[] = [];
  const log = openLog({
    env,
    write: (line) => void logged.push(line),
    settings: () => ({ level: 'debug', format: 'json' }),
  });
  const tls = files === null ? null : await openServerTls(files, { log, env });
  if (tls !== null) assert.ok(tls.ok, tls.ok ? '' : tls.error);
  const opened = tls?.ok === true ? tls.value : null;
  const server = await startHttp({
    env: systemEnv,
    times,
    listen: { host: '127.0.0.1', port: 0 },
    tls: opened,
    gate: openGate(gate, env),
    routes: agentRoutes(servicesOf(services), '0.1.0'),
    maxConcurrent,
    log,
    answered: (route, method, status) => void answers.push(`${method} ${route} ${status}`),
  });
  assert.ok(server.ok, server.ok ? '' : server.error);
  const { port } = server.value.address;
  const url = `${tls === null ? 'http' : 'https'}://127.0.0.1:${port}`;
  return { server: server.value, port, url, tls: opened, logged, answers };
}
