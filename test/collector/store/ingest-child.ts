import { openStore } from '../../../src/collector/store/store.ts';
import { systemEnv } from '../../../src/lib/env.ts';
import { must, silent } from './batches.ts';
import { storyBatches } from './story.ts';

/** Sends all batches of the story to the store of its argument, and says how far it is: to be killed in the middle. */
const store = must(await openStore(process.argv[2] ?? '', { env: systemEnv, log: silent }));
for (const [index, one] of storyBatches().entries()) {
  must(await store.ingest(one));
  process.stdout.write(`${index}\n`);
}
await store.close();
