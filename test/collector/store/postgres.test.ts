import { openPostgres } from '../../../src/collector/store/postgres.ts';
import { systemEnv } from '../../../src/lib/env.ts';
import { postgresMissing, startPostgres, type TestPostgres } from '../../kit/postgres.ts';
import { must, silent } from './batches.ts';
import { storeContract } from './contract.ts';

describe('collector: store on PostgreSQL', () => {
  let server: TestPostgres;

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

  storeContract(() => ({
    create: () => server.createDatabase(),
    open: async (url) => must(await openPostgres(url, { env: systemEnv, log: silent })),
    runs: 8,
  }));
});
