import { causeOf } from '../causes/index.ts';
import { idsOf, probesOf, type View } from '../evidence/view.ts';
import type { Layer } from '../model/cause-id.ts';
import type { DiskFacts } from '../model/facts.ts';
import type { AnyDoneProbe, Finding, Investigation } from '../model/investigation.ts';

/** A clock that is this near to the answers' own is right: the Date header has a resolution of a second. */
const clockToleranceMs = 5000;

/** Layers that were checked and hold, with what shows it. A layer with a finding, or with nothing checked, is not here. */
export function ruledOutBy(view: View, findings: readonly Finding[]): Investigation['ruledOut'] {
  const out: { layer: Layer; evidence: readonly string[]; note: string }[] = [];
  // A finding that carries another (a mirror's, a content host's) lies in both their layers.
  const found = new Set<Layer>(
    findings.flatMap(({ layer, underlying }) => (underlying === null ? [layer] : [layer, causeOf(underlying).layer])),
  );
  const add = (layer: Layer, probes: readonly AnyDoneProbe[], note: string): void => {
    if (!found.has(layer) && probes.length > 0) out.push({ layer, evidence: idsOf(probes), note });
  };
  // What is tried instead proves nothing of the runtime's own way.
  const allOk = <T extends AnyDoneProbe>(probes: readonly T[]): readonly T[] => {
    const own = probes.filter(({ counterfactual }) => !counterfactual);
    return own.every(({ status }) => status === 'ok') ? own : [];
  };

  const runtime = allOk(probesOf(view, 'runtime'));
  add(
    'runtime',
    runtime,
    runtime.map(({ facts }) => `${facts.name} ${facts.version}${facts.ready === true ? ', ready' : ''}`).join(),
  );
  const disk = allOk(probesOf(view, 'disk'));
  add('node', disk, [...new Set(disk.map(({ facts }) => `disk ${usedPercent(facts)} % used`))].join(', '));
  const dated = [...probesOf(view, 'registry'), ...probesOf(view, 'manifest')].find(
    ({ status, counterfactual, facts }) => status === 'ok' && !counterfactual && facts.clockOffsetMs !== null,
  );
  const offset = dated?.facts.clockOffsetMs ?? null;
  if (dated !== undefined && offset !== null && Math.abs(offset) <= clockToleranceMs) {
    add('node', [dated], `clock within ${Math.max(1, Math.ceil(Math.abs(offset) / 1000))} s of the registry's`);
  }
  // An answer without an address is an answer, and no way on.
  const dns = allOk(probesOf(view, 'dns')).filter(({ facts }) => facts.addresses.length > 0);
  add('dns', dns, counted(new Set(dns.flatMap(({ facts }) => facts.addresses)).size, 'address', 'addresses'));
  const tcp = allOk(probesOf(view, 'tcp'));
  add('tcp', tcp, counted(tcp.length, 'connection', 'connections'));
  const proxied = allOk(probesOf(view, 'proxy'));
  add('proxy', proxied, 'the proxy opens the way');
  const tls = allOk(probesOf(view, 'tls'));
  add(
    'tls',
    tls,
    tls[0] === undefined
      ? ''
      : `${tls[0].facts.protocol ?? 'TLS'}, ${tls[0].facts.verificationOff ? 'not verified' : 'verified'}`,
  );
  add('registry', allOk(probesOf(view, 'registry')), 'speaks the registry protocol');
  // A token that opens nothing, a redirect that leads nowhere: what counts is what came in the end.
  const manifests = allOk(probesOf(view, 'manifest')).filter(({ facts }) => facts.kind !== null);
  const tokens = allOk(probesOf(view, 'auth'));
  if (manifests.length > 0) add('auth', tokens, 'gives a token');
  add('manifest', manifests, 'there');
  const content = allOk(probesOf(view, 'blob')).filter(({ facts }) => facts.next === null);
  add('blob', content, 'content comes');
  return out;
}

function usedPercent({ freeBytes, totalBytes }: DiskFacts): number {
  return Math.round(100 - (100 * freeBytes) / Math.max(1, totalBytes));
}

function counted(count: number, one: string, more: string): string {
  return `${count} ${count === 1 ? one : more}`;
}
