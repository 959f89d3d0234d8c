import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { stackOf } from '../../src/lib/stack-trace.ts';

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
const files = readdirSync(dist);
const texts = files.filter((file) => file.endsWith('.js')).map((file) => readFileSync(`${dist}${file}`, 'utf8'));

/** What the bundle was made of, as the maps beside it name it. */
const sources = new Set(
  files
    .filter((file) => file.endsWith('.js.map'))
    .flatMap((file) => {
      const map: { sources: readonly string[] } = JSON.parse(readFileSync(`${dist}${file}`, 'utf8'));
      return map.sources;
    }),
);

describe('the bundle', () => {
  it('has both of undici’s parsers of HTTP as files, as undici has them', () => {
    const require = createRequire(import.meta.url);
    for (const name of ['llhttp-wasm', 'llhttp_simd-wasm']) {
      const [file, ...more] = files.filter((one) => one.startsWith(`${name}-`) && one.endsWith('.wasm'));
      assert.ok(file !== undefined && more.length === 0, name);
      assert.ok(readFileSync(`${dist}${file}`).equals(require(`undici/lib/llhttp/${name}.js`)), name);
      assert.equal(texts.filter((text) => text.includes(`./${file}`)).length, 1, name);
    }
    assert.ok(!texts.some((text) => /[A-Za-z0-9+/]{20000}/.test(text)), 'a parser is text of the bundle');
  });

  it('has beside each of its files the map that the trace of a defect is read by', () => {
    const maps = new Set(files.filter((file) => file.endsWith('.js.map')));
    assert.deepEqual(
      files.filter((file) => file.endsWith('.js') && !maps.has(`${file}.map`)),
      [],
    );
    for (const source of ['agent/agent.ts', 'collector/collector.ts', 'main.ts'])
      assert.ok(sources.has(`../src/${source}`));
    const lines = readFileSync(`${dist}main.js`, 'utf8').split('\n');
    const line = lines.findIndex((text) => text.includes('this is a defect of pullwhy'));
    const column = lines[line]?.indexOf('this is a defect of pullwhy') ?? 0;
    const place = new URL('../../dist/main.js', import.meta.url).href;
    assert.match(
      stackOf(`at a (${place}:${line + 1}:${column + 1})`, new URL('.', place).href),
      /^at a \(src\/main\.ts:\d+:\d+\)$/,
    );
  });

  it('has the client of gRPC and not its server', () => {
    assert.ok(sources.has('../node_modules/@grpc/grpc-js/src/client.ts'));
    assert.ok(!texts.some((text) => text.includes('tryShutdown(')));
  });
});
