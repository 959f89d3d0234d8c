// Plugins that leave out of the bundle what nobody uses of the packages in it: the text of what is loaded stays in memory,
// in every agent, for V8 compiles functions from it again.
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import type { Plugin } from 'esbuild';

/**
 * An ESM import of a module of Node has Node look at all that the module offers, which loads what is there for those who
 * ask for it: of `node:http` WebSocket, with the whole of Node's own undici; of `node:crypto` WebCrypto; of `node:buffer`
 * the streams of the web. That is memory in every process, for nothing. `require()` does not look.
 */
export const builtinsByRequire: Plugin = {
  name: 'builtins-by-require',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ kind, path }) =>
      kind === 'import-statement' ? { path, namespace: 'by-require' } : { path, external: true },
    );
    onLoad({ filter: /.*/, namespace: 'by-require' }, ({ path }) => ({
      contents: `module.exports = require('${path}');`,
    }));
  },
};

/** typebox does nothing when it is loaded but to make what it exports, and does not say so: what is not used is left out. */
export const onlyUsedOfTypebox: Plugin = {
  name: 'only-used-of-typebox',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^(\.|typebox)/ }, async ({ path, importer, kind, resolveDir, pluginData }) => {
      const own = path.startsWith('typebox') || importer.includes('/node_modules/typebox/');
      if (!own || pluginData === onlyUsedOfTypebox) return undefined;
      const found = await resolve(path, { importer, kind, resolveDir, pluginData: onlyUsedOfTypebox });
      return found.errors.length > 0 ? { errors: found.errors } : { path: found.path, sideEffects: false };
    });
  },
};

/** grpc-js hands out its server beside its client, and loads both; here nobody serves gRPC: 60 KB of text. */
export const noServersOfGrpc: Plugin = {
  name: 'no-servers-of-grpc',
  setup({ onLoad }) {
    const filter = /\/node_modules\/@grpc\/grpc-js\/build\/src\/server(-call|-credentials|-interceptors)?\.js$/;
    onLoad({ filter }, () => ({ contents: '' }));
  },
};

/**
 * undici holds its parser of HTTP as text in base64, twice: for machines with vector instructions and without. Each becomes
 * a file beside the bundle, read when it is asked for: 150 KB of text, and 130 more of what was made of it.
 */
export const parserByFile: Plugin = {
  name: 'parser-by-file',
  setup({ onLoad, onResolve }) {
    const require = createRequire(import.meta.url);
    onResolve({ filter: /\/llhttp(_simd)?-wasm\.js$/ }, ({ path }) => ({
      path: basename(path, '.js'),
      namespace: 'parser',
    }));
    onResolve({ filter: /\.wasm$/, namespace: 'parser' }, ({ path }) => ({ path, namespace: 'parser-file' }));
    onLoad({ filter: /.*/, namespace: 'parser' }, ({ path }) => ({
      contents: `const path = require('${path}.wasm');
        Object.defineProperty(module, 'exports', { get: () => require('node:fs').readFileSync(require.resolve(path)) });`,
    }));
    onLoad({ filter: /.*/, namespace: 'parser-file' }, ({ path }) => ({
      contents: require(`undici/lib/llhttp/${basename(path, '.wasm')}.js`),
      loader: 'file',
    }));
  },
};
