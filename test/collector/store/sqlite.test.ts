import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { StoreFailure } from '../../../src/collector/parts.ts';
import type { Database } from '../../../src/collector/store/sql.ts';
import { openSqlite } from '../../../src/collector/store/sqlite.ts';
import { openStore } from '../../../src/collector/store/store.ts';
import { systemEnv } from '../../../src/lib/env.ts';
import { batch, broken, dump, health, heartbeat, investigation, must, silent } from './batches.ts';
import { storeContract } from './contract.ts';
import { storyBatches } from './story.ts';

const run = promisify(execFile);
const needs = { env: systemEnv, log: silent };
const child = fileURLToPath(new URL('ingest-child.ts', import.meta.url));

describe('collector: store on SQLite', () => {
  let folder: string;
  let count = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pullwhy-store-'));
  });

  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const create = async (): Promise<string> => `sqlite://${folder}/made/${++count}.db`;
  const look = (url: string): Database => openSqlite(url.slice('sqlite://'.length), needs);
  const stateOf = async (url: string) => {
    const database = look(url);
    const state = await dump(database);
    await database.close();
    return state;
  };
  const sendAll = async (url: string): Promise<number> => {
    const store = must(await openStore(url, needs));
    let fresh = 0;
    for (const one of storyBatches()) fresh += must(await store.ingest(one)).fresh;
    await store.close();
    return fresh;
  };

  storeContract(() => ({ create, open: async (url) => look(url), runs: 30 }));

  it('ends in the same state after a kill in the middle of batches', async () => {
    const reference = await create();
    assert.equal(await sendAll(reference), 1600);
    const url = await create();
    for (const until of [20, 130, 250]) {
      const process_ = spawn(process.execPath, [child, url], { stdio: ['ignore', 'pipe', 'inherit'] });
      let said = '';
      const ended = new Promise((resolve) => process_.once('exit', (_code, signal) => resolve(signal)));
      process_.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.split('\n').length > until) process_.kill('SIGKILL');
      });
      assert.equal(await ended, 'SIGKILL');
    }
    assert.ok((await sendAll(url)) < 1600, 'some of it was there');
    assert.deepEqual(await stateOf(url), await stateOf(reference));
  }).timeout(60_000);

  it('lives through a full disk, and goes on when it has room again', async function () {
    this.timeout(60_000);
    const place = join(folder, 'small');
    const script = fullDisk.replaceAll('PLACE', place);
    const shell = `mkdir -p ${place} && mount -t tmpfs -o size=16m tmpfs ${place} && exec "$0" --input-type=module -e "$1"`;
    const able = await run('unshare', ['--mount', 'true']).then(
      () => process.getuid?.() === 0,
      () => false,
    );
    if (!able) {
      process.stdout.write('    left out: it needs root, for a small file system\n');
      this.skip();
    }
    const { stdout } = await run('unshare', ['--mount', 'sh', '-c', shell, process.execPath, script], {
      timeout: 50_000,
    });
    const said: FullDisk = JSON.parse(stdout);
    const { before, failure, reads, between, after, state, expected } = said;
    assert.ok(before > 3, `${before} batches fit`);
    assert.equal(failure.reason, 'full');
    assert.match(failure.message, /disk of .* is full: free some of it/);
    assert.equal(reads, 1, 'what is there can be asked for');
    assert.equal(between.reason, 'full');
    assert.equal(after, true);
    assert.equal(state, expected);
  });

  it('says what to do with a file that is damaged, or is none of its own', async () => {
    const text = join(folder, 'text.db');
    await writeFile(text, 'no database at all, but long enough to be looked at '.repeat(50));
    const opened = await openStore(`sqlite://${text}`, needs);
    assert.ok(!opened.ok);
    assert.match(opened.error, /text\.db is damaged or no SQLite database .*put the file aside/);

    const url = await create();
    const path = url.slice('sqlite://'.length);
    const store = must(await openStore(url, needs));
    for (let index = 1; index < 50; index++) {
      must(
        await store.ingest(
          batch([health(index, broken({ subject: `${index}.example` })), investigation(1000 + index)]),
        ),
      );
    }
    await store.close();
    const file = await open(path, 'r+');
    const { size } = await file.stat();
    await file.write(Buffer.alloc(size - 8192, 0xa5), 0, size - 8192, 8192);
    await file.close();
    const again = await openStore(url, needs);
    const answer = again.ok ? await again.value.failing(100) : null;
    const message = again.ok ? (answer?.ok === false ? answer.error.message : 'it was read') : again.error;
    assert.match(message, /damaged/);
    if (again.ok) await again.value.close();
  });

  it('waits for another process that writes, and says so when that takes too long', async () => {
    const url = await create();
    const store = must(await openStore(url, needs));
    const other = new DatabaseSync(url.slice('sqlite://'.length));
    other.exec('BEGIN IMMEDIATE');
    const answer = await store.ingest(batch([heartbeat(1)]));
    assert.ok(!answer.ok && answer.error.reason === 'busy', JSON.stringify(answer));
    const waiting = store.ingest(batch([heartbeat(1)]));
    setTimeout(() => other.exec('COMMIT'), 20);
    assert.equal(must(await waiting).fresh, 1);
    other.close();
    await store.close();
  });

  it('plans its lookups by index', async () => {
    const url = await create();
    await must(await openStore(url, needs)).close();
    const database = look(url);
    const plan = async (text: string): Promise<string> => {
      const rows = await database.read.all(`EXPLAIN QUERY PLAN ${text}`);
      return rows.map(({ detail }) => detail).join('; ');
    };
    assert.match(
      await plan(
        "SELECT node, kind, subject, version FROM pullwhy_observations WHERE failing = 1 AND (node, kind, subject) > ('', '', '') ORDER BY node, kind, subject LIMIT 500",
      ),
      /^SEARCH .* USING COVERING INDEX pullwhy_observations_failing[^;]*$/,
    );
    assert.match(
      await plan(
        "SELECT node, at FROM pullwhy_observations WHERE kind = 'registry' AND subject = '3' AND node > '' AND failing = 0 AND severity = 0 AND at >= 0 ORDER BY node LIMIT 10",
      ),
      /^SEARCH .* USING PRIMARY KEY \(kind=\? AND subject=\? AND node>\?\)$/,
    );
    assert.match(
      await plan(
        'SELECT id FROM pullwhy_investigations WHERE image_key = 1 AND at < 5 ORDER BY at DESC, id, node LIMIT 10',
      ),
      /USING INDEX pullwhy_investigations_image \(image_key=\? AND at<\?\)/,
    );
    await database.close();
  });

  it('opens what the URL says, and nothing else', async () => {
    const spaced = must(await openStore(`sqlite://${folder}/a%20b/c.db`, needs));
    await spaced.close();
    await new DatabaseSync(join(folder, 'a b', 'c.db'), { readOnly: true }).close();
    await must(await openStore('sqlite::memory:', needs)).close();
    for (const bad of [
      '',
      'sqlite://relative.db',
      'sqlite:///',
      'sqlite:///a?mode=ro',
      'mysql://u:geheim@h/d',
      'sqlite:///%zz',
      'sqlite:///a%00b',
    ]) {
      const opened = await openStore(bad, needs);
      assert.ok(!opened.ok, bad);
      assert.match(opened.error, /neither sqlite:\/\/\/absolute/);
      assert.doesNotMatch(opened.error, /geheim/);
    }
    const file = join(folder, 'file');
    await writeFile(file, '');
    const below = await openStore(`sqlite://${file}/x.db`, needs);
    assert.ok(!below.ok);
    assert.match(below.error, /cannot be used/);
  });
});

interface FullDisk {
  readonly before: number;
  readonly failure: StoreFailure;
  readonly reads: number;
  readonly between: StoreFailure;
  readonly after: boolean;
  readonly state: string;
  readonly expected: string;
}

/** In a mount namespace of its own, on a file system of 16 MiB, most of which a ballast takes. */
const fullDisk = `
  const at = ${JSON.stringify(new URL('../../../', import.meta.url).href)};
  const { openStore } = await import(at + 'src/collector/store/store.ts');
  const { openSqlite } = await import(at + 'src/collector/store/sqlite.ts');
  const { systemEnv } = await import(at + 'src/lib/env.ts');
  const { batch, dump, investigation, broken, health, must, silent } = await import(at + 'test/collector/store/batches.ts');
  const { rm, writeFile } = await import('node:fs/promises');
  const { createHash } = await import('node:crypto');
  const needs = { env: systemEnv, log: silent };
  const noise = (seed) => Array.from({ length: 4000 }, (_, index) => Math.imul(seed * 7919 + index, 2654435761) >>> 0);
  const batches = Array.from({ length: 40 }, (_, index) =>
    batch([health(index * 2 + 1, broken({ summary: String(index) })), investigation(index * 2 + 2, { noise: noise(index) })]));
  await writeFile('PLACE/ballast', Buffer.alloc(15900000));
  const store = must(await openStore('sqlite://PLACE/c.db', needs));
  let before = 0;
  let failure = null;
  for (const one of batches) {
    const done = await store.ingest(one);
    if (!done.ok) { failure = done.error; break; }
    before++;
  }
  const reads = must(await store.failing(10)).length;
  const again = await store.ingest(batches[before] ?? batches[0]);
  const between = again.ok ? again : again.error;
  await rm('PLACE/ballast');
  let after = true;
  for (const one of batches) { const done = await store.ingest(one); after &&= done.ok; }
  await store.close();
  const stateAt = async (path) => { const db = openSqlite(path, needs); const state = await dump(db); await db.close(); return createHash('sha256').update(JSON.stringify(state)).digest('hex'); };
  const state = await stateAt('PLACE/c.db');
  const other = must(await openStore('sqlite:///dev/shm/pullwhy-' + process.pid + '/c.db', needs));
  for (const one of batches) must(await other.ingest(one));
  await other.close();
  const expected = await stateAt('/dev/shm/pullwhy-' + process.pid + '/c.db');
  await rm('/dev/shm/pullwhy-' + process.pid, { recursive: true });
  console.log(JSON.stringify({ before, failure, reads, between, after, state, expected }));
`;
