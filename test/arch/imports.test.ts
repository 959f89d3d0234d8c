import assert from 'node:assert/strict';
import { parseSource, readSources, type Source } from './sources.ts';

/**
 * The folders of src by level: a file may import from its own folder and from levels above its own line. Folders of one
 * level know nothing of each other. (design.md, "The tree"; `evidence` is explained in src/evidence/README.md.)
 */
const levels: readonly (readonly string[])[] = [
  ['lib'],
  ['model'],
  ['api'],
  ['settings', 'image', 'evidence', 'messages'],
  ['causes'],
  ['journal', 'node', 'registry', 'wire'],
  ['probes', 'signals'],
  ['kube', 'serve'],
  ['engine'],
  ['agent', 'collector'],
  ['demo'],
  ['cli'],
  ['.'],
];

/**
 * Folders that know less than their level has: the central process and its dashboard know the vocabulary and nothing of a
 * node. `wire` and `serve`: the collector sends notices and lets callers in as an agent does.
 */
const aside: Readonly<Record<string, readonly string[]>> = {
  collector: ['lib', 'model', 'api', 'settings', 'causes', 'wire', 'serve'],
  web: ['lib', 'model', 'api', 'causes'],
};

/** Where each npm library may be imported: one file, or one family of files, so that it can be replaced there. */
const places: Readonly<Record<string, RegExp>> = {
  dns2: /^src\/wire\/dns[\w-]*\.ts$/,
  undici: /^src\/wire\/(http\.ts|undici-parts\.d\.ts)$/,
  '@grpc/grpc-js': /^src\/wire\/cri\.ts$/,
  '@grpc/proto-loader': /^src\/wire\/cri\.ts$/,
  'smol-toml': /^src\/node\/toml\.ts$/,
  yaml: /^src\/lib\/yaml\.ts$/,
  fastify: /^src\/collector\/http\/server\.ts$/,
  pg: /^src\/collector\/store\/postgres[\w-]*\.ts$/,
  commander: /^src\/cli\//,
  typebox: /^src\/api\/(schema|compiled)\.ts$/,
};

describe('arch: imports', () => {
  const sources = readSources();
  const levelOf = new Map(levels.flatMap((folders, level) => folders.map((folder) => [folder, level] as const)));

  it('sees the sources, and every form of import', () => {
    assert.ok(sources.length > 150, `${sources.length} files`);
    const { files, packages } = parseSource(
      'src/x/y.ts',
      [
        "import { a } from './a.ts';",
        "import type {\n  B,\n} from '../b/b.ts';",
        "export { c } from '../c.ts';",
        "export type * from './d.ts';",
        "import './e.ts';",
        "const f = await import('./f.ts');",
        "type G = import('../g/g.ts').G;",
        "import undici from 'undici/lib/x.js';",
        "const grpc = await import('@grpc/grpc-js');",
        "import { join } from 'node:path';",
        "// import { no } from './no.ts';",
        "/**\n * import { no } from './no.ts';\n */",
      ].join('\n'),
    );
    assert.deepEqual([...files].sort(), [
      'src/b/b.ts',
      'src/c.ts',
      'src/g/g.ts',
      'src/x/a.ts',
      'src/x/d.ts',
      'src/x/e.ts',
      'src/x/f.ts',
    ]);
    assert.deepEqual(packages, ['undici', '@grpc/grpc-js']);
  });

  it('knows every folder of src', () => {
    const unknown = sources.filter(({ folder }) => !levelOf.has(folder) && !(folder in aside));
    assert.deepEqual(
      unknown.map(({ path }) => path),
      [],
      'give the new folder a level here, and a line in its README',
    );
  });

  it('point one way', () => {
    const wrong = sources.flatMap((source) =>
      source.files.filter((file) => !mayImport(source, folderOf(file))).map((file) => `${source.path} imports ${file}`),
    );
    assert.deepEqual(wrong, []);

    function mayImport({ folder }: Source, to: string): boolean {
      if (to === folder) return true;
      const only = aside[folder];
      if (only !== undefined) return only.includes(to);
      const [from, target] = [levelOf.get(folder), levelOf.get(to)];
      return from !== undefined && target !== undefined && target < from;
    }
  });

  it('name files that exist', () => {
    const known = new Set(sources.map(({ path }) => path));
    const missing = sources.flatMap(({ path, files }) =>
      files.filter((file) => file.startsWith('src/') && !known.has(file)).map((file) => `${path} imports ${file}`),
    );
    assert.deepEqual(missing, []);
  });

  // Type-only imports count: two files that need each other's types are one thing in two files.
  it('have no cycle between files', () => {
    assert.deepEqual(cyclesOf(new Map(sources.map(({ path, files }) => [path, files]))), []);
  });

  it('finds cycles', () => {
    const graph = new Map([
      ['a', ['b']],
      ['b', ['c']],
      ['c', ['b']],
      ['d', ['d']],
    ]);
    assert.deepEqual(cyclesOf(graph), ['b → c → b', 'd → d']);
  });

  it('name each npm library in its one place', () => {
    const wrong = sources.flatMap(({ path, packages }) =>
      packages.filter((name) => places[name]?.test(path) !== true).map((name) => `${path} imports ${name}`),
    );
    assert.deepEqual(wrong, []);
  });
});

function folderOf(path: string): string {
  const parts = path.split('/');
  return parts[0] === 'src' ? (parts.slice(1, -1)[0] ?? '.') : path;
}

/** Each cycle once, from the first of its files on. */
function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (node: string, trail: readonly string[]): void => {
    const at = trail.indexOf(node);
    if (at >= 0) {
      found.push([...trail.slice(at), node].join(' → '));
      return;
    }
    if (done.has(node)) return;
    for (const next of graph.get(node) ?? []) visit(next, [...trail, node]);
    done.add(node);
  };
  for (const node of graph.keys()) visit(node, []);
  return found;
}
