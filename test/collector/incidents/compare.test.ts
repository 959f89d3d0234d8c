import assert from 'node:assert/strict';
import { CompareDocument } from '../../../src/api/fleet.ts';
import { checkAgainst } from '../../../src/api/schema.ts';
import { compare } from '../../../src/collector/incidents/compare.ts';
import type { Observation } from '../../../src/collector/parts.ts';
import type { CauseId } from '../../../src/model/cause-id.ts';
import { failing, node, noon } from './fleets.ts';

type Side = Parameters<typeof compare>[0];

const usual = {
  nameserver: ['10.0.0.2', '10.0.0.3'],
  zone: ['eu-1a'],
  'trust-store': ['a1'],
  kernel: ['6.1.0'],
  'no-proxy': ['localhost', '.corp.example'],
  proxy: [],
};

function side(
  name: string,
  attributes: Record<string, string[]>,
  observations: Observation[] = [],
  authorities = ['Corp CA 1 (ab12)'],
): Side {
  return { known: node(name, { ...usual, ...attributes }), authorities, observations };
}

function well(name: string, subject = 'registry.corp.example'): Observation {
  return failing(name, null, { verdict: 'healthy', confidence: null, subject, registry: subject });
}

describe('collector: comparison of two nodes', () => {
  const everything = {
    nameserver: ['10.0.0.53'],
    zone: ['eu-1c'],
    'trust-store': ['b2'],
    kernel: ['6.6.1'],
    proxy: ['http://p:3128'],
  };
  const first: readonly { readonly cause: CauseId; readonly underlying?: CauseId; readonly what: string }[] = [
    { cause: 'dns-timeout', what: 'nameserver' },
    { cause: 'tcp-timeout', what: 'zone' },
    { cause: 'tls-unknown-authority', what: 'authorities' },
    { cause: 'proxy-unreachable', what: 'proxy' },
    { cause: 'blob-unreachable', underlying: 'dns-timeout', what: 'nameserver' },
  ];
  for (const { cause, underlying, what } of first) {
    it(`begins with what explains ${cause}${underlying === undefined ? '' : ` for ${underlying}`}`, () => {
      const bad = side('worker-1', everything, [failing('worker-1', cause, { underlying: underlying ?? null })], []);
      const a = { ...bad, authorities: ['Corp CA 2 (cd34)'] };
      const document = compare(a, side('worker-2', {}, [well('worker-2')]), noon);
      assert.equal(document.differences[0]?.what, what);
      assert.match(
        document.summary,
        /^worker-1 finds registry\.corp\.example faulty \([a-z-]+\); worker-2 finds registry\.corp\.example healthy\. What may explain it: /,
      );
      const whats = document.differences.map((one) => one.what);
      assert.ok(whats.indexOf('result of registry.corp.example') < whats.indexOf('kernel'), whats.join(' '));
      assert.ok(checkAgainst(CompareDocument, JSON.parse(JSON.stringify(document))).ok);
    });
  }

  it('says what only one of them has', () => {
    const a = side('worker-1', {
      'no-proxy': ['localhost'],
      nameserver: ['10.0.0.3', '10.0.0.2'],
      zone: ['eu-1c'],
      proxy: ['http://p:3128'],
    });
    const b = side('worker-2', {}, [], ['Corp CA 1 (ab12)', 'Corp CA 2 (cd34)']);
    const sentences = new Map(compare(a, b, noon).differences.map(({ what, sentence }) => [what, sentence]));
    assert.deepEqual(Object.fromEntries(sentences), {
      nameserver:
        'worker-1 and worker-2 have the same nameserver values in another order: 10.0.0.3 and 10.0.0.2 on worker-1, 10.0.0.2 and 10.0.0.3 on worker-2.',
      proxy: 'worker-1 has proxy http://p:3128, worker-2 has none.',
      'no-proxy': 'Of NO_PROXY values only worker-2 has .corp.example.',
      zone: 'worker-1 has zone eu-1c, worker-2 has eu-1a.',
      authorities: 'Of certificate authorities only worker-2 trusts Corp CA 2 (cd34).',
    });
  });

  it('does not call what has nothing to do with it a reason', () => {
    const a = side('worker-1', { kernel: ['6.6.1'] }, [failing('worker-1', 'dns-timeout')]);
    const { summary, differences } = compare(a, side('worker-2', {}, [well('worker-2')]), noon);
    assert.deepEqual(
      differences.map(({ what }) => what),
      ['result of registry.corp.example', 'kernel'],
    );
    assert.match(summary, /What else differs does not explain it by itself: kernel\.$/);
  });

  it('tells the same from the unknown', () => {
    const a = side('worker-1', {}, [well('worker-1'), well('worker-1', 'quay.io')], []);
    const b = side('worker-2', {}, [
      well('worker-2'),
      failing('worker-2', null, { verdict: 'inconclusive', subject: 'quay.io' }),
    ]);
    const { same, unknown, differences, summary } = compare(a, b, noon);
    assert.deepEqual(differences, []);
    assert.ok(same.includes('nameserver') && same.includes('result of registry.corp.example'));
    assert.ok(unknown.includes('region') && unknown.includes('result of quay.io') && unknown.includes('authorities'));
    assert.equal(summary, 'worker-1 and worker-2 do not differ in anything that is known of both.');
  });

  it('says of a silent node that what is known is old', () => {
    const a = side('worker-1', {});
    const b = { ...side('worker-2', {}), known: node('worker-2', usual, noon - 7_200_000) };
    assert.match(compare(a, b, noon).summary, /worker-2 has been silent for 2 h: what is told of it is as old\.$/);
  });

  it('looks at the same node twice and finds no difference', () => {
    const a = side('worker-1', everything, [failing('worker-1', 'tcp-timeout')]);
    assert.deepEqual(compare(a, a, noon).differences, []);
  });
});
