import assert from 'node:assert/strict';
import type { FleetIncident } from '../../../src/api/fleet.ts';
import type { Frozen } from '../../../src/api/schema.ts';
import { decide, type TargetRules } from '../../../src/collector/notify/decide.ts';
import { fingerprint, readSaid, saidOf } from '../../../src/collector/notify/said.ts';
import { fleetAt, fleetIncident } from '../../kit/fleet-documents.ts';

type Incident = Frozen<FleetIncident>;

const rules: TargetRules = {
  minScope: 'node',
  severities: ['fault', 'degraded'],
  causes: [],
  faults: ['workload', 'node', 'network', 'registry', 'nobody'],
  delayMs: 10_000,
  degradedDelayMs: 30_000,
  repeatMs: 4 * 3_600_000,
};

const at = (seconds: number): string => new Date(fleetAt + seconds * 1000).toISOString();
const fresh = (changes: Partial<Incident> = {}): Incident => fleetIncident('i', { openedAt: at(0), ...changes });

/** What is told at `seconds` of an incident, of which `before` was told at `toldAt`. */
function said(
  incident: Incident,
  seconds: number,
  before: { readonly as: Incident; readonly at: number } | null = null,
  more: Partial<TargetRules> = {},
): string {
  const now = fleetAt + seconds * 1000;
  const told = new Map();
  if (before !== null) {
    const mark = fingerprint(saidOf(before.as));
    told.set('i', { target: 't', incident: 'i', fingerprint: mark, at: fleetAt + before.at * 1000 });
  }
  return decide([incident], told, now, { ...rules, ...more })
    .map(({ change }) => change)
    .join();
}

describe('collector: what targets are told', () => {
  it('tells of an incident once it has lasted, by its severity', () => {
    assert.equal(said(fresh(), 9), '');
    assert.equal(said(fresh(), 10), 'opened');
    assert.equal(said(fresh({ severity: 'degraded' }), 29), '');
    assert.equal(said(fresh({ severity: 'degraded' }), 30), 'opened');
    assert.equal(said(fresh(), 0, null, { delayMs: 0 }), 'opened');
  });

  it('says nothing of what was over before it was told', () => {
    assert.equal(said(fresh({ state: 'closed', closedAt: at(8) }), 20), '');
  });

  it('does not say the same twice', () => {
    assert.equal(said(fresh(), 3600, { as: fresh(), at: 10 }), '');
    const more = fresh({ updatedAt: at(50), pods: 99, nodes: { failing: 40, healthy: 1, unknown: 0, names: [] } });
    assert.equal(said(more, 3600, { as: fresh(), at: 10 }), '', 'counts alone are no news');
    const closed = fresh({ state: 'closed', closedAt: at(100) });
    assert.equal(said(closed, 3600, { as: closed, at: 101 }), '');
  });

  it('tells again when the scope grows, when it gets worse and when it is known what sets the nodes apart, in time', () => {
    const [strong] = fresh().attribution;
    assert.ok(strong !== undefined);
    const cases: readonly [Partial<Incident>, Partial<Incident>, string][] = [
      [{ scope: 'group' }, { scope: 'cluster' }, 'changed'],
      [{ scope: 'cluster' }, { scope: 'group' }, ''],
      [{ severity: 'degraded' }, { severity: 'fault' }, 'changed'],
      [{ severity: 'fault' }, { severity: 'degraded' }, ''],
      [{ attribution: [] }, { attribution: [strong] }, 'changed'],
      [{ attribution: [strong] }, { attribution: [] }, ''],
      [{ attribution: [strong] }, { attribution: [{ ...strong, failing: 13, sentence: 'other counts' }] }, ''],
      [{ attribution: [strong] }, { attribution: [{ ...strong, value: '10.0.0.54' }] }, 'changed'],
    ];
    for (const [before, after, change] of cases) {
      assert.equal(said(fresh(after), 70, { as: fresh(before), at: 10 }), change, JSON.stringify([before, after]));
      assert.equal(said(fresh(after), 69, { as: fresh(before), at: 10 }), '', 'a storm grows within seconds');
    }
  });

  it('reminds while it lasts, and never where that is not wanted', () => {
    assert.equal(said(fresh(), 10 + 4 * 3600 - 1, { as: fresh(), at: 10 }), '');
    assert.equal(said(fresh(), 10 + 4 * 3600, { as: fresh(), at: 10 }), 'reminder');
    assert.equal(said(fresh(), 10 + 400 * 3600, { as: fresh(), at: 10 }, { repeatMs: 0 }), '');
  });

  it('tells of the end, also when the target would not be told of it any more', () => {
    const closed = fresh({ state: 'closed', closedAt: at(100), scope: 'node' });
    assert.equal(said(closed, 100, { as: fresh(), at: 10 }), 'closed');
    assert.equal(said(closed, 100, { as: fresh(), at: 10 }, { minScope: 'cluster' }), 'closed');
  });

  it('holds back the end of what comes and goes, the longer the oftener', () => {
    const closed = (reopened: number): Incident => fresh({ state: 'closed', closedAt: at(100), reopened });
    const before = { as: fresh(), at: 10 };
    assert.equal(said(closed(1), 399, before), '');
    assert.equal(said(closed(1), 400, before), 'closed');
    assert.equal(said(closed(2), 699, before), '');
    assert.equal(said(closed(9), 999, before), '');
    assert.equal(said(closed(9), 1000, before), 'closed');
    assert.equal(said(fresh({ reopened: 2 }), 700, before), '', 'it came back before its end was told');
  });

  it('tells of one that comes back after its end was told', () => {
    const before = { as: fresh({ state: 'closed', closedAt: at(100) }), at: 101 };
    assert.equal(said(fresh({ reopened: 1 }), 105, before), '');
    assert.equal(said(fresh({ reopened: 1 }), 111, before), 'opened');
  });

  it('leaves out what a target did not ask for', () => {
    const cases: readonly [Partial<TargetRules>, Partial<Incident>, boolean][] = [
      [{ minScope: 'group' }, { scope: 'node' }, false],
      [{ minScope: 'group' }, { scope: 'group' }, true],
      [{ minScope: 'group' }, { scope: 'cluster' }, true],
      [{ severities: ['fault'] }, { severity: 'degraded' }, false],
      [{ severities: ['fault'] }, { severity: 'fault' }, true],
      [{ causes: ['tcp-timeout'] }, {}, false],
      [{ causes: ['tcp-timeout', 'dns-timeout'] }, {}, true],
      [{ faults: ['node'] }, { fault: 'workload' }, false],
      [{ faults: ['workload'] }, { fault: 'workload' }, true],
    ];
    for (const [wants, incident, told] of cases)
      assert.equal(said(fresh(incident), 60, null, wants), told ? 'opened' : '', JSON.stringify([wants, incident]));
  });

  it('reads back what it wrote, and takes anything else for never told', () => {
    for (const incident of [
      fresh(),
      fresh({ scope: 'node', severity: 'degraded', attribution: [], reopened: 12 }),
      fresh({ state: 'closed', scope: 'cluster' }),
    ]) {
      assert.deepEqual(readSaid(fingerprint(saidOf(incident))), saidOf(incident));
    }
    for (const text of ['', 'open', 'open node fault - x', 'half node fault - 0', 'open node fault - 0 more'])
      assert.equal(readSaid(text), null, text);
  });
});
