import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqlite } from '../../../src/collector/store/sqlite.ts';
import { systemEnv } from '../../../src/lib/env.ts';
import { silent } from './batches.ts';
import { storeContract } from './contract.ts';

describe('collector: store on SQLite', () => {
  let folder: string;
  let count = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pullwhy-store-'));
  });

  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  storeContract(() => ({
    create: async () => `sqlite://${folder}/made/${++count}.db`,
    open: async (url) => openSqlite(url.slice('sqlite://'.length), { env: systemEnv, log: silent }),
    runs: 30,
  }));
});
