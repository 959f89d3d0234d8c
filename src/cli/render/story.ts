import { bracketed } from '../../evidence/origin.ts';
import { probesOf, type View } from '../../evidence/view.ts';
import type { Way } from '../../evidence/way.ts';
import { stateOf, type WayState } from '../../evidence/way-state.ts';
import { isEndpointHop, ownWaysOf, waysOf } from '../../evidence/ways.ts';
import type { AnyDoneProbe, Investigation, JudgedEndpoint, ProbeResult } from '../../model/investigation.ts';
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
import { listed } from './words.ts';

/** The steps of a pull in their order, as a person reads them. */
export const steps = ['dns', 'tcp', 'proxy', 'tls', 'registry', 'auth', 'manifest', 'content'] as const;

/** One line of the waterfall. */
export interface Row {
  /** `instead` is a counterfactual: what would work, or would not, in the runtime's stead. */
  readonly step: (typeof steps)[number] | 'instead' | 'runtime' | 'image' | 'disk';
  /**
   * `failed` stops this endpoint; `partly` fails where the endpoint serves all the same; `not-checked` is an unknown;
   * `not-reached` lies behind the failure.
   */
  readonly state: 'ok' | 'failed' | 'partly' | 'instead' | 'not-checked' | 'not-reached';
  readonly words: string;
  readonly probes: readonly ProbeResult[];
}

/** The lines at one network party: the endpoint itself (no title), its token service, or where the content lies. */
export interface Party {
  readonly title: string | null;
  readonly rows: readonly Row[];
}

/** What happened at one endpoint, in the order of a pull. */
export interface EndpointStory {
  readonly endpoint: JudgedEndpoint;
  readonly parties: readonly Party[];
}

/** The document as the view that its evidence is read by. */
export function viewOf(document: Investigation): View {
  return {
    plan: document,
    runtime: { name: document.runtime.name, asked: document.runtime.endpoint !== null },
    startedAtMs: Date.parse(document.startedAt),
    pullAsked: document.pull.attempted,
    probes: document.probes,
  };
}

/** Every endpoint's story. Pure. */
export function storiesOf(document: Investigation): EndpointStory[] {
  const view = viewOf(document);
  return document.endpoints.map((endpoint, index) => {
    const parties = partiesOf(view, index).filter(({ rows }) => rows.length > 0);
    const judged = parties.map(({ title, rows }) => ({
      title,
      rows: markBroken(rows, document, index).map((row) => soften(row, endpoint)),
    }));
    return { endpoint, parties: withOpenEnd(judged, document, index) };
  });
}

/** A failure at an endpoint that serves the image is not what breaks the pull. */
function soften(row: Row, { verdict }: JudgedEndpoint): Row {
  return row.state === 'failed' && verdict === 'healthy' ? { ...row, state: 'partly' } : row;
}

function partiesOf(view: View, endpoint: number): Party[] {
  const platform = view.plan.platform.normalized;
  const ways = ownWaysOf(view, endpoint).filter(
    (way, at, all) => all.findIndex(({ id, hop }) => id === way.id && hop === way.hop) === at,
  );
  const own = ways.filter(({ hop }) => isEndpointHop(hop));
  const ownIds = new Set(own.map(({ id }) => id));
  const shown = new Set<string>();
  const first = own.flatMap((way) => [...connection(view, way, shown), ...pings(view, way), ...insteads(view, way)]);

  const parties: Party[] = [{ title: null, rows: first }];
  for (const way of ways.filter(({ hop }) => hop === 'realm')) {
    const title = ownIds.has(way.id) ? null : `token service ${way.host}`;
    parties.push({ title, rows: [...connection(view, way, shown), ...insteads(view, way), ...tokens(view, way)] });
  }
  const requests = own.flatMap((way) => [...manifests(view, way, platform), ...contents(view, way)]);
  const away = parties.some(({ title, rows }) => title !== null && rows.length > 0);
  parties.push({ title: away ? `then at ${own[0]?.host ?? 'the registry'}` : null, rows: requests });
  for (const way of ways.filter(({ hop, id }) => hop === 'blob' && !ownIds.has(id))) {
    const rows = [...connection(view, way, shown), ...insteads(view, way)];
    parties.push({
      title: `content host ${way.host}`,
      rows: [...rows, ...manifests(view, way, platform), ...contents(view, way)],
    });
  }
  return joined(parties);
}

/** Lines without a title of their own belong to the party before. */
function joined(parties: readonly Party[]): Party[] {
  const out: Party[] = [];
  for (const party of parties) {
    const before = out.at(-1);
    if (party.title === null && before !== undefined) {
      out[out.length - 1] = { title: before.title, rows: [...before.rows, ...party.rows] };
    } else out.push(party);
  }
  return out;
}

/** Name, connection, proxy and handshake of a way; what was shown for another way already is left out. */
function connection(view: View, way: Way, shown: Set<string>): Row[] {
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

function pings(view: View, way: Way): Row[] {
  return probesOf(view, 'registry')
    .filter((probe) => probe.endpoint === way.endpoint && probe.facts.way === way.id && !probe.counterfactual)
    .map((probe) => row('registry', registryWords(probe), [probe]));
}

function tokens(view: View, way: Way): Row[] {
  return probesOf(view, 'auth')
    .filter((probe) => probe.endpoint === way.endpoint && probe.facts.way === way.id)
    .map((probe) => row('auth', authWords(probe), [probe]));
}

function manifests(view: View, way: Way, platform: string): Row[] {
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

function contents(view: View, way: Way): Row[] {
  const probes = probesOf(view, 'blob').filter(
    ({ endpoint, facts }) => endpoint === way.endpoint && facts.way === way.id,
  );
  return probes.length === 0 ? [] : [row('content', contentWords(probes), probes)];
}

/** One line for each way that was tried instead of this one. */
function insteads(view: View, way: Way): Row[] {
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
      const probes = [...state.tcp, ...state.connect, ...state.tls, ...answers];
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
  return status === null
    ? `${how}${place}, and then ${failure('', answer)}`
    : `${how}works, ${place} and the registry answers ${status}`;
}

function row(step: Row['step'], { ok, words }: HopWords, probes: readonly AnyDoneProbe[]): Row {
  if (probes.length > 0 && probes.every(({ counterfactual }) => counterfactual)) {
    const anonymously = step === 'manifest' && probes[0]?.kind === 'manifest' ? 'anonymously: ' : '';
    return {
      step: 'instead',
      state: 'instead',
      words: `instead, ${anonymously}${words.replace(/^failed: /u, 'fails too: ')}`,
      probes,
    };
  }
  return { step, state: ok ? 'ok' : 'failed', words, probes };
}

/** Some faults lie in what a good answer says (a platform that is missing): then the last piece of evidence is the broken hop. */
export function markBroken(rows: readonly Row[], document: Investigation, endpoint: number | null): Row[] {
  const faults = document.findings.filter((one) => one.severity === 'fault' && one.endpoint === endpoint);
  const failed = new Set(document.probes.filter(({ status }) => status === 'failed').map(({ id }) => id));
  const shown = faults
    .filter(({ evidence }) => !evidence.some((id) => failed.has(id)))
    .flatMap(({ evidence }) => [...evidence].slice(-1));
  return rows.map((one) => {
    const broken = one.state === 'ok' && one.probes.some(({ id }) => shown.includes(id));
    return broken ? { ...one, state: 'failed', words: `failed: ${one.words}` } : one;
  });
}

/** What was not checked, and the steps behind a failure, as last lines. */
function withOpenEnd(parties: readonly Party[], document: Investigation, index: number): Party[] {
  const rows = parties.flatMap((party) => [...party.rows]);
  const open = notChecked(document, index);
  const seen = new Set([...rows.map(({ step }) => step), ...open.map(({ step }) => step)]);
  const last = Math.max(-1, ...steps.flatMap((step, at) => (seen.has(step) ? [at] : [])));
  const broken = rows.some(({ state }) => state === 'failed') || open.length > 0;
  const { url, proxy } = document.endpoints[index] ?? { url: '', proxy: null };
  const rest = steps.filter((step, at) => {
    if (at <= last || (step === 'proxy' && proxy === null) || (step === 'tls' && url.startsWith('http:'))) return false;
    // Whether a login is wanted is known once the registry has answered.
    return step !== 'auth' || last < steps.indexOf('registry') || challenged(rows);
  });
  const [firstStep] = rest;
  const end: Row[] =
    broken && firstStep !== undefined && rows.length > 0
      ? [{ step: firstStep, state: 'not-reached', words: `${listed(rest, 8)}: not reached`, probes: [] }]
      : [];
  if (open.length + end.length === 0) return [...parties];
  const before = parties.at(-1);
  return [...parties.slice(0, -1), { title: before?.title ?? null, rows: [...(before?.rows ?? []), ...open, ...end] }];
}

function challenged(rows: readonly Row[]): boolean {
  return rows.some(({ probes }) =>
    probes.some((probe) => probe.kind === 'registry' && probe.status !== 'skipped' && probe.facts.status === 401),
  );
}

/** Measurements of this endpoint that were not made, by step and reason. */
function notChecked(document: Investigation, endpoint: number): Row[] {
  const skipped = document.probes.filter(
    (probe) => probe.status === 'skipped' && probe.endpoint === endpoint && !tellsNothing(probe),
  );
  return groups(skipped, ({ kind, error }) => `${kind} ${error?.message}`).map((group) => {
    const [first] = group;
    const step = first === undefined ? 'registry' : stepOf(first.kind);
    const targets = listed(group.map(({ target }) => target));
    return {
      step,
      state: 'not-checked',
      words: `not checked: ${targets}. ${first?.error?.message ?? ''}`,
      probes: group,
    };
  });
}

/** The name stands in the hosts file: then no nameserver is asked, and nothing is missing. */
function tellsNothing(probe: ProbeResult): boolean {
  return probe.kind === 'dns' && probe.error?.message.includes('names this host') === true;
}

function stepOf(kind: ProbeResult['kind']): (typeof steps)[number] {
  if (kind === 'blob') return 'content';
  return steps.find((step) => step === kind) ?? 'manifest';
}

/** Things that are alike by `key`, in the order in which each kind came first. */
export function groups<T>(things: readonly T[], key: (thing: T) => string): T[][] {
  const by = new Map<string, T[]>();
  for (const thing of things) by.set(key(thing), [...(by.get(key(thing)) ?? []), thing]);
  return [...by.values()];
}
