import assert from 'node:assert/strict';
import { chmod, chown, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Store } from '../../../src/collector/parts.ts';
import { openPostgres } from '../../../src/collector/store/postgres.ts';
import { openStore } from '../../../src/collector/store/store.ts';
import { systemEnv } from '../../../src/lib/env.ts';
import { type MadeCertificate, makePki, writeCertificate } from '../../kit/certificates.ts';
import { postgresMissing, startPostgres, type TestPostgres } from '../../kit/postgres.ts';
import { batch, broken, dump, health, heartbeat, must, silent } from './batches.ts';
import { storeContract } from './contract.ts';
import { storyBatches } from './story.ts';

const needs = { env: systemEnv, log: silent };

describe('collector: store on PostgreSQL', () => {
  let server: TestPostgres;
  const stores: Store[] = [];

  before(async function () {
    this.timeout(600_000);
    const missing = await postgresMissing();
    if (missing !== null) {
      process.stdout.write(`    left out: ${missing}\n`);
      this.skip();
    }
    server = await startPostgres({ fsync: 'off' });
  });

  after(async () => {
    await server?.stop();
  });

  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
  });

  const openAt = async (url: string): Promise<Store> => {
    const store = must(await openStore(url, needs));
    stores.push(store);
    return store;
  };
  const stateOf = async (url: string) => {
    const database = must(await openPostgres(url, needs));
    const state = await dump(database);
    await database.close();
    return state;
  };

  storeContract(() => ({
    create: () => server.createDatabase(),
    open: async (url) => must(await openPostgres(url, needs)),
    runs: 8,
  }));

  it('ends in the same state after the server went down in the middle of batches', async () => {
    const reference = await server.createDatabase();
    const undisturbed = await openAt(reference);
    for (const one of storyBatches()) must(await undisturbed.ingest(one));

    const url = await server.createDatabase();
    const [first, second] = [await openAt(url), await openAt(url)];
    let failed = 0;
    const pending = storyBatches().map((one, index) => ({ one, to: index % 2 === 0 ? first : second }));
    const send = async (): Promise<void> => {
      for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
        const { one, to } = next;
        for (;;) {
          const answer = await to.ingest(one);
          if (answer.ok) break;
          assert.equal(answer.error.reason, 'gone', answer.error.message);
          failed++;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    };
    const senders = Array.from({ length: 6 }, send);
    for (const left of [330, 200]) {
      while (pending.length > left) await new Promise((resolve) => setTimeout(resolve, 1));
      await server.restart('immediate');
    }
    await Promise.all(senders);
    assert.ok(failed > 0, 'some batches were under way');
    assert.deepEqual(await stateOf(url), await stateOf(reference));
  }).timeout(120_000);

  it('says that the server is gone, and goes on when it is back', async () => {
    const store = await openAt(await server.createDatabase());
    must(await store.ingest(batch([heartbeat(1)])));
    await server.halt('fast');
    try {
      for (const answer of [
        await store.ingest(batch([heartbeat(2)])),
        await store.failing(1),
        await store.lease('l', 'a', 0, 1),
      ]) {
        assert.ok(!answer.ok && answer.error.reason === 'gone', JSON.stringify(answer));
        assert.match(answer.error.message, /^PostgreSQL at 127\.0\.0\.1:\d+, database test_\d+ /);
      }
    } finally {
      await server.resume();
    }
    assert.equal(must(await store.ingest(batch([heartbeat(2)]))).fresh, 1);
  }).timeout(60_000);

  it('waits no longer than its limit for a row that somebody keeps', async () => {
    const url = await server.createDatabase();
    const store = await openAt(url);
    must(await store.ingest(batch([heartbeat(1)])));
    const other = must(await openPostgres(url, needs));
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const holding = other.write(async (sql) => {
      await sql.all('SELECT seen FROM pullwhy_streams FOR UPDATE');
      await held;
    });
    try {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const answer = await store.ingest(batch([heartbeat(2)]));
      assert.ok(!answer.ok && answer.error.reason === 'busy', JSON.stringify(answer));
      assert.equal(
        must(await store.ingest(batch([heartbeat(2)], { node: 'node-2' }))).fresh,
        1,
        'others are not in the way',
      );
    } finally {
      release();
      await holding;
      await other.close();
    }
  }).timeout(30_000);

  it('starts a transaction again that met another from the other side', async () => {
    const url = await server.createDatabase();
    await openAt(url);
    const database = must(await openPostgres(url, needs));
    await database.read.run("INSERT INTO pullwhy_leases VALUES ('a', '', 0), ('b', '', 0)");
    const both = async (order: readonly string[]): Promise<void> => {
      let first = true;
      await database.write(async (sql) => {
        for (const name of order) {
          await sql.run('UPDATE pullwhy_leases SET until = until + 1 WHERE name = $1', [name]);
          if (first) await new Promise((resolve) => setTimeout(resolve, 100));
          first = false;
        }
      });
    };
    await Promise.all([both(['a', 'b']), both(['b', 'a'])]);
    const rows = await database.read.all('SELECT until FROM pullwhy_leases ORDER BY name');
    assert.deepEqual(
      rows.map(({ until }) => until),
      [2, 2],
    );
    await database.close();
  }).timeout(30_000);

  it('tells what is wrong with the way in, without the password', async () => {
    const url = await server.createDatabase();
    const wrong: readonly (readonly [string, RegExp])[] = [
      [url.replace('test_', 'none_'), /does not exist: create it/],
      [url.replace('pullwhy@', 'nobody:geheim@'), /does not let the collector in/],
      [url.replace('pullwhy@', 'pullwhy:geheim@').replace(/:\d+\//, ':1/'), /cannot be reached.*ECONNREFUSED/],
      [url.replace('pullwhy@', 'pullwhy:geheim@').concat('?sslmode=verify-full'), /offers no TLS/],
    ];
    for (const [bad, why] of wrong) {
      const opened = await openStore(bad, needs);
      assert.ok(!opened.ok, bad);
      assert.match(opened.error, why);
      assert.doesNotMatch(opened.error, /geheim/);
    }
  });

  it('plans its lookups by index', async () => {
    const url = await server.createDatabase();
    const store = await openAt(url);
    for (let index = 0; index < 300; index++) {
      const checks = Array.from({ length: 10 }, (_, of) =>
        index === 7
          ? broken({ subject: `${of}` })
          : ({ ...broken({ subject: `${of}` }), verdict: 'healthy', cause: null } as const),
      );
      must(await store.ingest(batch([health(1, ...checks)], { node: `n${index}` })));
    }
    const database = must(await openPostgres(url, needs));
    await database.read.run('ANALYZE pullwhy_observations');
    const plan = async (text: string): Promise<string> => JSON.stringify(await database.read.all(`EXPLAIN ${text}`));
    assert.match(
      await plan(
        "SELECT node FROM pullwhy_observations WHERE failing = 1 AND (node, kind, subject) > ('', '', '') ORDER BY node, kind, subject LIMIT 500",
      ),
      /pullwhy_observations_failing/,
    );
    assert.match(
      await plan(
        "SELECT node FROM pullwhy_observations WHERE kind = 'registry' AND subject = '3' AND node > '' ORDER BY node LIMIT 10",
      ),
      /pullwhy_observations_pkey/,
    );
    await database.close();
  }).timeout(60_000);
});

describe('collector: store on PostgreSQL over TLS', () => {
  let server: TestPostgres | undefined;

  after(async () => {
    await server?.stop();
  });

  it("checks the server's chain and name whatever the mode, and sends no password before", async function () {
    this.timeout(60_000);
    if ((await postgresMissing()) !== null) this.skip();
    server = await startPostgres();
    const { folder } = server;
    const plain = await server.createDatabase();
    const admin = must(await openPostgres(plain, needs));
    const pki = makePki();
    const { uid, gid } = await stat(join(folder, 'data'));
    const present = async (name: string, made: MadeCertificate): Promise<void> => {
      const { chain, key } = await writeCertificate(folder, name, made);
      for (const path of [chain, key]) {
        await chown(path, uid, gid);
        await chmod(path, 0o600);
      }
      await admin.read.run(`ALTER SYSTEM SET ssl_cert_file = '${chain}'`);
      await admin.read.run(`ALTER SYSTEM SET ssl_key_file = '${key}'`);
      await admin.read.run("ALTER SYSTEM SET ssl = 'on'");
      await admin.read.run('SELECT pg_reload_conf()');
      await new Promise((resolve) => setTimeout(resolve, 300));
    };
    const ca = join(folder, 'ca.pem');
    await writeFile(ca, pki.root.pem);
    const url = (mode: string, more = `&sslrootcert=${ca}`): string =>
      `${plain.replace('pullwhy@', 'pullwhy:geheim@')}?sslmode=${mode}${more}`;
    const refused = async (at: string, why: RegExp): Promise<void> => {
      const opened = await openStore(at, needs);
      assert.ok(!opened.ok, at);
      assert.match(opened.error, why);
      assert.doesNotMatch(opened.error, /geheim/);
    };

    await present('good', pki.leaf);
    for (const mode of ['require', 'verify-ca', 'verify-full']) await must(await openStore(url(mode), needs)).close();
    await must(await openStore(url('verify-full').replace('127.0.0.1', 'localhost'), needs)).close();
    await refused(url('require', ''), /cannot be reached \(.*certificate/);

    await present('wrong-name', pki.wrongName);
    for (const mode of ['require', 'verify-ca', 'verify-full']) await refused(url(mode), /does not match/);

    await present('expired', pki.expired);
    await refused(url('verify-full'), /expired/);

    await present('strange', pki.strange);
    await refused(url('require'), /cannot be reached/);
    await admin.close();
  });
});
