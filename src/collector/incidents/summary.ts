import type { FleetIncident } from '../../api/fleet.ts';
import type { Frozen } from '../../api/schema.ts';
import { spanWords } from '../../lib/sizes.ts';
import { count, visible } from '../../lib/words.ts';
import { whereWords } from './attribute-words.ts';

/** What a summary is made of. */
export type Summed = Pick<
  Frozen<FleetIncident>,
  'cause' | 'underlying' | 'subject' | 'severity' | 'scope' | 'hosts' | 'nodes' | 'pods' | 'attribution'
>;

/**
 * One sentence for whoever is woken by it: what, where, how many, and what they have in common.
 * `registry.corp.example: tcp-timeout on 12 of 200 nodes, all in zone eu-1c; 31 pods wait.`
 * `held`: nodes that failed and of which nothing is known since.
 */
export function openSummary(of: Summed, held: number): string {
  const { failing } = of.nodes;
  const clauses: string[] = [];
  if (failing === 0 && held > 0) {
    const nodes = held === 1 ? 'the node that failed is' : `the ${held} nodes that failed are`;
    clauses.push(`${whatWords(of)}; ${nodes} silent or ${held === 1 ? 'finds' : 'find'} nothing out, so it may last`);
  } else if (failing === 0) clauses.push(`${whatWords(of)} fails nowhere any more; it is closed when that lasts`);
  else clauses.push(`${whatWords(of)} ${placeWords(of)}`);
  if (failing > 0 && held > 0) clauses.push(`${held} more failed and ${held === 1 ? 'is' : 'are'} unknown since`);
  if (of.pods > 0) clauses.push(`${count(of.pods, 'pod')} ${of.pods === 1 ? 'waits' : 'wait'}`);
  if (failing > 0 && of.severity === 'degraded') clauses.push('pulls work all the same');
  return `${clauses.join('; ')}.`;
}

/** The same of one that is over, as it was at its worst. `lost`: its nodes were not heard of again. */
export function closedSummary(worst: Summed, lastedMs: number, lost: boolean): string {
  const end = lost ? 'closed, for its nodes were not heard of for a day' : `over after ${spanWords(lastedMs)}`;
  return `${whatWords(worst)} ${placeWords(worst)}; ${end}.`;
}

/** `quay.io: blob-unreachable (tcp-timeout) at cdn.quay.io`. */
function whatWords({ cause, underlying, subject, hosts }: Summed): string {
  const name = visible(subject.name);
  const [host] = hosts;
  const about = name === cause ? cause : `${name}: ${cause}`;
  const at = hosts.length === 1 && host !== undefined && host !== subject.name ? ` at ${visible(host)}` : '';
  return `${about}${underlying === null ? '' : ` (${underlying})`}${at}`;
}

function placeWords({ nodes, scope, attribution }: Summed): string {
  const { failing, healthy, names } = nodes;
  const tried = failing + healthy;
  const [only] = names;
  if (scope === 'node' && failing === 1 && only !== undefined) {
    return healthy === 0
      ? `on ${only}`
      : `on ${only}, not on ${healthy === 1 ? 'the other node' : `${healthy} others`}`;
  }
  const share = healthy === 0 ? `all ${count(failing, 'node')} that tried` : `${failing} of ${count(tried, 'node')}`;
  const common = attribution.map(({ attribute, value, failingWith }) => {
    const where = visible(whereWords(attribute, value));
    return failingWith === failing ? `all ${where}` : `${failingWith} ${where}`;
  });
  return [`on ${share}`, ...common].join(', ');
}
