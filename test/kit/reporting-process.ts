// A process that spools and sends as an agent does, fast, until it is killed: `reporting-process.ts URL DIRECTORY FIRST`.
// Each record that is on the disk is told on standard output; `drain` in FIRST's place: nothing new, until nothing waits.
import { randomUUID } from 'node:crypto';
import { openCollectorClient } from '../../src/agent/collector/collector-client.ts';
import { collectorUrl } from '../../src/agent/collector/collector-url.ts';
import { openSender } from '../../src/agent/collector/sender.ts';
import { openSpool } from '../../src/agent/collector/spool.ts';
import { systemEnv } from '../../src/lib/env.ts';
import { openLog } from '../../src/lib/log.ts';

const [, , url = '', directory = '', first = ''] = process.argv;
const parts = collectorUrl(url);
if (parts === null) throw new Error(url);
// A clock that runs fast: back-off and pace of minutes pass in seconds.
const env = { ...systemEnv, monotonic: () => systemEnv.monotonic() * 20, now: () => systemEnv.now() };
const log = openLog({
  env: systemEnv,
  write: (line) => void process.stderr.write(line),
  settings: () => ({ level: 'warn', format: 'text' }),
});
const spool = openSpool({
  env: systemEnv,
  log,
  node: 'node-1',
  directory,
  maxBytes: 64 * 1024 * 1024,
  maxAgeMs: 86_400_000,
  newId: randomUUID,
  onDropped: (kind, count) => log.error('dropped', { kind, count }),
});
const place = { tokenFile: null, caFile: null, certFile: null, keyFile: null };
const client = openCollectorClient(place, parts, systemEnv);
const sender = openSender({ env, log, node: 'node-1', spool, client, ended: () => undefined });
const beat = {
  kind: 'heartbeat',
  at: '2026-11-22T10:00:00.000Z',
  runtimeReady: null,
  waitingPods: 0,
  spool: { rows: 0, bytes: 0, dropped: {} },
} as const;
let next = first === 'drain' ? null : Number(first);
const timer = setInterval(() => {
  const written: number[] = [];
  for (let at = 0; next !== null && at < 5; at++) {
    spool.push({ kind: 'heartbeat', subject: null, record: { ...beat, openIncidents: next } });
    written.push(next++);
  }
  spool.tick();
  if (written.length > 0) process.stdout.write(`${written.join('\n')}\n`);
  sender.wake('now');
  sender.tick();
  if (next === null && spool.size().rows === 0 && !sender.busy()) {
    clearInterval(timer);
    spool.close();
    void client.close();
  }
}, 5);
