import type { PodsDocument, RegistriesDocument } from '../../api/node.ts';
import type { Static } from '../../api/schema.ts';
import type { Style } from './style.ts';
import { visible, wrap } from './words.ts';

/** The pods of a node as a person reads them: what waits, why, and what happens next. */
export function renderPods({ node, pods, at }: Static<typeof PodsDocument>, style: Style): string {
  if (pods.length === 0) return `${style.good(`${style.symbols.good} Every image comes on ${visible(node)}.`)}\n`;
  const waits = `${pods.length} ${pods.length === 1 ? 'container waits' : 'containers wait'}`;
  const lines = [style.bold(`${waits} for an image on ${visible(node)}`), ''];
  for (const group of byIncident(pods)) {
    const [row] = group;
    if (row === undefined) continue;
    const cause =
      row.cause === null ? 'not known yet' : `${row.cause}${row.underlying === null ? '' : ` (${row.underlying})`}`;
    const sure = row.confidence === null ? '' : ` · ${row.confidence}`;
    lines.push(`${style.bad(`${style.symbols.bad} ${visible(row.image)}`)}  ${style.bold(cause)}${style.dim(sure)}`);
    lines.push(...wrap(visible(row.summary), style.width, '  '));
    for (const { namespace, pod, container, reason, attempts, nextTryInSeconds } of group.slice(0, shownPods)) {
      const name =
        pod === null
          ? 'no pod (pulled by hand)'
          : `${namespace ?? '?'}/${pod}${container === null ? '' : ` (${container})`}`;
      const next =
        nextTryInSeconds === null
          ? ''
          : nextTryInSeconds === 0
            ? ", the kubelet's next try is due"
            : `, the kubelet tries next in ${span(nextTryInSeconds)}`;
      lines.push(`    ${visible(name)}  ${reason}, ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}${next}`);
    }
    if (group.length > shownPods) lines.push(`    and ${group.length - shownPods} more`);
    lines.push(
      ...wrap(`${style.symbols.arrow} ${visible(row.retry.note)}${when(row.retry.nextCheckAt, at)}`, style.width, '  '),
      '',
    );
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

/** The registries of a node, the broken ones first. */
export function renderRegistries({ node, registries }: Static<typeof RegistriesDocument>, style: Style): string {
  if (registries.length === 0) return `No registry is in use on ${visible(node)} yet.\n`;
  const order = ['faulty', 'inconclusive', 'degraded', 'healthy'];
  const sorted = [...registries].sort((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict));
  const wide = Math.max(...sorted.map(({ registry }) => visible(registry).length));
  const lines = sorted.flatMap((row) => {
    const [mark, paint] =
      row.verdict === 'healthy'
        ? [style.symbols.good, style.good]
        : row.verdict === 'faulty'
          ? [style.symbols.bad, style.bad]
          : row.verdict === 'degraded'
            ? [style.symbols.warn, style.warn]
            : [style.symbols.unknown, style.dim];
    const { dns, tcp, tls, registry } = row.latencyMs;
    const times = Object.entries({ dns, tcp, tls, registry }).flatMap(([name, ms]) =>
      ms === null ? [] : [`${name} ${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`],
    );
    const more = [
      ...times,
      ...(row.certificate === null ? [] : [`certificate ${Math.floor(row.certificate.daysLeft)} days`]),
      ...(row.rateLimit === null || row.rateLimit.remaining === null
        ? []
        : [`${row.rateLimit.remaining} of ${row.rateLimit.limit ?? '?'} pulls left`]),
    ];
    const head = `${paint(`${mark} ${visible(row.registry).padEnd(wide)}`)}  ${row.verdict.padEnd(12)}  ${style.dim(more.join(' · '))}`;
    return row.verdict === 'healthy'
      ? [head.trimEnd()]
      : [head.trimEnd(), ...wrap(visible(row.summary), style.width, '    ')];
  });
  return `${lines.join('\n')}\n`;
}

/** Pods of one image that are shown one by one. */
const shownPods = 8;

function byIncident<T extends { readonly incident: string }>(rows: readonly T[]): T[][] {
  const groups = new Map<string, T[]>();
  for (const row of rows) groups.set(row.incident, [...(groups.get(row.incident) ?? []), row]);
  return [...groups.values()];
}

function when(at: string | null, now: string): string {
  if (at === null) return '';
  const seconds = Math.round((Date.parse(at) - Date.parse(now)) / 1000);
  return seconds <= 0 ? ' (now)' : ` (in ${span(seconds)})`;
}

function span(seconds: number): string {
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
