import { signOf } from '../../evidence/signed.ts';
import { probesOf, type View } from '../../evidence/view.ts';
import type { Way } from '../../evidence/way.ts';
import { stateOf, type WayState } from '../../evidence/way-state.ts';
import { waysOf } from '../../evidence/ways.ts';
import { bracketed } from '../../lib/url-text.ts';
import type { AnyDoneProbe } from '../../model/investigation.ts';
import { dnsLines } from './dns-words.ts';
import {
  authWords,
  contentWords,
  failure,
  type HopWords,
  manifestWords,
  namesWords,
  proxyWords,
  registryWords,
  tcpWords,
  tlsWords,
} from './hop-words.ts';
import { groups, type Row } from './row.ts';

/** Name, connection, proxy and handshake of a way; what was shown for another way already is left out. */
export function connection(view: View, way: Way, shown: Set<string>): Row[] {
  const state = stateOf(view, way);
  const rows: Row[] = [];
  const once = (key: string, make: () => Row[]): void => {
    if (shown.has(key)) return;
    shown.add(key);
    rows.push(...make());
  };
  const { connectHost: host, connectPort: port } = state;
  once(`dns ${host}`, () => dnsLines(host, state.dns).map((line) => row('dns', line, line.probes)));
  once(`tcp ${host} ${port}`, () =>
    groups(state.tcp, (probe) => probe.error?.code ?? 'ok').map((group) => row('tcp', tcpWords(group), group)),
  );
  once(`way ${way.id}`, () => [
    ...state.connect.map((probe) => row('proxy', proxyWords(probe), [probe])),
    ...groups(state.tls, ({ error, facts }) => `${error?.code} ${facts.protocol} ${facts.chain[0]?.sha256}`).map(
      (group) => row('tls', tlsWords(group, view.startedAtMs ?? 0), group),
    ),
  ]);
  return rows;
}

/** The version check at an endpoint. */
export function pings(view: View, way: Way): Row[] {
  return probesOf(view, 'registry')
    .filter((probe) => probe.endpoint === way.endpoint && probe.facts.way === way.id && !probe.counterfactual)
    .map((probe) => row('registry', registryWords(probe), [probe]));
}

/** The tokens fetched at a realm. */
export function tokens(view: View, way: Way): Row[] {
  return probesOf(view, 'auth')
    .filter((probe) => probe.endpoint === way.endpoint && probe.facts.way === way.id)
    .map((probe) => row('auth', authWords(probe), [probe]));
}

/** The manifests asked for along a way, and the names looked for after a 404. */
export function manifests(view: View, way: Way, platform: string): Row[] {
  const probes = probesOf(view, 'manifest').filter(
    ({ endpoint, facts }) => endpoint === way.endpoint && facts.way === way.id,
  );
  // The runtime's first, bare request only fetches the challenge, and tells nothing that the next does not.
  const telling = probes.filter(({ facts, status }) => !(status === 'ok' && facts.status === 401));
  const kept = telling.length > 0 ? telling : probes.slice(-1);
  const by = groups(kept, ({ status, counterfactual, facts }) => `${status} ${counterfactual} ${facts.identity.index}`);
  const names = probesOf(view, 'names')
    .filter(({ endpoint, facts, status }) => {
      return endpoint === way.endpoint && facts.way === way.id && status === 'ok';
    })
    // Where the tags of a repository are known, the repository is not what is missing.
    .filter(({ facts }, _, all) => facts.of === 'tags' || !all.some((other) => other.facts.of === 'tags'))
    .map((probe) => row('manifest', namesWords(probe), [probe]));
  return [...by.map((group) => row('manifest', manifestWords(group, platform), group)), ...names];
}

/** Config and layer asked for along a way. */
export function contents(view: View, way: Way): Row[] {
  const probes = probesOf(view, 'blob').filter(
    ({ endpoint, facts }) => endpoint === way.endpoint && facts.way === way.id,
  );
  return probes.length === 0 ? [] : [row('content', contentWords(probes), probes)];
}

/** One line for each way that was tried instead of this one. */
export function insteads(view: View, way: Way): Row[] {
  return waysOf(view)
    .filter(
      ({ instead, endpoint, host, port }) =>
        instead !== null && endpoint === way.endpoint && host === way.host && port === way.port,
    )
    .flatMap((other) => {
      const state = stateOf(view, other);
      const answers = probesOf(view, 'registry').filter(
        ({ facts, endpoint }) => facts.way === other.id && endpoint === other.endpoint,
      );
      // The addresses of a name that is shared with the runtime's own way were looked up for that one.
      const looked = (state.broken?.probes ?? []).filter(
        ({ kind, counterfactual }) => kind === 'dns' && counterfactual,
      );
      const probes = [...looked, ...state.tcp, ...state.connect, ...state.tls, ...answers];
      const words = insteadWords(other, state, answers[0] ?? null);
      return words === null ? [] : [{ step: 'instead' as const, state: 'instead' as const, words, probes }];
    });
}

function insteadWords(way: Way, state: WayState, answer: AnyDoneProbe | null): string | null {
  const how = `instead, ${
    way.instead === 'direct'
      ? 'directly'
      : way.instead === 'by-proxy'
        ? `by the proxy ${way.proxy}`
        : way.instead === 'plain-http'
          ? 'with plain HTTP'
          : 'with HTTPS'
  }: `;
  if (state.broken !== null) {
    const [probe] = state.broken.probes;
    return probe === undefined ? null : `${how}fails too, at ${state.broken.layer}: ${failure('', probe).slice(8)}`;
  }
  const [address] = state.open;
  if (address === undefined) return null;
  const place = way.proxy === null ? `${bracketed(address)}:${way.port} connects` : 'it opens a tunnel';
  if (answer?.kind !== 'registry') return `${how}works, ${place}`;
  const { status } = answer.facts;
  if (status === null) return `${how}${place}, and then ${failure('', answer)}`;
  return way.scheme === 'http' && signOf(answer) === null
    ? `${how}${place}, and ${status} is answered, by whom is not told`
    : `${how}works, ${place} and the registry answers ${status}`;
}

function row(step: Row['step'], { ok, words }: HopWords, probes: readonly AnyDoneProbe[]): Row {
  if (probes.length > 0 && probes.every(({ counterfactual }) => counterfactual)) {
    const [first] = probes;
    const nobody = first?.kind === 'manifest' && first.facts.identity.index < 0;
    const anonymously = step === 'manifest' && nobody ? 'anonymously: ' : '';
    return {
      step: 'instead',
      state: 'instead',
      words: `instead, ${anonymously}${words.replace(/^failed: /u, 'fails too: ')}`,
      probes,
    };
  }
  return { step, state: ok ? 'ok' : 'failed', words, probes };
}
