import assert from 'node:assert/strict';
import { openAgentMetrics } from '../../src/agent/agent-metrics.ts';
import { PullRecord } from '../../src/api/investigation.ts';
import {
  fires,
  notAskedFor,
  quiet,
  readMonitoring,
  type Series,
  silent,
  unknownNames,
  valuesAskedFor,
} from './prometheus.ts';
import { testRulesAndPanels } from './rules-and-panels.ts';

describe('deploy: monitoring', function () {
  this.timeout(120_000);
  const monitoring = readMonitoring('components/monitoring');
  const { questions } = monitoring;
  const metrics = openAgentMetrics({
    version: '0',
    now: () => 0,
    incidents: () => [],
    registries: () => [],
    local: () => ({ nameservers: [], clock: { offsetMs: null, registries: 0 }, disks: [], runtime: null }),
    sources: () => [],
    onDisk: () => true,
  }).metrics.list();

  it('asks for metrics and labels that the agent has', () => {
    assert.deepEqual(unknownNames(questions, metrics), []);
    assert.ok(questions.length > 30 && metrics.length > 20, `${questions.length} questions, ${metrics.length} metrics`);
    const made = { where: 'here', expr: 'sum by (colour) (pullwhy_incidents{cause="x"}) > pullwhy_nothing' };
    assert.deepEqual(unknownNames([made], metrics), [
      'here: there is no pullwhy_nothing',
      'here: pullwhy_incidents and pullwhy_nothing has no label colour',
    ]);
  });

  it('asks for values that the labels can have', () => {
    const { reason, state } = PullRecord.properties;
    const values = [...reason.enum, ...state.enum, 'proven', 'unknown'];
    const asked = valuesAskedFor(questions, 'reason|result|confidence|cause');
    assert.deepEqual(
      asked.filter((value) => !values.includes(value)),
      [],
    );
    assert.ok(asked.length > 0);
  });

  it('shows every metric of the agent but those of its own HTTP', () => {
    assert.deepEqual(notAskedFor(questions, metrics), [
      'pullwhy_pull_duration_seconds',
      'pullwhy_http_requests_total',
      'pullwhy_http_request_duration_seconds',
    ]);
  });

  testRulesAndPanels(monitoring, () => scenarios);
});

/** Series by the minute, and the alerts that have to fire. */
const scenarios = [
  quiet('nothing is wrong', [
    ['pullwhy_agent_info{node="a",version="1"}', '1x120'],
    ['up{job="pullwhy-system/pullwhy-agent",node="a"}', '1x120'],
    ['pullwhy_oldest_incident_age_seconds{node="a"}', '0x120'],
    ['pullwhy_registry_up{node="a",registry="r"}', '1x120'],
    ['pullwhy_registry_rate_limit_remaining{node="a",registry="r"}', '100x120'],
    ['pullwhy_registry_certificate_expiry_timestamp_seconds{node="a",registry="r"}', '9000000x120'],
    ['pullwhy_source_following{node="a",source="journal"}', '1x120'],
    ['pullwhy_source_following{node="a",source="cri-events"}', '0x120'],
    ['pullwhy_state_on_disk{node="a"}', '1x120'],
    ['pullwhy_image_filesystem_free_bytes{node="a",path="/var/lib/containerd"}', '20x120'],
    ['pullwhy_image_filesystem_size_bytes{node="a",path="/var/lib/containerd"}', '100x120'],
    ['pullwhy_nameserver_up{node="a",nameserver="10.0.0.2"}', '1x120'],
    ['pullwhy_clock_offset_seconds{node="a"}', '-2x120'],
    ['pullwhy_process_resident_memory_bytes{node="a"}', '80000000x120'],
    ['pullwhy_pulls_total{node="a",reason="recovery",result="failed"}', '0+0.1x120'],
    ['pullwhy_collector_up{node="a"}', '1x120'],
    ['pullwhy_spool_dropped_total{node="a",kind="health"}', '3x120'],
  ]),
  fires('PullwhySameCauseOnManyNodes', ['a', 'b', 'c'].map(incident)),
  silent('PullwhySameCauseOnManyNodes', ['a', 'b'].map(incident)),
  fires('PullwhyImageDoesNotCome', [incident('a')]),
  fires('PullwhyImageLongMissing', [['pullwhy_oldest_incident_age_seconds{node="a"}', '0+60x120']]),
  fires('PullwhyCauseUnknown', [['pullwhy_incidents{node="a",cause="unknown",registry="r"}', '1x120']]),
  fires('PullwhyPullsFailAgain', [['pullwhy_pulls_total{node="a",reason="recovery",result="failed"}', '0+1x120']]),
  silent('PullwhyPullsFailAgain', [
    ['pullwhy_pulls_total{node="a",reason="recovery",result="failed"}', '0+1x120'],
    ['pullwhy_pulls_total{node="a",reason="recovery",result="done"}', '0+1x120'],
  ]),
  fires('PullwhyRegistryUnreachable', [['pullwhy_registry_up{node="a",registry="r"}', '0x120']]),
  fires('PullwhyRegistryDegraded', [['pullwhy_registry_up{node="a",registry="r"}', '0.5x120']]),
  fires('PullwhyCertificateEnds', [
    ['pullwhy_registry_certificate_expiry_timestamp_seconds{node="a",registry="r"}', '864000x120'],
  ]),
  fires('PullwhyRateLimitNearlyReached', [['pullwhy_registry_rate_limit_remaining{node="a",registry="r"}', '3x120']]),
  fires('PullwhyImageDiskNearlyFull', [
    ['pullwhy_image_filesystem_free_bytes{node="a",path="/var/lib/containerd"}', '5x120'],
    ['pullwhy_image_filesystem_size_bytes{node="a",path="/var/lib/containerd"}', '100x120'],
  ]),
  fires('PullwhyNameserverSilent', [['pullwhy_nameserver_up{node="a",nameserver="10.0.0.2"}', '0x120']]),
  fires('PullwhyClockOff', [['pullwhy_clock_offset_seconds{node="a"}', '-300x120']]),
  fires('PullwhyAgentDown', [['up{job="pullwhy-system/pullwhy-agent",node="a"}', '0x120']]),
  silent('PullwhyAgentDown', [['up{job="pullwhy-system/other",node="a"}', '0x120']]),
  fires('PullwhyNoAgents', [['up{job="other",node="a"}', '1x120']]),
  fires('PullwhyAgentBlind', [
    ['pullwhy_source_following{node="a",source="journal"}', '0x120'],
    ['pullwhy_source_following{node="a",source="cri-events"}', '0x120'],
  ]),
  fires('PullwhyStateNotOnDisk', [['pullwhy_state_on_disk{node="a"}', '0x120']]),
  fires('PullwhyAgentNearMemoryLimit', [['pullwhy_process_resident_memory_bytes{node="a"}', '250000000x120']]),
  fires('PullwhyAgentsNotHeard', [['pullwhy_collector_up{node="a"}', '0x120']]),
  fires('PullwhyReportsDropped', [['pullwhy_spool_dropped_total{node="a",kind="health"}', '0+1x120']]),
];

function incident(node: string): Series {
  const labels = `node="${node}",cause="tcp-refused",layer="tcp",confidence="proven",registry="r"`;
  return [`pullwhy_incidents{${labels}}`, '1x120'];
}
