import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Secret } from '../../src/lib/secret.ts';
import type { RegistryAnswer, RegistryRequest, RegistrySend } from '../../src/registry/exchange.ts';
import {
  isRedirect,
  nextRequest,
  redirectHeaders,
  resolveRedirect,
  sendFollowing,
} from '../../src/registry/redirect.ts';

const from = new URL('https://reg.corp/v2/a/blobs/sha256:1?ns=x');
const get: RegistryRequest = {
  method: 'GET',
  url: from,
  headers: {
    Authorization: new Secret('Bearer t'),
    accept: '*/*',
    range: 'bytes=0-1',
    'x-custom': new Secret('k'),
    'x-open': 'v',
  },
  maxBytes: 10,
};
const answer = (status: number, location?: string): RegistryAnswer => ({
  status,
  headers: location === undefined ? {} : { location },
  body: Buffer.alloc(0),
  bodyComplete: true,
});

describe('resolveRedirect', () => {
  const good: readonly (readonly [string, string])[] = [
    ['https://cdn.test/x?sig=1', 'https://cdn.test/x?sig=1'],
    ['/other', 'https://reg.corp/other'],
    ['//cdn.test/x', 'https://cdn.test/x'],
    ['?q=1', 'https://reg.corp/v2/a/blobs/sha256:1?q=1'],
    ['http://plain/x', 'http://plain/x'],
    ['https://u:p@cdn/x#frag', 'https://cdn/x'],
    ['  https://cdn/x ', 'https://cdn/x'],
  ];
  for (const [location, to] of good) {
    it(`${location} leads to ${to}`, () => {
      const result = resolveRedirect(from, location);
      assert.ok(result.ok && result.value.href === to);
    });
  }
  for (const location of [null, '', ' ', 'https://', 'ftp://x/y', 'javascript:alert(1)', 'https://[bad']) {
    it(`${location} leads nowhere`, () => assert.ok(!resolveRedirect(from, location).ok));
  }
  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (location) => typeof resolveRedirect(from, location).ok === 'boolean'));
  });
});

describe('redirectHeaders', () => {
  it('all stay on the same origin', () => {
    assert.equal(redirectHeaders(get.headers, from, new URL('https://reg.corp/else')), get.headers);
  });
  for (const to of ['https://cdn.test/', 'https://reg.corp:8443/', 'http://reg.corp/', 'https://sub.reg.corp/']) {
    it(`no secret goes to ${to}`, () => {
      assert.deepEqual(redirectHeaders(get.headers, from, new URL(to)), { accept: '*/*', range: 'bytes=0-1' });
    });
  }
  it('an impersonal name does not let a secret pass', () => {
    assert.deepEqual(redirectHeaders({ accept: new Secret('s') }, from, new URL('https://cdn/')), {});
  });
});

describe('nextRequest', () => {
  it('is null for what is no redirect', () => {
    for (const status of [200, 206, 300, 304, 401, 404, 500]) {
      const next = nextRequest(get, answer(status, 'https://x'));
      assert.ok(next.ok && next.value === null);
      assert.ok(!isRedirect(status));
    }
  });

  const post: RegistryRequest = {
    ...get,
    method: 'POST',
    body: new Secret('a=b'),
    headers: { ...get.headers, 'content-type': 'f' },
  };
  it('keeps method and body as Go does', () => {
    for (const status of [301, 302, 303]) {
      const next = nextRequest(post, answer(status, '/x'));
      assert.ok(next.ok && next.value !== null);
      assert.deepEqual(
        [next.value.method, next.value.body, next.value.headers['content-type']],
        ['GET', undefined, undefined],
      );
    }
    const same = nextRequest(post, answer(307, '/x'));
    assert.ok(same.ok && same.value?.method === 'POST' && same.value.body?.reveal() === 'a=b');
    assert.ok(!nextRequest(post, answer(308, 'https://other/x')).ok);
    const head = nextRequest({ ...get, method: 'HEAD' }, answer(303, '/x'));
    assert.ok(head.ok && head.value?.method === 'HEAD');
  });
});

describe('sendFollowing', () => {
  const script = (answers: readonly RegistryAnswer[]) => {
    const sent: URL[] = [];
    const send: RegistrySend = async (request) => {
      sent.push(request.url);
      const next = answers[Math.min(sent.length, answers.length) - 1];
      return next === undefined ? { ok: false, error: { code: 'refused', message: 'r' } } : { ok: true, value: next };
    };
    return { send, sent };
  };

  it('gives every hop', async () => {
    const { send } = script([answer(307, 'https://cdn/1'), answer(302, '/2'), answer(200)]);
    const result = await sendFollowing(send, get);
    assert.ok(result.ok);
    assert.deepEqual(
      result.value.hops.map((hop) => hop.request.url.href),
      [from.href, 'https://cdn/1', 'https://cdn/2'],
    );
    assert.equal(result.value.last.answer.status, 200);
    assert.equal(result.value.last, result.value.hops[2]);
  });

  it('stops after ten, as Go does', async () => {
    const { send, sent } = script([answer(302, '/again')]);
    const result = await sendFollowing(send, get);
    assert.ok(!result.ok);
    assert.equal(result.error.error.code, 'redirect-loop');
    assert.equal(sent.length, 10);
    assert.equal(result.error.hops.length, 10);
  });

  it('keeps the hops before a failure', async () => {
    const nowhere = await sendFollowing(script([answer(302)]).send, get);
    assert.ok(!nowhere.ok);
    assert.deepEqual(
      [nowhere.error.error.code, nowhere.error.sent, nowhere.error.hops.length],
      ['http-malformed', null, 1],
    );
    const dead = await sendFollowing(script([]).send, get);
    assert.ok(!dead.ok);
    assert.deepEqual([dead.error.sent?.code, dead.error.hops.length], ['refused', 0]);
  });
});
