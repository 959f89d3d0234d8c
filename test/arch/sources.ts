import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

/** One source file with what it imports. */
export interface Source {
  /** From the checkout on: `src/lib/env.ts`. */
  readonly path: string;
  /** Its folder below src (`lib`); `.` for src/main.ts. */
  readonly folder: string;
  readonly lines: readonly string[];
  /** Lines with comments blanked; what stands in a text stays. */
  readonly code: readonly string[];
  /** Files of ours that it names, `src/lib/env.ts`, type-only imports too. */
  readonly files: readonly string[];
  /** Packages that it names, `undici`, `@grpc/grpc-js`; Node's own are left out. */
  readonly packages: readonly string[];
}

/** Every TypeScript file below src, by path. */
export function readSources(): readonly Source[] {
  return readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .map((name) => `src/${name}`)
    .filter((path) => path.endsWith('.ts') || path.endsWith('.tsx'))
    .sort()
    .map((path) => parseSource(path, readFileSync(join(root, path), 'utf8')));
}

/** What a file's text says of its imports. Static, dynamic, re-exporting and type-only ones count alike. */
export function parseSource(path: string, text: string): Source {
  const code = withoutComments(text);
  const named = [
    ...code.matchAll(/^\s*(?:import|export)\b(?:[^;'"`]*?\bfrom)?\s*['"]([^'"]+)['"]/gm),
    ...code.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g),
  ].flatMap(([, specifier]) => (specifier === undefined ? [] : [specifier]));
  const relatives = named.filter((specifier) => specifier.startsWith('.'));
  const packages = named.filter((specifier) => !specifier.startsWith('.') && !specifier.startsWith('node:'));
  const folder = path.split('/').slice(1, -1)[0] ?? '.';
  return {
    path,
    folder,
    lines: text.split('\n'),
    code: code.split('\n'),
    files: [...new Set(relatives.map((specifier) => relative('.', join(dirname(path), specifier))))],
    packages: [...new Set(packages.map(packageOf))],
  };
}

/** `undici/lib/x.js` is of `undici`, `@grpc/grpc-js/y` of `@grpc/grpc-js`. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Comments as white space, line for line. A comment is taken for one only at a line's start or behind white space. */
function withoutComments(text: string): string {
  return text
    .replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|\s)\/\/ .*$/gm, '$1');
}
