import assert from 'node:assert/strict';
import {
  renderComparison,
  renderEvent,
  renderIncident,
  renderIncidents,
  renderNode,
  renderNodes,
  renderRegistries,
} from '../../../src/cli/render/fleet-text.ts';
import { plainStyle } from '../../../src/cli/render/style.ts';
import { fleetAt, fleetEvent, fleetIncident, fleetRegistry } from '../../kit/fleet-documents.ts';
import { attacks } from '../../kit/page-safety.ts';

const at = new Date(fleetAt).toISOString();
const apiVersion = 'pullwhy/v1' as const;

describe('cli/render: a fleet', () => {
  it('tells the worst incident first, open ones before closed ones', () => {
    const text = renderIncidents(
      [
        fleetIncident('over', { state: 'closed', closedAt: at, scope: 'cluster', cause: 'registry-error' }),
        fleetIncident('typo', { fault: 'workload', cause: 'tag-not-found', scope: 'cluster' }),
        fleetIncident('small', {
          scope: 'node',
          cause: 'disk-full',
          nodes: { failing: 1, healthy: 3, unknown: 0, names: ['a'] },
        }),
        fleetIncident('large', { scope: 'cluster', cause: 'rate-limited' }),
      ],
      at,
      false,
      plainStyle,
    );
    assert.match(text, /^3 incidents are open, 1 incident is over\.\n/);
    assert.deepEqual(
      [...text.matchAll(/^[✗!✓] (\S+) at/gm)].map(([, cause]) => cause),
      ['rate-limited', 'disk-full', 'tag-not-found', 'registry-error'],
    );
    assert.match(text, /✓ registry-error[\s\S]*over after 42 min/);
  });

  it('says so when nothing sets the failing nodes apart', () => {
    const incident = fleetIncident('a', { attribution: [], reopened: 2, related: ['b'] });
    const text = renderIncident({ ...incident, at }, plainStyle);
    assert.match(text, /Nothing is known that sets the failing nodes apart\./);
    assert.match(text, /came back 2 times/);
    assert.match(text, /related: b/);
  });

  it('says what cannot be told apart', () => {
    const [one] = fleetIncident('a').attribution;
    assert.ok(one !== undefined);
    const attribution = [{ ...one, sameAs: [{ attribute: 'zone', value: 'eu-7' }] }];
    const text = renderIncidents([fleetIncident('a', { attribution })], at, true, plainStyle).replace(/\s+/g, ' ');
    assert.match(text, /Exactly the same nodes have zone eu-7/);
    assert.match(text, /there are more \(--limit\)/);
  });

  it('tells each kind of event in one line', () => {
    const incident = fleetIncident('inc-1');
    for (const [event, words] of [
      [fleetEvent(1), /worker-1 is silent/],
      [fleetEvent(1, { type: 'node-back' }), /worker-1 reports again/],
      [fleetEvent(1, { type: 'node-appeared' }), /worker-1 reports for the first time/],
      [
        fleetEvent(1, { type: 'incident-opened', node: null, incident }),
        /opened {3}dns-timeout at .*12 of 200 nodes.*inc-1/,
      ],
      [fleetEvent(1, { type: 'incident-changed', node: null, incident }), /changed/],
      [fleetEvent(1, { type: 'incident-closed', node: null, incident }), /closed/],
    ] as const) {
      const line = renderEvent(event, plainStyle);
      assert.match(line, words);
      assert.ok(!line.includes('\n'), line);
    }
  });

  it('shows nothing to tell', () => {
    assert.match(renderIncidents([], at, false, plainStyle), /No incident is open/);
    assert.match(renderNodes([], at, false, plainStyle), /No node/);
    assert.match(renderRegistries([], at, false, plainStyle), /No agent/);
  });

  for (const words of attacks) {
    it(`shows ${JSON.stringify(words)} as harmless text`, () => {
      const incident = fleetIncident(words, {
        subject: { kind: 'registry', name: words },
        summary: words,
        hosts: [words],
        images: [words],
        nodes: { failing: 1, healthy: 0, unknown: 0, names: [words] },
        remedies: [{ text: words, command: words }],
        attribution: [],
        related: [words],
        investigations: [words],
      });
      const node = {
        node: words,
        state: 'silent' as const,
        lastSeenAt: words,
        agentVersion: words,
        agentStartedAt: null,
        clockOffsetSeconds: 99,
        openIncidents: 1,
        waitingPods: 1,
        attributes: { [words]: [words] },
        spool: { rows: 0, bytes: 0, dropped: { [words]: 1 } },
      };
      const text = [
        renderIncidents([incident], at, false, plainStyle),
        renderIncident({ ...incident, at }, plainStyle),
        renderNodes([node], at, false, plainStyle),
        renderNode(
          { ...node, apiVersion, kind: 'Node', at, authorities: [words], results: [], incidents: [incident] },
          plainStyle,
        ),
        renderRegistries(
          [fleetRegistry(words, { incidents: [words], rateLimits: [{ source: words, limit: 1, remaining: 1 }] })],
          at,
          false,
          plainStyle,
        ),
        renderComparison(
          {
            apiVersion,
            kind: 'Comparison',
            at,
            a: words,
            b: words,
            differences: [{ what: words, a: [words], b: [], sentence: words }],
            same: [words],
            unknown: [words],
            summary: words,
          },
          plainStyle,
        ),
        renderEvent(fleetEvent(1, { node: words, at: words }), plainStyle),
        renderEvent(fleetEvent(1, { type: 'incident-opened', node: null, incident }), plainStyle),
      ].join('\n');
      assert.equal(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/.exec(text), null);
    });
  }
});
