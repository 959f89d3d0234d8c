// Takes far more reports than its small disk holds, for hours of virtual time, while old ones are dropped by size:
// `small-disk.ts DIRECTORY MAX_BYTES`. Says how many were refused, and what the folder took at most.
import { randomBytes } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openRetention } from '../../src/collector/retention.ts';
import { openStore } from '../../src/collector/store/store.ts';
import { systemEnv } from '../../src/lib/env.ts';
import { openMetrics } from '../../src/lib/metrics.ts';

const [, , directory = '', maxBytes = ''] = process.argv;
let ms = 0;
const start = Date.parse('2026-11-22T10:00:00.000Z');
const env = { ...systemEnv, now: () => start + ms, monotonic: () => ms };
const log = { debug() {}, info() {}, warn() {}, error() {} };
const opened = await openStore(`sqlite://${directory}/c.db`, { env: systemEnv, log });
if (!opened.ok) throw new Error(opened.error);
const store = opened.value;
const keep = () => ({ maxAgeMs: 30 * 86_400_000, maxBytes: Number(maxBytes) });
const retention = openRetention({ env, log, metrics: openMetrics(), store, keep });
const folderBytes = (): number =>
  readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);

let refused = 0;
let sent = 0;
let most = 0;
for (let minute = 0; minute < 120; minute++) {
  for (let part = 0; part < 20; part++) {
    sent++;
    const at = new Date(env.now()).toISOString();
    const record = {
      seq: sent,
      kind: 'investigation',
      at,
      investigation: {
        id: `i-${sent}`,
        node: 'node-1',
        startedAt: at,
        image: { input: 'app:1', normalized: 'registry.example/app:1', registry: 'registry.example' },
        verdict: 'healthy',
        cause: null,
        confidence: null,
        summary: 'It comes.',
        filler: randomBytes(60_000).toString('base64'),
      },
    } as const;
    const done = await store.ingest({
      ...{ node: 'node-1', bootId: 'boot-1', receivedAt: env.now(), clockOffsetMs: 0, refused: [] },
      records: [{ seq: sent, kind: 'investigation', at: env.now(), record }],
    });
    if (!done.ok) refused++;
    most = Math.max(most, folderBytes());
  }
  for (const until = ms + 60_000; ms < until; ) {
    ms += 250;
    retention.tick();
    await retention.idle();
  }
}
const last = await store.investigation(`i-${sent}`);
const first = await store.investigation('i-1');
await store.close();
process.stdout.write(
  JSON.stringify({
    sent,
    refused,
    most,
    last: last.ok && last.value !== null,
    first: first.ok && first.value !== null,
  }),
);
