import type { PodRow, RegistryRow } from '../../api/node.ts';
import type { NodeReport, RecoveredItem, ReportItem } from '../../api/report.ts';
import { spanWords } from '../../lib/sizes.ts';
import { count, listed } from '../../lib/words.ts';
import type { NodeHealth } from '../health/health.ts';
import type { Incident, SourceState } from '../parts.ts';
import { isFaultOfNode } from './blame.ts';
import { checkedWords, notCheckedItems } from './coverage.ts';
import { failingItems, recoveredItems, soonItems } from './items.ts';

/** Everything that a report is made of. Times are milliseconds since the epoch. */
export interface ReportInput {
  readonly node: string;
  readonly now: number;
  /** What it covers. */
  readonly from: number;
  readonly version: string;
  readonly startedAt: number;
  readonly incidents: readonly Incident[];
  /** Over since `from`. */
  readonly past: readonly Incident[];
  readonly rows: readonly PodRow[];
  readonly registries: readonly RegistryRow[];
  readonly health: NodeHealth;
  readonly sources: readonly SourceState[];
  readonly stateTrouble: string | null;
  readonly reportTrouble: string | null;
}

/** Rows of pods in one report; beyond them the items' numbers tell. */
const mostRows = 500;

/** The node-health report. Pure. */
export function nodeReport(input: ReportInput): NodeReport {
  const { node, now, from, version, startedAt, registries, health, rows } = input;
  const failing = failingItems(input.incidents, registries, health, node);
  const soon = soonItems(registries, health, failing, node);
  const recovered = recoveredItems(input.past);
  const verdict = verdictOf(failing, soon, input);
  const { runtime } = health;
  return {
    apiVersion: 'pullwhy/v1',
    kind: 'NodeReport',
    node,
    at: new Date(now).toISOString(),
    from: new Date(from).toISOString(),
    agent: { version, startedAt: new Date(startedAt).toISOString() },
    runtime: {
      name: runtime?.name ?? null,
      version: runtime?.version ?? null,
      ready: runtime === null || runtime.failure !== null ? null : runtime.ready,
      endpoint: runtime?.endpoint ?? null,
    },
    verdict,
    summary: summaryOf(verdict, failing, soon, recovered, input),
    failing,
    soon,
    recovered,
    pods: rows.slice(0, mostRows),
    registries: [...registries],
    checked: checkedWords(input),
    notChecked: notCheckedItems(input),
  };
}

/**
 * `faulty`: pods wait for something that is wrong with this node, its network or a registry, or nothing can be pulled at
 * all. `degraded`: pulls work but something is wrong, or will be: also a pod that names an image that does not exist,
 * which is no fault of the node. `inconclusive`: nothing could be looked at.
 */
function verdictOf(
  failing: readonly ReportItem[],
  soon: readonly ReportItem[],
  input: ReportInput,
): NodeReport['verdict'] {
  if (failing.some((item) => isFaultOfNode(item, input.registries) && (item.pods > 0 || stopsAll(item, input.node))))
    return 'faulty';
  if (failing.length > 0 || soon.length > 0) return 'degraded';
  const followed = input.sources.some(({ state }) => state === 'following');
  const checked = input.registries.some(({ verdict }) => verdict === 'healthy');
  return followed || checked ? 'healthy' : 'inconclusive';
}

/** What is about the node itself stops whatever is pulled next. */
function stopsAll({ subject }: ReportItem, node: string): boolean {
  return subject === node;
}

function summaryOf(
  verdict: NodeReport['verdict'],
  failing: readonly ReportItem[],
  soon: readonly ReportItem[],
  recovered: readonly RecoveredItem[],
  { node, registries, incidents }: ReportInput,
): string {
  const ahead =
    soon.length === 0
      ? ''
      : ` ${count(soon.length, 'thing needs', 'things need')} care before ${soon.length === 1 ? 'it fails' : 'they fail'}.`;
  if (verdict === 'inconclusive') {
    return `It could not be found out how ${node} is: neither journal nor runtime can be followed, and no registry was checked.`;
  }
  if (failing.length === 0) {
    const healthy = registries.filter((row) => row.verdict === 'healthy' || row.verdict === 'degraded').length;
    const reached = healthy === 0 ? '' : ` ${count(healthy, 'registry answers', 'registries answer')}.`;
    const gained = recovered.reduce((sum, { secondsGained }) => sum + (secondsGained ?? 0), 0);
    const sooner =
      recovered.length === 0
        ? ''
        : ` ${count(recovered.length, 'image')} recovered${gained === 0 ? '' : `, ${spanWords(gained * 1000)} sooner than the kubelet's next try`}.`;
    return `No pod of ${node} waits for an image.${reached}${ahead}${sooner}`;
  }
  const pods = failing.reduce((sum, item) => sum + item.pods, 0);
  const images = new Set(incidents.map(({ image }) => image)).size;
  const [first] = failing;
  const waits =
    images === 0
      ? `No pod of ${node} waits for an image yet, and something would stop one`
      : `${pods === 0 ? count(images, 'image does', 'images do') : `${count(pods, 'pod')} of ${node} ${pods === 1 ? 'waits' : 'wait'} because ${count(images, 'image does', 'images do')}`} not come`;
  const more = failing.length > 1 ? ` (${listed([...new Set(failing.map(({ cause }) => cause))])})` : '';
  return `${waits}${more}: ${first?.summary ?? ''}${ahead}`;
}
