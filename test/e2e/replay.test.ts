/** What `pullwhy diagnose -o json` said of real faults, concluded again from the document alone. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { replay } from '../../src/engine/replay.ts';
import type { DiagnoseCase } from '../kit/diagnose-case.ts';
import { diagnose, openStage, type Ran } from '../kit/diagnose-stage.ts';
import { cases as auth } from './cases/auth.ts';
import { cases as blob } from './cases/blob.ts';
import { cases as crio } from './cases/crio.ts';
import { cases as mirrors } from './cases/mirrors.ts';
import { cases as mixed } from './cases/mixed.ts';
import { cases as proxy } from './cases/proxy.ts';
import { cases as runtime } from './cases/runtime.ts';
import { cases as tls } from './cases/tls.ts';

const executable = fileURLToPath(new URL('../../bin/pullwhy.js', import.meta.url));

/** A few of each kind: two faults at once, several endpoints, a runtime that speaks for itself, credentials. */
const chosen: readonly DiagnoseCase[] = [auth, blob, crio, mirrors, mixed, proxy, runtime, tls].flatMap((cases) =>
  cases.filter((_, at) => at % Math.ceil(cases.length / 5) === 0),
);

describe('pullwhy explain --replay, of fresh investigations', function () {
  this.timeout(60_000);

  for (const one of chosen) {
    it(one.name, async () => {
      const stage = await openStage();
      try {
        const situation = await one.prepare(stage);
        const ran = await diagnose(stage, situation);
        same(ran);
        await again(ran, join(stage.folder, 'saved.json'));
      } finally {
        await stage.close();
      }
    });
  }
});

/** The whole document, as it is read again. */
function same({ document, stdout }: Ran): void {
  const replayed = replay(stdout);
  assert.ok(replayed.ok);
  assert.deepEqual(replayed.value.notes, []);
  assert.deepEqual(JSON.parse(JSON.stringify(replayed.value.document)), document);
}

/** By the command: the same document, and the same exit status. */
async function again({ document, stdout, code }: Ran, file: string): Promise<void> {
  await writeFile(file, stdout);
  const ran = spawnSync(process.execPath, [executable, 'explain', '--replay', file, '-o', 'json'], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  assert.deepEqual([ran.status, ran.stderr], [code, '']);
  assert.deepEqual(JSON.parse(ran.stdout), document);
}
