import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { readAddress } from '../../../src/collector/store/postgres-address.ts';
import { must } from './batches.ts';

describe('collector: address of a PostgreSQL', () => {
  const tls: readonly (readonly [url: string, tls: boolean])[] = [
    ['postgres://u:p@db.example/d', true],
    ['postgres://u@10.0.0.9/d', true],
    ['postgres://u@db.example/d?sslmode=disable', false],
    ['postgres://u@db.example/d?sslmode=require', true],
    ['postgres://u@db.example/d?sslmode=verify-ca', true],
    ['postgres://u@db.example/d?sslmode=verify-full', true],
    ['postgres://u@localhost/d', false],
    ['postgres://u@127.0.0.1/d', false],
    ['postgres://u@[::1]/d', false],
    ['postgres://u@localhost/d?sslmode=verify-full', true],
    ['postgresql:///d?host=/run/postgresql&user=u', false],
  ];
  for (const [url, wanted] of tls) {
    it(`${wanted ? 'uses TLS' : 'uses no TLS'} for ${url}`, async () => {
      assert.equal(must(await readAddress(url)).tls !== null, wanted);
    });
  }

  it('reads every part', async () => {
    const address = must(
      await readAddress('postgresql://us%40er:p%2Fw%25@[2001:db8::1]:6543/da%20ta?application_name=x&sslmode=disable'),
    );
    const { password, ...rest } = address;
    assert.deepEqual(rest, {
      host: '2001:db8::1',
      port: 6543,
      database: 'da ta',
      user: 'us@er',
      tls: null,
      applicationName: 'x',
      shown: 'PostgreSQL at 2001:db8::1:6543, database da ta',
    });
    assert.equal(password?.reveal(), 'p/w%');
    assert.doesNotMatch(inspect(address, { depth: 9 }) + JSON.stringify(address), /p\/w/);
  });

  it('reads the files that it names', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pullwhy-address-'));
    await writeFile(join(folder, 'ca'), 'authority');
    await writeFile(join(folder, 'key'), 'private');
    const url = `postgres://u@h/d?sslrootcert=${folder}/ca&sslkey=${folder}/key`;
    const { tls: read } = must(await readAddress(url));
    assert.deepEqual([read?.ca, read?.cert, read?.key?.reveal()], ['authority', null, 'private']);
    const missing = await readAddress(`postgres://u:geheim@h/d?sslrootcert=${folder}/none`);
    assert.ok(!missing.ok);
    assert.match(missing.error, /none, the store's sslrootcert, cannot be read/);
    await rm(folder, { recursive: true });
  });

  const refused: readonly (readonly [url: string, why: RegExp])[] = [
    ['postgres://u:geheim@h/d?sslmode=prefer', /goes on without encryption.*verify-full, or disable/],
    ['postgres://u:geheim@h/d?sslmode=allow', /sslmode=allow/],
    ['postgres://u:geheim@h/d?sslmode=geheim', /none of disable/],
    ['postgres://u:geheim@h/d?target_session_attrs=any', /not understood: target_session_attrs/],
    ['postgres://u:geheim@h1,h2/d', /more than one host/],
    ['postgres://u:geheim@h1:5432,h2:5432/d', /more than one host/],
    ['postgres://u:ge#heim@h/d', /form postgres|name a user|%XX/],
    ['postgres://h/d', /name a user/],
    ['postgres://u:geheim@h', /and a database/],
    ['postgres://u:geheim@h/d?port=0', /no port/],
    ['postgres://u:geheim@h:99999/d', /form postgres/],
    ['postgres:///d?host=/run&user=u&sslmode=verify-full', /Unix socket/],
  ];
  for (const [url, why] of refused) {
    it(`refuses ${url}, without its password`, async () => {
      const address = await readAddress(url);
      assert.ok(!address.ok, JSON.stringify(address));
      assert.match(address.error, why);
      assert.doesNotMatch(address.error, /geheim|heim/);
    });
  }
});
