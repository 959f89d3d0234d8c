import type { FleetIncident, FleetRegistryRow } from '../../api/fleet.ts';
import type { FleetSoonItem } from '../../api/fleet-report.ts';
import type { Frozen } from '../../api/schema.ts';
import { causeOf } from '../../causes/index.ts';
import { remediesOf } from '../../causes/remedies.ts';
import { daysWords } from '../../lib/report/words.ts';
import { count, moment } from '../../lib/words.ts';
import { partyOf } from '../party.ts';

const dayMs = 86_400_000;

/** As the cause `tls-certificate-expiring` has it. */
const expiringMs = 14 * dayMs;

/** What works, and will not for long: degraded incidents, certificates that end, budgets that are nearly spent. */
export function soonItems(
  open: readonly Frozen<FleetIncident>[],
  registries: readonly Frozen<FleetRegistryRow>[],
  now: number,
): Frozen<FleetSoonItem>[] {
  const told = new Set(open.map(({ cause, subject }) => `${cause} ${subject.name}`));
  const items = open
    .filter(({ severity, fault }) => severity === 'degraded' && fault !== 'workload')
    .map(
      ({ id, cause, subject, summary, nodes, remedies }): Frozen<FleetSoonItem> => ({
        kind: 'incident',
        subject: subject.name,
        cause,
        summary,
        nodes: nodes.failing,
        at: null,
        remedies,
        incident: id,
      }),
    );
  for (const row of registries) {
    if (
      !['tls-certificate-expiring', 'tls-certificate-expired'].some((cause) => told.has(`${cause} ${row.registry}`))
    ) {
      items.push(...certificateItem(row, now));
    }
    if (!told.has(`rate-limited ${row.registry}`)) items.push(...budgetItem(row));
  }
  return items.sort((a, b) => Date.parse(a.at ?? '9999') - Date.parse(b.at ?? '9999'));
}

function certificateItem({ registry, certificateNotAfter }: Frozen<FleetRegistryRow>, now: number): FleetSoonItem[] {
  if (certificateNotAfter === null) return [];
  const left = Date.parse(certificateNotAfter) - now;
  if (left > expiringMs) return [];
  const cause = left < 0 ? 'tls-certificate-expired' : 'tls-certificate-expiring';
  const date = moment(certificateNotAfter);
  const ends = left < 0 ? 'has ended' : 'ends';
  return [
    {
      kind: 'certificate',
      subject: registry,
      cause,
      summary: `A certificate of ${registry} ${ends} at ${date} (${daysWords(left / dayMs)}).`,
      nodes: null,
      at: certificateNotAfter,
      remedies: remediesOf(causeOf(cause), { ...partyOf(registry), date }).map((one) => ({ ...one })),
      incident: null,
    },
  ];
}

/** A tenth of the registry's limit is left, or less. */
function budgetItem({ registry, rateLimits }: Frozen<FleetRegistryRow>): FleetSoonItem[] {
  const low = rateLimits.filter(
    ({ remaining, limit }) => remaining !== null && remaining <= Math.max(5, Math.floor((limit ?? 0) / 10)),
  );
  const [lowest] = low.toSorted((a, b) => (a.remaining ?? 0) - (b.remaining ?? 0));
  if (lowest === undefined) return [];
  const { source, limit, remaining } = lowest;
  const whose = source === null ? 'one address' : source;
  const others = low.length > 1 ? ` and few for ${count(low.length - 1, 'other address', 'other addresses')}` : '';
  const of = limit === null ? '' : ` of ${limit}`;
  return [
    {
      kind: 'rate-limit',
      subject: registry,
      cause: 'rate-limited',
      summary: `${registry} leaves ${remaining}${of} pulls for ${whose}${others}: what comes behind them is refused.`,
      nodes: null,
      at: null,
      remedies: remediesOf(causeOf('rate-limited'), partyOf(registry)).map((one) => ({ ...one })),
      incident: null,
    },
  ];
}
