// Writes into each golden document what is concluded from its probes now, after words or rules were changed on purpose:
// `node test/incidents/refresh.ts && npm run format`, and look at what changed. What is expected of it stays as it is.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { replay } from '../../src/engine/replay.ts';

const folder = new URL('./', import.meta.url);
for (const entry of await readdir(folder, { withFileTypes: true })) {
  if (!entry.isDirectory()) continue;
  const file = new URL(`${entry.name}/investigation.json`, folder);
  const text = await readFile(file, 'utf8');
  const again = replay(text);
  if (!again.ok) throw new Error(`${entry.name}: ${again.error}`);
  const { verdict, cause, confidence, layer, underlying, summary, findings, ruledOut, endpoints, pull } =
    again.value.document;
  const concluded = { verdict, cause, confidence, layer, underlying, summary, findings, ruledOut, endpoints, pull };
  await writeFile(file, `${JSON.stringify({ ...JSON.parse(text), ...concluded }, null, 1)}\n`);
}
