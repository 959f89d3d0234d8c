import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { version } from '../../src/cli/main.ts';
import { userAgent } from '../../src/probes/http-request.ts';
import { readSources, root } from './sources.ts';

/** A file past this has more than one thing in it. */
const mostLines = 400;

/** What is impure besides sockets and files, and the only files that may touch it; all others get it as an argument. */
const impure: Readonly<Record<string, readonly string[]>> = {
  'Date.now(': ['src/lib/env.ts'],
  'new Date()': [],
  'performance.now(': ['src/lib/env.ts'],
  'Math.random(': ['src/lib/env.ts'],
  'process.env': ['src/cli/prepare.ts', 'src/cli/settings-file.ts', 'src/cli/terminal.ts'],
  'process.hrtime': [],
};

/** The one place that takes a chain before judging it: Node's own check runs in OpenSSL's order, ours in Go's (wire/tls.ts says why). */
const unverified = 'src/wire/tls.ts';

/** The one place that lets callers without a certificate through the handshake, of our own servers: their gate turns them away. */
const uncertified = 'src/serve/server-tls.ts';

describe('arch: source files', () => {
  const sources = readSources();

  for (const [word, allowed] of Object.entries(impure)) {
    it(`use ${word} only where it comes in`, () => {
      const users = sources.filter(({ code }) => code.some((line) => line.includes(word))).map(({ path }) => path);
      assert.deepEqual(
        users.filter((path) => !allowed.includes(path)),
        [],
        'take it as an argument (src/lib/env.ts)',
      );
    });
  }

  it(`have at most ${mostLines} lines`, () => {
    const long = sources
      .filter(({ lines }) => lines.length - 1 > mostLines)
      .map(({ path, lines }) => `${path} ${lines.length - 1}`);
    assert.deepEqual(long, []);
  });

  it('switch the TLS check of the library off in one place, which checks itself', () => {
    const off = sources.flatMap(({ path, code }) =>
      code.filter((line) => /rejectUnauthorized|NODE_TLS_REJECT_UNAUTHORIZED/.test(line)).map(() => path),
    );
    assert.deepEqual([...off].sort(), [uncertified, unverified].sort());
    for (const path of off) {
      const lines = sources.find((source) => source.path === path)?.lines ?? [];
      const at = lines.findIndex((line) => line.includes('rejectUnauthorized'));
      assert.match(lines[at - 1] ?? '', /^\s*\/\//, 'it has to say why');
    }
  });

  it('have no way around the compiler', () => {
    const wrong = sources.flatMap(({ path, lines }) =>
      lines
        .filter((line) => /@ts-(ignore|expect-error|nocheck)|\bas any\b|\bas unknown as\b/.test(line))
        .map((line) => `${path}: ${line}`),
    );
    assert.deepEqual(wrong, []);
  });

  it('look for what ends a text from its end, not by a pattern that tries each run in its middle', () => {
    const wrong = sources.flatMap(({ path, code }) =>
      code
        .filter((line) => /[(= ]\/(?:\[(?:\\.|[^\]\\])+\]|\\.|[^\\^[/])[+*]\$\//.test(line))
        .map((line) => `${path}: ${line}`),
    );
    assert.deepEqual(wrong, [], 'withoutTrailing (src/lib/trailing.ts) does it');
  });

  it('use plain apostrophes and quotation marks', () => {
    const wrong = sources.flatMap(({ path, lines }) =>
      lines.flatMap((line, index) => (/[‘’“”]/.test(line) ? [`${path}:${index + 1}`] : [])),
    );
    assert.deepEqual(wrong, []);
  });

  it('name no place of the machine that they were written on', () => {
    const wrong = sources.flatMap(({ path, lines }) =>
      lines.flatMap((line, index) => (/\/work\/|\/home\//.test(line) ? [`${path}:${index + 1}`] : [])),
    );
    assert.deepEqual(wrong, []);
  });
});

describe('arch: package.json', () => {
  const manifest: unknown = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
  const { version: published, dependencies, devDependencies, engines } = read(manifest);

  it('has the version that the command says and sends', () => {
    assert.equal(version, published);
    assert.equal(userAgent, `pullwhy/${published}`);
  });

  it('has exact versions only', () => {
    const inexact = Object.entries({ ...dependencies, ...devDependencies })
      .filter(([, wanted]) => !/^\d+\.\d+\.\d+$/.test(wanted))
      .map(([name, wanted]) => `${name} ${wanted}`);
    assert.deepEqual(inexact, []);
  });

  it('pins the runtime, of the line that engines asks for', () => {
    assert.equal(devDependencies.node?.split('.')[0], /\d+/.exec(engines.node ?? '')?.[0]);
  });

  it('has a dependency for every library that is imported', () => {
    const wanted = new Set(readSources().flatMap(({ packages }) => packages));
    assert.deepEqual(
      [...wanted].filter((name) => dependencies[name] === undefined),
      [],
    );
  });
});

interface Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly engines: Readonly<Record<string, string>>;
}

function read(value: unknown): Manifest {
  const text = (of: unknown): string => {
    assert.ok(typeof of === 'string');
    return of;
  };
  const texts = (of: unknown): Record<string, string> => {
    assert.ok(typeof of === 'object' && of !== null);
    return Object.fromEntries(Object.entries(of).map(([name, one]) => [name, text(one)]));
  };
  assert.ok(typeof value === 'object' && value !== null);
  const all = new Map(Object.entries(value));
  return {
    version: text(all.get('version')),
    dependencies: texts(all.get('dependencies')),
    devDependencies: texts(all.get('devDependencies')),
    engines: texts(all.get('engines')),
  };
}
