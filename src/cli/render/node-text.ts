import type { PullRecord } from '../../api/investigation.ts';
import type { PodRow, PodsDocument, RegistriesDocument, RegistryRow } from '../../api/node.ts';
import type { Static } from '../../api/schema.ts';
import { span } from './span.ts';
import type { Style } from './style.ts';
import { count, duration, visible, wrap } from './words.ts';

/** The pods of a node as a person reads them: what waits, why, and what happens next. */
export function renderPods({ node, pods, at }: Static<typeof PodsDocument>, style: Style): string {
  const { symbols, width } = style;
  if (pods.length === 0)
    return `${style.good(`${symbols.good} No pod of ${visible(node)} is known to wait for an image.`)}\n`;
  const groups = byIncident(pods);
  const waits = `${count(pods.length, 'container')} of ${visible(node)} ${pods.length === 1 ? 'waits' : 'wait'}`;
  const lines = [style.bold(`${waits} for ${count(groups.length, 'image')}.`), ''];
  for (const group of groups) {
    const [row] = group;
    if (row === undefined) continue;
    lines.push(...wrap(visible(row.image), width, `${symbols.bad} `).map(style.bad));
    lines.push(...wrap(visible(row.summary), width, '  '));
    lines.push(`  cause: ${causeWords(row)}`);
    for (const one of group.slice(0, shownPods)) lines.push(...podLines(one, width));
    if (group.length > shownPods) lines.push(`  - and ${count(group.length - shownPods, 'container')} more`);
    lines.push(...wrap(visible(row.retry.note) + when(row.retry.nextCheckAt, at), width, `  ${symbols.arrow} `), '');
  }
  return `${lines
    .map((line) => line.trimEnd())
    .join('\n')
    .trimEnd()}\n`;
}

function causeWords({ cause, underlying, confidence, investigating }: PodRow): string {
  const looks = investigating ? ', is being looked at' : '';
  if (cause === null) return `not known yet${looks}`;
  const carried = underlying === null ? '' : ` (${underlying})`;
  return `${cause}${carried}${confidence === null ? '' : `, ${confidence}`}${looks}`;
}

function podLines(row: PodRow, width: number): string[] {
  const { namespace, pod, container, reason, attempts, nextTryInSeconds } = row;
  const name = pod === null ? 'no pod: a pull by hand' : `${namespace ?? '?'}/${pod}`;
  const inside = container === null ? '' : `, container ${container}`;
  const next =
    nextTryInSeconds === null
      ? ''
      : nextTryInSeconds <= 0
        ? "; the kubelet's next try is due"
        : `; the kubelet tries again in ${span(nextTryInSeconds)}`;
  return [
    ...wrap(`${visible(name)}${visible(inside)}`, width, '  - '),
    ...wrap(`${visible(reason)}, failed ${attempts === 1 ? 'once' : `${attempts} times`}${next}`, width, '    '),
  ];
}

/** The registries of a node, the broken ones first. */
export function renderRegistries({ node, registries, at }: Static<typeof RegistriesDocument>, style: Style): string {
  if (registries.length === 0) return `No registry is known to be in use on ${visible(node)} yet.\n`;
  const order = ['faulty', 'inconclusive', 'degraded', 'healthy'];
  const sorted = [...registries].sort((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict));
  const wide = Math.min(40, Math.max(...sorted.map(({ registry }) => visible(registry).length)));
  const lines = sorted.flatMap((row) => {
    const { verdict, checkedAt } = row;
    const { symbols } = style;
    const [mark, paint] = {
      healthy: [symbols.good, style.good] as const,
      degraded: [symbols.warn, style.warn] as const,
      faulty: [symbols.bad, style.bad] as const,
      inconclusive: [symbols.unknown, style.dim] as const,
    }[verdict];
    const state =
      checkedAt === null ? 'not checked yet' : `${verdict}${verdict === 'healthy' ? '' : sinceWords(row.since, at)}`;
    const facts = factsOf(row);
    const head = paint(`${mark} ${visible(row.registry).padEnd(wide)}`);
    return [
      `${head}  ${state}`.trimEnd(),
      ...(checkedAt === null || verdict === 'healthy' || row.summary === ''
        ? []
        : wrap(visible(row.summary), style.width, '    ')),
      ...(row.cause === null ? [] : [`    cause: ${row.cause}`]),
      ...(facts === '' ? [] : wrap(facts, style.width, '    ').map(style.dim)),
    ];
  });
  return `${lines.join('\n')}\n`;
}

function factsOf({ latencyMs, certificate, rateLimit, mirrors }: RegistryRow): string {
  const { dns, tcp, tls, registry } = latencyMs;
  const times = Object.entries({ dns, tcp, tls, registry }).flatMap(([name, ms]) =>
    ms === null ? [] : [`${name} ${duration(ms)}`],
  );
  const days = certificate === null ? null : Math.floor(certificate.daysLeft);
  const dead = mirrors.filter(({ verdict }) => verdict === 'faulty').length;
  return [
    ...times,
    ...(days === null ? [] : [days < 0 ? 'certificate has ended' : `certificate ends in ${count(days, 'day')}`]),
    ...(rateLimit?.remaining == null ? [] : [`${rateLimit.remaining} of ${rateLimit.limit ?? '?'} pulls left`]),
    ...(mirrors.length === 0 ? [] : [`${count(mirrors.length, 'mirror')}${dead === 0 ? '' : `, ${dead} faulty`}`]),
  ].join(', ');
}

/** A pull that an agent made or makes. */
export function renderPullRecord(record: PullRecord, style: Style): string {
  const { image, node, state, durationMs, imageRef, error, cause, summary } = record;
  const { symbols, width } = style;
  const [mark, paint, words] = {
    done: [
      symbols.good,
      style.good,
      `was pulled on ${node}${durationMs === null ? '' : ` in ${duration(durationMs)}`}`,
    ] as const,
    failed: [symbols.bad, style.bad, `was not pulled on ${node}`] as const,
    queued: [symbols.unknown, style.warn, `waits for its turn on ${node}, and will be pulled`] as const,
    pulling: [symbols.unknown, style.warn, `is still being pulled on ${node}, and goes on`] as const,
  }[state];
  const lines = [
    ...wrap(visible(`${image} ${words}`), width, `${mark} `).map(paint),
    ...(state === 'failed' && summary !== '' ? wrap(visible(summary), width, '  ') : []),
    ...(cause === null ? [] : [`  cause: ${cause}`]),
    ...(imageRef === null ? [] : [`  ${visible(imageRef)}`]),
    ...(error === null || error === summary
      ? []
      : ['', "The runtime's own words:", ...wrap(visible(error), width, '  ')]),
  ];
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

/** Pods of one image that are shown one by one. */
const shownPods = 8;

function byIncident<T extends { readonly incident: string }>(rows: readonly T[]): T[][] {
  const groups = new Map<string, T[]>();
  for (const row of rows) groups.set(row.incident, [...(groups.get(row.incident) ?? []), row]);
  return [...groups.values()];
}

function sinceWords(since: string | null, now: string): string {
  if (since === null) return '';
  const seconds = Math.round((Date.parse(now) - Date.parse(since)) / 1000);
  return seconds < 1 ? '' : ` for ${span(seconds)}`;
}

function when(at: string | null, now: string): string {
  if (at === null) return '';
  const seconds = Math.round((Date.parse(at) - Date.parse(now)) / 1000);
  return seconds <= 0 ? ' It is looked at now.' : ` Next look in ${span(seconds)}.`;
}
