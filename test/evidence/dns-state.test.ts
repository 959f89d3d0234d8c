import assert from 'node:assert/strict';
import { dnsState } from '../../src/evidence/dns-state.ts';
import { Scene } from '../kit/view.ts';

const two = { nameservers: ['192.0.2.53', '192.0.2.54'] };
const host = 'registry.test';

/** What matters of a state, in one value. */
function shortly(scene: Scene): object {
  const { effective, addresses, pending } = dnsState(scene.view(), host);
  return { outcome: effective?.outcome ?? null, by: effective?.nameserver ?? null, addresses, pending };
}

describe('evidence: dns state', () => {
  it('takes an address literal as it is', () => {
    for (const literal of ['192.0.2.10', '2001:db8::10', 'fe80::1%eth0']) {
      const state = dnsState(new Scene().view(), literal);
      assert.deepEqual([state.literal, state.addresses, state.pending], [true, [literal], false]);
    }
  });

  it('waits for every nameserver, and for both families', () => {
    const scene = new Scene(two);
    assert.deepEqual(shortly(scene), { outcome: null, by: null, addresses: [], pending: true });
    scene.dns(host, 'timeout', 0);
    assert.deepEqual(shortly(scene), { outcome: null, by: null, addresses: [], pending: true });
    scene.dns(host, ['192.0.2.10'], 1);
    assert.deepEqual(shortly(scene), {
      outcome: 'answered',
      by: '192.0.2.54',
      addresses: ['192.0.2.10'],
      pending: false,
    });
  });

  it('uses addresses as soon as one nameserver has given them', () => {
    const scene = new Scene(two);
    scene.dns(host, ['192.0.2.10'], 0);
    assert.deepEqual(shortly(scene), {
      outcome: 'answered',
      by: '192.0.2.53',
      addresses: ['192.0.2.10'],
      pending: true,
    });
  });

  // Go's resolver: silence, SERVFAIL and REFUSED make it ask the next nameserver; NXDOMAIN and an empty answer end it.
  const endings: readonly [first: Parameters<Scene['dns']>[1], outcome: string, by: string][] = [
    ['timeout', 'answered', '192.0.2.54'],
    ['server-failure', 'answered', '192.0.2.54'],
    ['dns-refused', 'answered', '192.0.2.54'],
    ['refused', 'answered', '192.0.2.54'],
    ['unreachable', 'answered', '192.0.2.54'],
    ['name-not-found', 'name-not-found', '192.0.2.53'],
    [[], 'name-not-found', '192.0.2.53'],
    [['192.0.2.9'], 'answered', '192.0.2.53'],
  ];
  for (const [first, outcome, by] of endings) {
    it(`ends with ${outcome} when the first says ${JSON.stringify(first)} and the second has an address`, () => {
      const scene = new Scene(two);
      scene.dns(host, first, 0);
      scene.dns(host, ['192.0.2.10'], 1);
      const state = dnsState(scene.view(), host);
      assert.equal(state.effective?.outcome, outcome);
      assert.equal(state.effective?.nameserver, by);
      // All addresses are tried, for the proof of a disagreement.
      assert.ok(state.addresses.includes('192.0.2.10'));
    });
  }

  it('ends with the last answer when none has an address', () => {
    const scene = new Scene(two);
    scene.dns(host, 'server-failure', 0);
    scene.dns(host, 'timeout', 1);
    assert.deepEqual(shortly(scene), { outcome: 'timeout', by: '192.0.2.54', addresses: [], pending: false });
  });

  it('does not end early by a later answer while an earlier one is awaited', () => {
    const scene = new Scene(two);
    scene.dns(host, ['192.0.2.10'], 1);
    assert.equal(dnsState(scene.view(), host).effective, null);
    assert.deepEqual(dnsState(scene.view(), host).addresses, ['192.0.2.10']);
  });

  it('takes the hosts file for the whole answer', () => {
    const scene = new Scene(two);
    scene.hosts(host, ['192.0.2.77']);
    scene.skipped('dns', { hop: 'nameserver' });
    assert.deepEqual(shortly(scene), {
      outcome: 'answered',
      by: 'etc/hosts:3',
      addresses: ['192.0.2.77'],
      pending: false,
    });
  });

  it('stays pending when a lookup was cut off: not checked is no answer', () => {
    const scene = new Scene();
    scene.skipped('dns', { hop: 'nameserver' });
    scene.skipped('dns', { hop: 'nameserver' });
    assert.deepEqual(shortly(scene), { outcome: null, by: null, addresses: [], pending: true });
  });

  it("puts the runtime's addresses first and looks at eight", () => {
    const scene = new Scene(two);
    const many = Array.from({ length: 12 }, (_, index) => `192.0.2.${100 + index}`);
    scene.dns(host, many, 1);
    scene.dns(host, ['192.0.2.9', '2001:db8::9'], 0);
    const { addresses } = dnsState(scene.view(), host);
    assert.equal(addresses.length, 8);
    assert.deepEqual(addresses.slice(0, 2), ['192.0.2.9', '2001:db8::9']);
  });
});
