import type {
  CheckShape,
  HealthRecord,
  IncidentRecord,
  InvestigationRecord,
  NodeRecord,
  ReportBatch,
  ReportRecord,
} from '../api/records.ts';
import { timeOf } from '../lib/time.ts';
import type { Site } from './sites.ts';
import { type Trouble, troublesOf, type World } from './world.ts';

/** How a simulated agent behaves. Times in milliseconds. */
export interface AgentManner {
  /** Between two full reports: heartbeat and all checks. A minute for real agents. */
  readonly roundMs: number;
  /** From a change of the world until a node that it concerns has met it: a part of this by chance. */
  readonly noticeMs: number;
  /** From the first failing pull until its cause is found out. */
  readonly diagnoseMs: number;
  /** Facts of an investigation, characters: real ones have some tens of thousands. */
  readonly investigationChars: number;
}

/** What agents do, but for their rounds. */
export const usualManner: AgentManner = {
  roundMs: 60_000,
  noticeMs: 500,
  diagnoseMs: 700,
  investigationChars: 2000,
};

/** A batch as it is sent. */
export interface SimulatedBatch extends Omit<ReportBatch, 'records'> {
  readonly records: readonly ReportRecord[];
}

/** One made-up node as an agent tells of it. It owns no timer and no socket. */
export interface SimulatedAgent {
  readonly site: Site;
  readonly bootId: string;
  /** When there is something to send, monotonic. */
  readonly dueAt: () => number;
  /** The world is another now: the node meets it a moment later. */
  readonly worldChanged: (now: number) => void;
  /**
   * What it sends now; null: nothing. What was not settled comes again, with the same numbers. `at`: the wall clock.
   */
  readonly next: (now: number, at: number) => SimulatedBatch | null;
  /** The collector has it. */
  readonly taken: () => void;
  /** It has it not: the same again, from then on. */
  readonly again: (until: number) => void;
  /** Records that were numbered, and those that the collector has. */
  readonly counts: () => { readonly sent: number; readonly taken: number };
}

/** What one is made with. */
export interface AgentNeeds {
  readonly site: Site;
  readonly world: () => World;
  readonly chance: () => number;
  readonly manner: AgentManner;
  readonly bootId: string;
  /** The monotonic clock at its making; reports begin within one round from then. */
  readonly startedAt: number;
  /** Its first report comes within this; a round, when it is not given. */
  readonly rampMs?: number;
}

/** A pull that fails on the node. */
interface FailingPull {
  readonly trouble: Trouble;
  readonly id: string;
  readonly image: string;
  readonly since: number;
  /** Monotonic; when its cause is told. Infinity: it was. */
  concludeAt: number;
  investigation: string | null;
}

/** A record that has no number yet. */
type Unnumbered = ReportRecord extends infer R ? (R extends ReportRecord ? Omit<R, 'seq'> : never) : never;

/** Makes it. The same needs make the same records, but for their times. */
export function openSimulatedAgent(needs: AgentNeeds): SimulatedAgent {
  const { site, world, chance, manner, bootId, startedAt } = needs;
  const { roundMs, noticeMs, diagnoseMs } = manner;
  let seq = 0;
  let taken = 0;
  let incidents = 0;
  let introduced = false;
  let roundAt = startedAt + chance() * (needs.rampMs ?? roundMs);
  let rounds = 0;
  let noticeAt = Number.POSITIVE_INFINITY;
  let notBefore = Number.NEGATIVE_INFINITY;
  let underWay: { readonly batch: SimulatedBatch; readonly last: number } | null = null;
  let bornAt: number | null = null;
  let troubles: readonly Trouble[] = [];
  const since = new Map<string, number>();
  const pulls = new Map<string, FailingPull>();

  const dueAt = (): number => {
    if (underWay !== null) return notBefore;
    let due = Math.min(roundAt, noticeAt);
    for (const { concludeAt } of pulls.values()) due = Math.min(due, concludeAt);
    return Math.max(notBefore, due);
  };

  const check = (of: CheckShape['of'], subject: string, at: number): CheckShape => {
    const met = troubles.find((trouble) => trouble.check?.of === of && trouble.check.subject === subject);
    const key = `${of} ${subject}`;
    if (met === undefined) since.delete(key);
    else if (!since.has(key)) since.set(key, at);
    const begun = since.get(key);
    const isUp = met === undefined && of === 'registry';
    const ms = (least: number): number => Math.round((least + chance() * least) * 10) / 10;
    return {
      of,
      subject,
      verdict: met === undefined ? 'healthy' : 'faulty',
      cause: met?.cause ?? null,
      confidence: met?.confidence ?? null,
      layer: met?.layer ?? null,
      underlying: null,
      host: met?.host ?? null,
      summary: met?.summary ?? `${subject} is well.`,
      checkedAt: timeOf(at),
      since: begun === undefined ? null : timeOf(begun),
      latencyMs: isUp ? { dns: ms(1), tcp: ms(4), tls: ms(8), registry: ms(12) } : null,
      certificateNotAfter: isUp ? '2027-06-01T00:00:00.000Z' : null,
      rateLimit:
        isUp && subject === 'docker.io'
          ? { limit: 100, remaining: 40 + Math.floor(chance() * 60), source: site.egress }
          : null,
    };
  };

  const checks = (at: number): CheckShape[] => [
    check('node', 'runtime', at),
    check('node', 'image-filesystem', at),
    check('node', 'clock', at),
    ...world().registries.map((registry) => check('registry', registry, at)),
  ];

  /** What differs from what was told: checks that changed, pulls that begin or end to fail. */
  const notice = (now: number, at: number): Unnumbered[] => {
    const before = new Set(troubles.map(markOf));
    const found = troublesOf(site, world());
    const after = new Set(found.map(markOf));
    const changed = [
      ...troubles.filter((trouble) => !after.has(markOf(trouble))),
      ...found.filter((trouble) => !before.has(markOf(trouble))),
    ];
    troubles = found;
    const told = new Map<string, CheckShape>();
    for (const { check: of } of changed) {
      if (of !== null) told.set(`${of.of} ${of.subject}`, check(of.of, of.subject, at));
    }
    const records: Unnumbered[] = [];
    if (told.size > 0) records.push(healthOf([...told.values()], at));
    for (const trouble of found) {
      if (trouble.pull === null || pulls.has(trouble.pull.image)) continue;
      const { image } = trouble.pull;
      const pull: FailingPull = {
        trouble,
        id: `${site.name}-${bootId}-${++incidents}`,
        image,
        since: at,
        concludeAt: now + diagnoseMs * (0.5 + chance()),
        investigation: null,
      };
      pulls.set(image, pull);
      records.push(incidentOf(site, pull, at, 'unknown'));
    }
    const wanted = new Set(found.map(({ pull }) => pull?.image));
    for (const [image, pull] of pulls) {
      if (wanted.has(image)) continue;
      pulls.delete(image);
      records.push(incidentOf(site, pull, at, 'over'));
    }
    return records;
  };

  const conclude = (now: number, at: number): Unnumbered[] => {
    const records: Unnumbered[] = [];
    for (const pull of pulls.values()) {
      if (pull.concludeAt > now) continue;
      pull.concludeAt = Number.POSITIVE_INFINITY;
      pull.investigation = `${pull.id}-i`;
      records.push(incidentOf(site, pull, at, 'known'), investigationOf(site, pull, at, manner.investigationChars));
    }
    return records;
  };

  const round = (now: number, at: number): Unnumbered[] => {
    // However soon all of them came: from then on they are spread over a round. What comes late makes no later one late.
    if (rounds++ === 0) roundAt = now + chance() * roundMs;
    else roundAt += roundMs * Math.max(1, Math.ceil((now - roundAt) / roundMs));
    return [
      {
        kind: 'heartbeat',
        at: timeOf(at),
        runtimeReady: true,
        openIncidents: pulls.size,
        waitingPods: [...pulls.values()].reduce((sum, { trouble }) => sum + (trouble.pull?.pods ?? 0), 0),
        spool: { rows: 0, bytes: 0, dropped: {} },
      },
      healthOf(checks(at), at),
    ];
  };

  const introduce = (at: number): Unnumbered => {
    introduced = true;
    return nodeOf(site, at, bornAt ?? at);
  };

  return {
    site,
    bootId,
    dueAt,
    worldChanged(now) {
      noticeAt = Math.min(noticeAt, now + chance() * noticeMs);
    },
    next(now, at) {
      if (underWay !== null) return underWay.batch;
      bornAt ??= at;
      const records: Unnumbered[] = [];
      if (!introduced) records.push(introduce(at));
      if (noticeAt <= now) {
        noticeAt = Number.POSITIVE_INFINITY;
        records.push(...notice(now, at));
      }
      records.push(...conclude(now, at));
      if (roundAt <= now) records.push(...round(now, at));
      if (records.length === 0) return null;
      const numbered = records.map((record) => ({ ...record, seq: ++seq }));
      underWay = { batch: { node: site.name, bootId, sentAt: timeOf(at), records: numbered }, last: seq };
      return underWay.batch;
    },
    taken() {
      if (underWay !== null) taken = underWay.last;
      underWay = null;
      notBefore = Number.NEGATIVE_INFINITY;
    },
    again(until) {
      notBefore = until;
    },
    counts: () => ({ sent: seq, taken }),
  };
}

function markOf({ cause, check, pull }: Trouble): string {
  return `${cause} ${check?.subject ?? ''} ${pull?.image ?? ''}`;
}

function nodeOf(site: Site, at: number, startedAt: number): Omit<NodeRecord, 'seq'> {
  const attributes = Object.fromEntries(Object.entries(site.attributes).map(([name, values]) => [name, [...values]]));
  return {
    kind: 'node',
    at: timeOf(at),
    agent: { version: '0.1.0', startedAt: timeOf(startedAt) },
    attributes,
    authorities: ['Corp Root CA 0f3a9c21d7be4410', 'ISRG Root X1 96bcec06264976f3'],
  };
}

function healthOf(checks: CheckShape[], at: number): Omit<HealthRecord, 'seq'> {
  return { kind: 'health', at: timeOf(at), checks };
}

/** A change of one image that does not come; `unknown`: nobody has looked yet. */
function incidentOf(
  site: Site,
  { trouble, id, image, since, investigation }: FailingPull,
  at: number,
  stage: 'unknown' | 'known' | 'over',
): Omit<IncidentRecord, 'seq'> {
  const known = stage !== 'unknown';
  const over = stage === 'over';
  const workload = image.replace(/^.*\//, '').replace(/[:@].*$/, '');
  return {
    kind: 'incident',
    at: timeOf(at),
    incident: {
      id,
      image,
      normalized: image,
      registry: trouble.pull?.registry ?? null,
      state: over ? 'over' : 'open',
      firstSeenAt: timeOf(since),
      lastSeenAt: timeOf(at),
      endedAt: over ? timeOf(at) : null,
      endedBy: over ? 'agent' : null,
      secondsGained: over ? 20 : null,
      cause: known ? trouble.cause : null,
      confidence: known ? trouble.confidence : null,
      layer: known ? trouble.layer : null,
      underlying: null,
      host: known ? trouble.host : null,
      summary: known ? trouble.summary : `Why ${image} does not come is not known yet.`,
      remedies: known ? trouble.remedies.map(({ text, command }) => ({ text, command })) : [],
      investigation,
      pods: over ? 0 : (trouble.pull?.pods ?? 0),
      owners: over ? 0 : (trouble.pull?.owners ?? 0),
      examples: [{ namespace: 'shop', pod: `${workload}-${site.name}`, container: workload }],
    },
  };
}

/** The investigation that found the cause out. It is made up, and says so. */
function investigationOf(
  site: Site,
  { trouble, id, image, since }: FailingPull,
  at: number,
  chars: number,
): Omit<InvestigationRecord, 'seq'> {
  const registry = trouble.pull?.registry ?? null;
  const probes = Math.max(1, Math.round(chars / 800));
  // The schema names what the collector reads; the rest of the document goes along as it is.
  const document = {
    apiVersion: 'pullwhy/v1',
    kind: 'Investigation',
    simulated: true,
    id: `${id}-i`,
    node: site.name,
    startedAt: timeOf(since),
    durationMs: Math.max(0, at - since),
    image: { input: image, normalized: image, registry },
    verdict: 'faulty' as const,
    cause: trouble.cause,
    confidence: trouble.confidence,
    layer: trouble.layer,
    underlying: null,
    summary: trouble.summary,
    findings: [
      {
        cause: trouble.cause,
        layer: trouble.layer,
        confidence: trouble.confidence,
        severity: 'fault',
        summary: trouble.summary,
        evidence: ['p1'],
        remedies: trouble.remedies,
        underlying: null,
        host: trouble.host,
        endpoint: 0,
        alternatives: [],
      },
    ],
    ruledOut: [],
    probes: Array.from({ length: probes }, (_, place) => probeOf(site, trouble, place)),
    endpoints: [],
  };
  return { kind: 'investigation', at: timeOf(at), investigation: document };
}

/** Some 800 characters, as much as a probe of a real investigation has. */
function probeOf(site: Site, { host, summary }: Trouble, at: number): object {
  const target = host ?? site.name;
  return {
    id: `p${at + 1}`,
    kind: 'tcp',
    target: `${target} #${at}`,
    hop: 'registry',
    endpoint: 0,
    counterfactual: at > 0,
    status: 'failed',
    startedMs: at * 3,
    durationMs: 5000 + ((at * 37) % 100) / 10,
    error: { code: 'simulated', message: summary },
    facts: {
      host: target,
      nameserver: site.nameserver,
      addresses: Array.from({ length: 8 }, (_, one) => `2001:db8:${at}::${site.zone.length + one}`),
      attempts: Array.from({ length: 5 }, (_, one) => ({ address: `192.0.2.${(at * 7 + one) % 250}`, ms: 5000 + one })),
      note: 'Nothing was measured: this node is simulated, and so is what it says of itself.',
    },
  };
}
