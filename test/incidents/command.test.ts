/** `pullwhy explain --replay` of every golden investigation gives its document again, word for word. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { JsonRecord } from '../../src/lib/json.ts';
import { isRecord } from '../../src/lib/json.ts';

const executable = fileURLToPath(new URL('../../bin/pullwhy.js', import.meta.url));
const folder = fileURLToPath(new URL('./', import.meta.url));
const names = readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);
const exitStatus: Readonly<Record<string, number>> = { healthy: 0, degraded: 0, faulty: 1, inconclusive: 3 };

function documentOf(text: string): JsonRecord {
  const value: unknown = JSON.parse(text);
  assert.ok(isRecord(value));
  return value;
}

/** The command's exit status and what it printed. Nothing but the file is there for it: no node, no network. */
function explain(file: string): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [executable, 'explain', '--replay', file, '-o', 'json'], {
    encoding: 'utf8',
    env: { PATH: '/nonexistent' },
    timeout: 20_000,
  });
}

describe('incidents: replayed by the command', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'pullwhy-again-'));
  after(() => rmSync(scratch, { recursive: true, force: true }));

  for (const name of names) {
    it(name, () => {
      const file = join(folder, name, 'investigation.json');
      const saved = documentOf(readFileSync(file, 'utf8'));
      const { status, stdout, stderr } = explain(file);
      const again = documentOf(stdout);
      assert.equal(status, exitStatus[String(saved.verdict)]);
      assert.equal(stderr, '', 'this version sees it otherwise');
      // Words that were changed on purpose: node test/incidents/refresh.ts
      for (const key of new Set([...Object.keys(saved), ...Object.keys(again)]))
        assert.deepEqual(again[key], saved[key], key);

      // And what was concluded again is a saved investigation like any other.
      const twice = join(scratch, `${name}.json`);
      writeFileSync(twice, stdout);
      assert.equal(explain(twice).stdout, stdout);
    });
  }
});
