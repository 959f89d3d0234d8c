/** `pullwhy explain --replay`: whatever a file holds, there is a document or a clear word of what is wrong with it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { jsonText } from '../../src/cli/output.ts';
import { renderMarkdown } from '../../src/cli/render/markdown.ts';
import { plainStyle } from '../../src/cli/render/style.ts';
import { renderText } from '../../src/cli/render/text.ts';
import { replay } from '../../src/engine/replay.ts';
import { isRecord } from '../../src/lib/json.ts';
import type { Investigation } from '../../src/model/investigation.ts';
import { investigationOf } from '../kit/documents.ts';
import { certificate, challenge, Scene } from '../kit/view.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = join(root, 'test/incidents');
const golden = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => ({ name, text: readFileSync(join(folder, name, 'investigation.json'), 'utf8') }));

/** Has every kind of probe, most of them with everything that they can have. */
function everything(): Investigation {
  const scene = new Scene({
    endpoints: [
      {
        url: 'http://mirror.test:5000/v2',
        role: 'mirror',
        source: 'etc/containerd/certs.d/registry.test/hosts.toml:3',
      },
      { url: 'https://registry.test/v2', proxy: 'http://proxy.test:3128', proxyReason: 'https_proxy' },
    ],
    users: ['app'],
    problems: [{ severity: 'warning', cause: 'runtime-misconfigured', source: 'etc/hosts:1', message: 'Wrong.' }],
  });
  scene.runtime();
  scene.image(false);
  scene.disk();
  scene.serve({ endpoint: 0 });
  scene.reach({ endpoint: 1 });
  scene.tls(['tls-expired', 'expired'], { endpoint: 1, chain: [certificate()], failedCertificate: 0 });
  scene.small(null, { endpoint: 1 });
  scene.ping({ endpoint: 1, status: 401, challenges: [challenge('bearer')] });
  scene.token({ endpoint: 1, as: 0 });
  scene.manifest({ endpoint: 1, status: 404, errors: [{ code: 'MANIFEST_UNKNOWN', message: 'unknown' }] });
  scene.names('tags', ['1.1'], { endpoint: 1 });
  scene.journal([{ cause: 'unpack-failed' }, { event: 'pull-succeeded' }]);
  scene.pull('not found', 'tag-not-found');
  scene.skipped('blob', { endpoint: 1 });
  return investigationOf(scene);
}

const samples = [...golden.map(({ text }) => text), jsonText(everything())];

/** Every place of a value: the object or list, and the name or number in it. */
function places(value: unknown, found: { of: object; at: string }[] = []): { of: object; at: string }[] {
  if (typeof value !== 'object' || value === null) return found;
  for (const [at, inner] of Object.entries(value)) {
    found.push({ of: value, at });
    places(inner, found);
  }
  return found;
}

const other = [
  null,
  true,
  false,
  -1,
  0,
  0.5,
  7,
  1e15,
  1e308,
  '',
  ' ',
  'x',
  '%',
  'http://',
  'https://[',
  '\u001b[2J',
  '__proto__',
  [],
  {},
  [null],
];
const alike: Readonly<Record<string, readonly unknown[]>> = {
  number: [-1, 0, 0.5, 1, 401, 404, 2 ** 53 - 1, 1e300],
  string: [
    '',
    ' ',
    'http://x:99999/',
    'https://registry.test/v2',
    '[',
    'sha256:',
    '1e9',
    'faulty',
    'ok',
    'failed',
    'x'.repeat(5000),
  ],
  boolean: [true, false, null],
  object: [null, [], {}],
};

/** One change: which place of all, whether it is taken out, and what stands there instead. */
const change = fc.record({
  at: fc.nat(),
  how: fc.constantFrom('delete', 'other', 'alike', 'alike', 'copy', 'double'),
  which: fc.nat(),
});
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function damage(text: string, changes: readonly Change[]): string {
  const document: unknown = JSON.parse(text);
  for (const { at, how, which } of changes) {
    const all = places(document);
    const spot = all[at % all.length];
    if (spot === undefined) continue;
    const was: unknown = Reflect.get(spot.of, spot.at);
    const pick = (of: readonly unknown[]): unknown => structuredClone(of[which % of.length]);
    const from = all[which % all.length];
    if (how === 'delete') {
      if (Array.isArray(spot.of)) spot.of.splice(Number(spot.at), 1);
      else Reflect.deleteProperty(spot.of, spot.at);
    } else if (how === 'double') {
      if (Array.isArray(spot.of)) spot.of.push(structuredClone(was));
    } else if (how === 'copy' && from !== undefined) {
      Reflect.set(spot.of, spot.at, structuredClone(Reflect.get(from.of, from.at)));
    } else Reflect.set(spot.of, spot.at, how === 'other' ? pick(other) : pick(alike[typeof was] ?? other));
  }
  return JSON.stringify(document);
}

/** Concludes a text again and prints it in every way. Gives what is wrong with it, or null. */
function tried(text: string): string | null {
  const replayed = replay(text);
  if (!replayed.ok) return replayed.error;
  const { document } = replayed.value;
  assert.ok(['healthy', 'degraded', 'faulty', 'inconclusive'].includes(document.verdict));
  assert.ok(renderText(document, plainStyle).length > 0);
  assert.ok(renderMarkdown(document).length > 0);
  assert.ok(isRecord(JSON.parse(jsonText(document))));
  return null;
}

describe('cli: a saved investigation, concluded again', () => {
  for (const { name, text } of golden) {
    it(`says of ${name} what was said when it was saved`, () => {
      const replayed = replay(text);
      assert.ok(replayed.ok, JSON.stringify(replayed));
      assert.deepEqual(replayed.value.notes, []);
      const saved: unknown = JSON.parse(text);
      assert.ok(isRecord(saved));
      const { verdict, cause, confidence, probes } = replayed.value.document;
      assert.deepEqual(
        { verdict, cause, confidence, probes },
        {
          verdict: saved.verdict,
          cause: saved.cause,
          confidence: saved.confidence,
          probes: saved.probes,
        },
      );
    });
  }

  it('never fails on a document of which anything is missing, or something else', function () {
    this.timeout(60_000);
    const outcomes = { concluded: 0, refused: 0 };
    fc.assert(
      fc.property(fc.constantFrom(...samples), fc.array(change, { minLength: 1, maxLength: 6 }), (text, changes) => {
        const error = tried(damage(text, changes));
        if (error === null) outcomes.concluded++;
        else {
          outcomes.refused++;
          assert.match(error, /^(is|has) .*\.$/u);
          assert.ok(error.length < 1000, error);
        }
      }),
      { numRuns: 3000 },
    );
    // Were one of them rare, the property would say little.
    assert.ok(outcomes.concluded > 300 && outcomes.refused > 300, JSON.stringify(outcomes));
  });

  it('never fails where one field is taken out, whichever', () => {
    for (const text of samples) {
      const count = places(JSON.parse(text)).length;
      for (let at = 0; at < count; at++) tried(damage(text, [{ at, how: 'delete', which: 0 }]));
    }
  });

  it('never takes a word for what every object has, wherever it stands', () => {
    const proto = { how: 'other', which: other.indexOf('__proto__') } as const;
    for (const text of samples.filter((_, index) => index % 4 === 0)) {
      const count = places(JSON.parse(text)).length;
      for (let at = 0; at < count; at++) tried(damage(text, [{ at, ...proto }]));
    }
  });

  it('names the place of what is wrong', () => {
    const document: unknown = JSON.parse(jsonText(everything()));
    assert.ok(isRecord(document) && Array.isArray(document.probes));
    const cases: readonly (readonly [string, RegExp])[] = [
      ['', /^is not JSON from line 1, column 1 on\.$/],
      ['{"a":\n 1,}', /line 2, column 4 /],
      ['[]', /no JSON object/],
      ['{}', /no "apiVersion" and "kind"/],
      [jsonText({ ...document, kind: 'Plan' }), /no saved investigation/],
      [jsonText({ ...document, apiVersion: 'pullwhy/v2' }), /does not know/],
      [jsonText({ ...document, apiVersion: 'v1' }), /no document of Pullwhy/],
      [jsonText({ ...document, probes: undefined }), /: probes is missing\.$/],
      [
        jsonText({ ...document, probes: Array(401).fill(document.probes[0]) }),
        /: probes has 401 elements, more than 400\.$/,
      ],
      [jsonText({ ...document, image: 'nginx' }), /: image is a text, not an object\.$/],
      [jsonText({ ...document, resolver: { ndots: -1 } }), /: resolver\.ndots is -1, not an amount from 0 on\.$/],
      [
        jsonText({ ...document, endpoints: [{ url: 'ftp://x' }] }),
        /: endpoints\[0\]\.url is "ftp:\/\/x", not a URL of http or https\.$/,
      ],
    ];
    for (const [text, words] of cases) assert.match(tried(text) ?? 'nothing', words);
  });

  it('concludes without what a later version has added, and says so', () => {
    const document: unknown = JSON.parse(golden.find(({ name }) => name === 'tag-misspelt')?.text ?? '');
    assert.ok(isRecord(document) && Array.isArray(document.probes) && Array.isArray(document.problems));
    const later = {
      ...document,
      cause: 'quantum-flux',
      news: 1,
      probes: [...document.probes, { kind: 'ping6', id: 'p99', status: 'ok', facts: { a: 1 } }],
      problems: [...document.problems, { cause: 'quantum-flux', severity: 'error' }],
    };
    const replayed = replay(jsonText(later));
    assert.ok(replayed.ok, JSON.stringify(replayed));
    assert.equal(replayed.value.document.cause, 'tag-not-found');
    const [unknown = '', otherwise = '', ...rest] = replayed.value.notes;
    assert.match(unknown, /kind "ping6", cause "quantum-flux"/);
    assert.match(
      otherwise,
      /faulty \(quantum-flux\), a cause that this version does not know; .* faulty \(tag-not-found\)/,
    );
    assert.deepEqual(rest, []);
  });

  describe('by the built command', () => {
    let scratch = '';
    before(async function () {
      this.timeout(60_000);
      if (!existsSync(`${root}dist/main.js`)) await import('../../build/build.ts');
      scratch = mkdtempSync(join(tmpdir(), 'pullwhy-replay-'));
    });
    after(() => rmSync(scratch, { recursive: true, force: true }));
    const explain = (...args: string[]) =>
      spawnSync(process.execPath, [`${root}bin/pullwhy.js`, 'explain', ...args], { encoding: 'utf8', timeout: 20_000 });

    it('ends by the verdict, in every form', () => {
      for (const [name, status] of [
        ['all-well', 0],
        ['mirror-dead', 0],
        ['tag-misspelt', 1],
      ] as const) {
        const file = join(folder, name, 'investigation.json');
        const json = explain('--replay', file, '-o', 'json');
        assert.deepEqual([json.status, json.stderr], [status, '']);
        const document: unknown = JSON.parse(json.stdout);
        assert.ok(isRecord(document) && document.kind === 'Investigation');
        assert.match(explain('--replay', file, '-o', 'markdown').stdout, /^### /);
        assert.match(explain('--replay', file).stdout, /^. \S+ can(?:not)? be pulled on worker-3\b/u);
      }
    });

    it('ends with 2 and says why for what is no investigation', () => {
      const broken = join(scratch, 'broken.json');
      writeFileSync(broken, '{"apiVersion":"pullwhy/v1",\n"kind":');
      const large = join(scratch, 'large.json');
      writeFileSync(large, ' '.repeat(16 * 1024 * 1024 + 1));
      const cases: readonly (readonly [readonly string[], RegExp])[] = [
        [['--replay', broken], /^pullwhy: --replay: \S+broken\.json is not JSON from line 2, column 8 on\.\n$/],
        [['--replay', large], /is larger than 16 MiB/],
        [['--replay', join(scratch, 'none')], /cannot be read \(no such file\)/],
        [['--replay', scratch], /cannot be read \(a directory\)/],
        [['--replay', broken, 'text'], /no TEXT/],
        [['--replay', broken, '-o', 'ndjson'], /ndjson/],
        [['-o', 'markdown', 'text'], /markdown/],
      ];
      for (const [args, words] of cases) {
        const { status, stdout, stderr } = explain(...args);
        assert.deepEqual([status, stdout], [2, ''], args.join(' '));
        assert.match(stderr, words);
      }
    });
  });
});
