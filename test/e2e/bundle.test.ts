import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
const files = readdirSync(dist);
const texts = files.filter((file) => file.endsWith('.js')).map((file) => readFileSync(`${dist}${file}`, 'utf8'));

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

  it('has the client of gRPC and not its server', () => {
    assert.ok(texts.some((text) => text.includes('node_modules/@grpc/grpc-js/build/src/client.js')));
    assert.ok(!texts.some((text) => text.includes('tryShutdown(')));
  });
});
