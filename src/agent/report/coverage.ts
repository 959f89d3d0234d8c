import type { RegistryRow } from '../../api/node.ts';
import type { NodeReport } from '../../api/report.ts';
import { safeLine } from '../../lib/redact.ts';
import { count, duration, listed, size } from '../../lib/words.ts';
import type { NodeHealth } from '../health/health.ts';
import type { SourceState } from '../parts.ts';

/** What tells what the agent sees. */
export interface CoverageInput {
  readonly registries: readonly RegistryRow[];
  readonly health: NodeHealth;
  readonly sources: readonly SourceState[];
  /** Why nothing is kept over restarts; null: it is. */
  readonly stateTrouble: string | null;
  /** Why scheduled reports are not written; null: they are, or none is wanted. */
  readonly reportTrouble: string | null;
}

/** What was looked at, a few words each. */
export function checkedWords({ registries, health, sources }: CoverageInput): string[] {
  const seen = registries.filter(({ checkedAt }) => checkedAt !== null);
  const words = sources
    .filter(({ state }) => state === 'following')
    .map(({ source, note }) => `${sourceTitle(source)}: ${safeLine(note, 500)}`);
  if (seen.length > 0) {
    const every = health.intervalMs > 0 ? `, each about every ${duration(health.intervalMs)}` : '';
    words.push(`${count(seen.length, 'registry', 'registries')}${every}: name, connection, proxy, certificate, answer`);
  }
  const { nameservers, clock, disks, runtime } = health;
  if (nameservers.length > 0) {
    words.push(`${count(nameservers.length, 'nameserver')}: ${listed(nameservers.map((one) => one.nameserver))}`);
  }
  if (clock.offsetMs !== null) {
    const sign = clock.offsetMs < 0 ? '−' : '+';
    words.push(
      `The clock, against ${count(clock.registries, 'registry', 'registries')}: ${sign}${(Math.abs(clock.offsetMs) / 1000).toFixed(1)} s`,
    );
  }
  for (const { path, totalBytes, freeBytes, freeInodes } of disks) {
    const used = totalBytes > 0 ? `${Math.round((1 - freeBytes / totalBytes) * 100)} % used, ` : '';
    const inodes = freeInodes === null || freeInodes === 0 ? '' : `, ${freeInodes.toLocaleString('en')} inodes`;
    words.push(`The image file system ${path}: ${used}${size(freeBytes)}${inodes} free`);
  }
  if (runtime !== null && runtime.failure === null) {
    const name = `${runtime.name ?? 'the runtime'} ${runtime.version ?? ''}`.trim();
    words.push(`The runtime: ${name}${runtime.ready === null ? '' : runtime.ready ? ', ready' : ', not ready'}`);
  }
  return words;
}

/** What could not be looked at, why, and what would change that. */
export function notCheckedItems(input: CoverageInput): NodeReport['notChecked'] {
  const { registries, health, sources, stateTrouble, reportTrouble } = input;
  const items: NodeReport['notChecked'] = [];
  for (const { source, state, note } of sources) {
    if (state === 'following') continue;
    items.push({ what: sourceTitle(source), why: safeLine(note, 500), fix: sourceFix(source, state) });
  }
  if (health.intervalMs <= 0) {
    const why = 'The checks are switched off: health.interval is 0s.';
    items.push({ what: 'Registries, before a pull from them fails', why, fix: 'Set health.interval, for one to 60s.' });
  } else {
    const waiting = registries.filter(({ checkedAt }) => checkedAt === null);
    if (waiting.length > 0) {
      const names = listed(waiting.map(({ registry }) => registry));
      const why = 'The first checks are spread over one interval.';
      const told = waiting.find(({ summary }) => !summary.endsWith('was not checked yet.'));
      items.push({ what: names, why: told === undefined ? why : told.summary, fix: null });
    }
    for (const { registry, summary } of registries.filter(isOpen))
      items.push({ what: registry, why: summary, fix: null });
  }
  if (health.leftOut > 0) {
    items.push({
      what: `${count(health.leftOut, 'further registry', 'further registries')} that images on this node name`,
      why: `More than ${registries.length} registries are in use; those with the fewest images are left out.`,
      fix: 'Name those that matter in health.registries: they come first.',
    });
  }
  if (health.intervalMs > 0 && health.disks.length === 0) {
    const fix = "Mount the node's file system below node.hostRoot, and the runtime's socket.";
    items.push({ what: 'The image file system', why: 'No check has seen it so far.', fix });
  }
  if (stateTrouble !== null) {
    const fix = 'Set state.directory to a folder that can be written and has room.';
    items.push({ what: 'What happened before a restart', why: safeLine(stateTrouble, 500), fix });
  }
  if (reportTrouble !== null) {
    const fix = 'Set report.directory to a folder that exists, can be written and has room.';
    items.push({ what: 'Reports on a schedule', why: safeLine(reportTrouble, 500), fix });
  }
  return items;
}

function isOpen({ verdict, checkedAt }: RegistryRow): boolean {
  return verdict === 'inconclusive' && checkedAt !== null;
}

function sourceTitle(source: string): string {
  switch (source) {
    case 'journal':
      return 'The journal of kubelet and runtime';
    case 'cri':
    case 'cri-events':
    case 'cri-list':
      return 'The runtime over CRI';
    case 'kubernetes':
      return "This node's pods at the API server";
    case 'kubernetes-events':
      return 'Events on pods';
    case 'kubernetes-condition':
      return 'The node condition ImagePullProblem';
    default:
      return safeLine(source, 100);
  }
}

function sourceFix(source: string, state: SourceState['state']): string | null {
  if (state === 'waiting') return null;
  if (source === 'journal') {
    return state === 'absent'
      ? 'Mount /var/log/journal or /run/log/journal of the node below node.hostRoot, or set journal.directories.'
      : 'Let the agent read the journal: run it as root or in the group systemd-journal.';
  }
  if (source.startsWith('cri')) {
    return state === 'absent'
      ? "Mount the runtime's socket below node.hostRoot, or set runtime.endpoint."
      : "Let the agent use the runtime's socket: it belongs to root.";
  }
  if (source === 'kubernetes') {
    return state === 'absent'
      ? 'Run the agent in a pod, name a kubeconfig in KUBECONFIG, or set kubernetes.enabled to auto.'
      : "Let the agent's service account list and watch pods.";
  }
  if (source.startsWith('kubernetes-')) {
    return state === 'absent'
      ? 'Run the agent in a pod, name a kubeconfig in KUBECONFIG, and set kubernetes.enabled to auto.'
      : 'Add the component pod-events or node-condition to the deployment: it has the right.';
  }
  return null;
}
