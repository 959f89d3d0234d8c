import { idsOf, probesOf, type View } from '../evidence/view.ts';
import type { Layer } from '../model/cause-id.ts';
import type { AnyDoneProbe, Finding, Investigation } from '../model/investigation.ts';

/** A clock that is this near to the answers' own is right: the Date header has a resolution of a second. */
const clockToleranceMs = 5000;

/** Layers that were checked and hold, with what shows it. A layer with a finding, or with nothing checked, is not here. */
export function ruledOutBy(view: View, findings: readonly Finding[]): Investigation['ruledOut'] {
  const out: { layer: Layer; evidence: readonly string[]; note: string }[] = [];
  const found = new Set(findings.map(({ layer }) => layer));
  const add = (layer: Layer, probes: readonly AnyDoneProbe[], note: string): void => {
    if (!found.has(layer) && probes.length > 0) out.push({ layer, evidence: idsOf(probes), note });
  };
  const allOk = <T extends AnyDoneProbe>(probes: readonly T[]): readonly T[] =>
    probes.some((probe) => probe.status === 'failed' && !probe.counterfactual)
      ? []
      : probes.filter(({ status }) => status === 'ok');

  const runtime = allOk(probesOf(view, 'runtime'));
  add(
    'runtime',
    runtime,
    runtime.map(({ facts }) => `${facts.name} ${facts.version}${facts.ready === true ? ', ready' : ''}`).join(),
  );
  const disk = allOk(probesOf(view, 'disk'));
  add(
    'node',
    disk,
    disk
      .map(({ facts }) => `disk ${Math.round(100 - (100 * facts.freeBytes) / Math.max(1, facts.totalBytes))} % used`)
      .join(', '),
  );
  const dated = [...probesOf(view, 'registry'), ...probesOf(view, 'manifest')].find(
    ({ facts }) => facts.clockOffsetMs !== null,
  );
  const offset = dated?.facts.clockOffsetMs ?? null;
  if (dated !== undefined && offset !== null && Math.abs(offset) <= clockToleranceMs) {
    add('node', [dated], `clock within ${Math.max(1, Math.ceil(Math.abs(offset) / 1000))} s of the registry's`);
  }
  const dns = allOk(probesOf(view, 'dns'));
  add('dns', dns, `${new Set(dns.flatMap(({ facts }) => facts.addresses)).size} addresses`);
  const tcp = allOk(probesOf(view, 'tcp'));
  add('tcp', tcp, `${tcp.length} connections`);
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
  add('auth', allOk(probesOf(view, 'auth')), 'gives a token');
  const manifests = allOk(
    probesOf(view, 'manifest').filter(({ facts }) => facts.kind !== null || facts.status !== 401),
  );
  add('manifest', manifests, manifests.some(({ facts }) => facts.kind !== null) ? 'there' : '');
  add('blob', allOk(probesOf(view, 'blob')), 'content comes');
  return out;
}
