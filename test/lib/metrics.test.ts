import assert from 'node:assert/strict';
import { openMetrics } from '../../src/lib/metrics.ts';

describe('lib: metrics', () => {
  it('writes what Prometheus reads', () => {
    const metrics = openMetrics();
    const pulls = metrics.counter('pullwhy_pulls_total', 'Pulls by the agent.', ['result']);
    const open = metrics.gauge('pullwhy_incidents', 'Images that do not come.');
    const took = metrics.histogram('pullwhy_investigation_duration_seconds', 'How long.', [0.1, 1], ['verdict']);
    pulls.add(['done']);
    pulls.add(['done'], 2);
    pulls.add(['say "no"\n\\']);
    metrics.collect(() => open.set(3));
    for (const value of [0.05, 0.1, 0.5, 7]) took.observe(value, ['faulty']);
    assert.equal(
      metrics.text(),
      [
        '# HELP pullwhy_pulls_total Pulls by the agent.',
        '# TYPE pullwhy_pulls_total counter',
        'pullwhy_pulls_total{result="done"} 3',
        'pullwhy_pulls_total{result="say \\"no\\"\\n\\\\"} 1',
        '# HELP pullwhy_incidents Images that do not come.',
        '# TYPE pullwhy_incidents gauge',
        'pullwhy_incidents 3',
        '# HELP pullwhy_investigation_duration_seconds How long.',
        '# TYPE pullwhy_investigation_duration_seconds histogram',
        'pullwhy_investigation_duration_seconds_bucket{verdict="faulty",le="0.1"} 2',
        'pullwhy_investigation_duration_seconds_bucket{verdict="faulty",le="1"} 3',
        'pullwhy_investigation_duration_seconds_bucket{verdict="faulty",le="+Inf"} 4',
        'pullwhy_investigation_duration_seconds_sum{verdict="faulty"} 7.65',
        'pullwhy_investigation_duration_seconds_count{verdict="faulty"} 4',
        '',
      ].join('\n'),
    );
  });

  it('shows a counter without labels from the start, and forgets gauges that are set anew', () => {
    const metrics = openMetrics();
    metrics.counter('a_total', 'A.');
    const gauge = metrics.gauge('b', 'B.', ['x']);
    gauge.set(1, ['old']);
    gauge.clear();
    gauge.set(2, ['new']);
    assert.match(metrics.text(), /^a_total 0$/m);
    assert.doesNotMatch(metrics.text(), /old/);
    assert.throws(() => metrics.counter('a_total', 'Again.'));
  });

  it('does not grow without end', () => {
    const metrics = openMetrics();
    const counter = metrics.counter('a_total', 'A.', ['name']);
    const histogram = metrics.histogram('b_seconds', 'B.', [1], ['name']);
    for (let n = 0; n < 5000; n++) {
      counter.add([`name-${n}`]);
      histogram.observe(1, [`name-${n}`]);
    }
    assert.match(metrics.text(), /^a_total\{name="other"\} 4000$/m);
    assert.match(metrics.text(), /^b_seconds_count\{name="other"\} 4000$/m);
    assert.ok(metrics.text().split('\n').length < 6000);
  });
});
