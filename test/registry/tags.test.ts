import assert from 'node:assert/strict';
import { limits } from '../../src/lib/limits.ts';
import type { RegistryAnswer, RegistrySend } from '../../src/registry/exchange.ts';
import { listNames, nextPage, parseNames } from '../../src/registry/tags.ts';

const url = new URL('https://reg.corp/v2/a/tags/list?n=2');
const page = (tags: unknown, link?: string): RegistryAnswer => ({
  status: 200,
  headers: link === undefined ? {} : { link },
  body: Buffer.from(JSON.stringify({ name: 'a', tags })),
  bodyComplete: true,
});

describe('parseNames', () => {
  it('reads both lists', () => {
    assert.deepEqual(parseNames(Buffer.from('{"tags":["1","2",3]}'), 'tags'), { ok: true, value: ['1', '2'] });
    assert.deepEqual(parseNames(Buffer.from('{"repositories":["a/b"]}'), 'repositories'), { ok: true, value: ['a/b'] });
    assert.deepEqual(parseNames(Buffer.from('{"tags":null}'), 'tags'), { ok: true, value: [] });
  });
  it('cuts a page of millions, and shows that it is cut', () => {
    const many = parseNames(Buffer.from(`{"tags":[${'"a",'.repeat(1_000_000)}"b"]}`), 'tags');
    assert.equal(many.ok ? many.value.length : 0, limits.listedNames + 1);
  });
  for (const text of ['', '[]', '{}', '<html>', '{"tags":"x"}']) {
    it(`refuses ${text}`, () => assert.ok(!parseNames(Buffer.from(text), 'tags').ok));
  }
});

describe('nextPage', () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ['</v2/a/tags/list?last=b&n=2>; rel="next"', 'https://reg.corp/v2/a/tags/list?last=b&n=2'],
    ['</v2/a/tags/list?last=b>;rel=next', 'https://reg.corp/v2/a/tags/list?last=b'],
    ['<https://internal:8080/v2/a/tags/list?last=b>; rel="next"', 'https://reg.corp/v2/a/tags/list?last=b'],
    ['<?last=b>; title="x"; rel="prev next"', 'https://reg.corp/v2/a/tags/list?last=b'],
    ['</x>; rel="prev", </y>; rel="next"', 'https://reg.corp/y'],
    ['</x>; rel="prev"', null],
    ['</v2/a/tags/list?n=2>; rel="next"', null],
    ['nonsense', null],
    ['<https://[bad>; rel="next"', null],
  ];
  for (const [link, next] of cases) {
    it(`${link} leads to ${next}`, () => assert.equal(nextPage(url, { link })?.href ?? null, next));
  }
});

describe('listNames', () => {
  const script = (answers: readonly RegistryAnswer[]) => {
    const sent: string[] = [];
    const send: RegistrySend = async (request) => {
      sent.push(request.url.href);
      const next = answers[Math.min(sent.length, answers.length) - 1];
      return next === undefined ? { ok: false, error: { code: 'timeout', message: 't' } } : { ok: true, value: next };
    };
    return { send, sent };
  };
  const options = { headers: {}, maxPages: 5 };

  it('reads to the end', async () => {
    const { send, sent } = script([page(['1', '2'], '<?last=2>; rel="next"'), page(['3'])]);
    assert.deepEqual(await listNames(send, url, 'tags', options), {
      ok: true,
      value: { names: ['1', '2', '3'], complete: true, pages: 2 },
    });
    assert.equal(sent[1], 'https://reg.corp/v2/a/tags/list?last=2');
  });

  it('stops at its limit and says that it is not the end', async () => {
    let count = 0;
    const send: RegistrySend = async () => ({ ok: true, value: page([`t${count}`], `<?last=${count++}>; rel="next"`) });
    const result = await listNames(send, url, 'tags', options);
    assert.ok(result.ok);
    assert.deepEqual([result.value.names.length, result.value.complete, result.value.pages], [5, false, 5]);
  });

  it('does not go round in empty pages', async () => {
    const { send, sent } = script([page(['1'], '<?last=1>; rel="next"'), page([], '<?last=2>; rel="next"')]);
    const result = await listNames(send, url, 'tags', options);
    assert.ok(result.ok && result.value.complete);
    assert.equal(sent.length, 2);
  });

  it('bounds what it keeps', async () => {
    const { send } = script([page(Array.from({ length: 30_000 }, (_, i) => `t${i}`))]);
    const result = await listNames(send, url, 'tags', options);
    assert.ok(result.ok);
    assert.deepEqual([result.value.names.length, result.value.complete], [20_000, false]);
  });

  it('tells failures apart', async () => {
    const denied = await listNames(
      script([{ ...page(null), status: 403, body: Buffer.from('{"errors":[{"code":"DENIED","message":"no"}]}') }]).send,
      url,
      'tags',
      options,
    );
    assert.ok(!denied.ok && denied.error.kind === 'refused' && denied.error.errors.errors[0]?.code === 'DENIED');
    const dead = await listNames(script([]).send, url, 'tags', options);
    assert.ok(!dead.ok && dead.error.kind === 'unreachable');
    const odd = await listNames(script([page('x')]).send, url, 'tags', options);
    assert.ok(!odd.ok && odd.error.kind === 'malformed');
  });
});
