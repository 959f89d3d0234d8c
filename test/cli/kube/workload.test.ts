import assert from 'node:assert/strict';
import fc from 'fast-check';
import { selectorOf, workloadKind } from '../../../src/cli/kube/workload.ts';
import { readAgentPod } from '../../../src/kube/agent-pod.ts';
import { agentPod } from '../../kit/fake-cluster.ts';

describe('kube: workloads', () => {
  it('are named as kubectl names them', () => {
    for (const text of ['deploy', 'deployment', 'Deployments', 'deployment.apps', 'deployments.v1.apps'])
      assert.equal(workloadKind(text)?.plural, 'deployments', text);
    assert.equal(workloadKind('sts')?.word, 'statefulset');
    assert.equal(workloadKind('jobs.batch')?.group, '/apis/batch/v1');
    for (const text of ['', 'pod', 'node', 'deploy.', 'constructor']) assert.equal(workloadKind(text), null, text);
  });

  it('find their pods by every form of selector', () => {
    const of = (selector: unknown): string | null => selectorOf({ spec: { selector } });
    assert.equal(of({ matchLabels: { app: 'web', tier: 'front' } }), 'app=web,tier=front');
    assert.equal(
      of({
        matchLabels: { app: 'web' },
        matchExpressions: [
          { key: 'a', operator: 'In', values: ['1', '2'] },
          { key: 'b', operator: 'NotIn', values: ['3'] },
          { key: 'c', operator: 'Exists' },
          { key: 'd', operator: 'DoesNotExist' },
        ],
      }),
      'app=web,a in (1,2),b notin (3),c,!d',
    );
    // A term that is not understood must not widen the selection; nor may none at all mean every pod.
    assert.equal(of({ matchLabels: { app: 'web' }, matchExpressions: [{ key: 'a', operator: 'Gt' }] }), null);
    for (const none of [undefined, null, {}, { matchLabels: {} }, 'app=web']) assert.equal(of(none), null);
  });
});

describe("kube: the agent's pod", () => {
  it('says its node, port, protocol and whether it is ready', () => {
    const expected = {
      namespace: 'pullwhy-system',
      name: 'pullwhy-agent-n',
      node: 'n',
      ready: true,
      phase: 'Running',
      port: 9440,
      scheme: 'http',
    };
    assert.deepEqual(readAgentPod(agentPod('n')), { ok: true, value: expected });
    assert.deepEqual(readAgentPod(agentPod('n', { ready: false, scheme: 'HTTPS' })), {
      ok: true,
      value: { ...expected, ready: false, scheme: 'https' },
    });
  });

  it('takes anything for a pod or none', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (spec, status) => {
        const metadata = { name: 'a', namespace: 'b' };
        const read = readAgentPod({ metadata, spec, status });
        assert.ok(!read.ok || (read.value.port > 0 && read.value.port < 65_536));
      }),
    );
    assert.ok(!readAgentPod(null).ok);
    const odd = {
      metadata: { name: 'a', namespace: 'b' },
      spec: { nodeName: 'n', containers: [{ ports: [{ containerPort: -1 }] }] },
    };
    const read = readAgentPod(odd);
    assert.ok(read.ok && read.value.port === 9440 && !read.value.ready);
  });
});
