import assert from 'node:assert/strict';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { undoCoding } from '../../src/registry/content-coding.ts';

const text = Buffer.from('the bytes of a layer '.repeat(100));
const packed = gzipSync(text);
const answer = (coding: string | null, body: Buffer, bodyComplete = true) => ({
  headers: coding === null ? {} : { 'content-encoding': coding },
  body,
  bodyComplete,
  unpacked: false,
});

describe("a blob's Content-Encoding", () => {
  const cases: readonly (readonly [
    name: string,
    came: ReturnType<typeof answer>,
    runtime: string | null,
    is: { body?: Buffer; coding: string | null; comparable: boolean } | string,
  ])[] = [
    ['none', answer(null, text), 'containerd', { body: text, coding: null, comparable: true }],
    ['identity', answer('identity', text), null, { body: text, coding: null, comparable: true }],
    ['gzip', answer('gzip', packed), 'containerd', { body: text, coding: 'gzip', comparable: true }],
    ['gzip, for CRI-O', answer(' GZip', packed), 'cri-o', { body: text, coding: 'gzip', comparable: true }],
    ['gzip, for a runtime that is not known', answer('gzip', packed), null, { coding: 'gzip', comparable: true }],
    ['gzip, for Docker', answer('gzip', packed), 'docker', { body: packed, coding: null, comparable: true }],
    ['gzip that is none', answer('gzip', text), 'containerd', 'gzip'],
    ['gzip that ends too early', answer('gzip', packed.subarray(0, 30)), 'containerd', 'gzip'],
    ['x-gzip', answer('x-gzip', packed), 'containerd', { body: packed, coding: null, comparable: false }],
    ['two codings', answer('gzip, gzip', packed), 'containerd', { body: packed, coding: null, comparable: false }],
    ['zstd', answer('zstd', zstdCompressSync(text)), 'containerd', { coding: null, comparable: false }],
    ['nothing came', answer('gzip', Buffer.alloc(0)), 'cri-o', { coding: null, comparable: true }],
  ];
  for (const [name, came, runtime, is] of cases) {
    it(name, () => {
      const got = undoCoding(came, runtime);
      if (typeof is === 'string') return assert.deepEqual(got, { ok: false, error: is });
      assert.ok(got.ok);
      assert.deepEqual([got.value.coding, got.value.comparable], [is.coding, is.comparable]);
      if (is.body !== undefined) assert.deepEqual(got.value.body, is.body);
    });
  }

  it('is undone as far as the bytes go', () => {
    const large = Buffer.from(Array.from({ length: 50_000 }, (_, at) => (at * at) % 251));
    const got = undoCoding(answer('gzip', gzipSync(large).subarray(0, 200), false), 'containerd');
    assert.ok(got.ok && got.value.body.length > 100 && large.subarray(0, got.value.body.length).equals(got.value.body));
  });

  it('is not undone where that would fill the memory', () => {
    const got = undoCoding(answer('gzip', gzipSync(Buffer.alloc(50_000_000))), 'containerd');
    assert.ok(got.ok && !got.value.comparable && got.value.body.length < 100_000);
  });

  it('is left where it is undone already', () => {
    const got = undoCoding({ ...answer('gzip', text), unpacked: true }, 'containerd');
    assert.ok(got.ok && got.value.comparable && got.value.body.equals(text));
  });
});
