import type { RegistryRow, RuntimeDocument } from '../../api/node.ts';
import type { Env } from '../../lib/env.ts';
import { limits } from '../../lib/limits.ts';
import type { Result } from '../../lib/result.ts';
import { timeOf } from '../../lib/time.ts';
import type { Finding, Investigation } from '../../model/investigation.ts';
import { openClockJumps } from '../clock-jump.ts';
import type { Declined, Health, Incident } from '../parts.ts';
import { type LocalHealth, openLocalKeeper } from './local-health.ts';
import { type RegistryInUse, registriesInUse, registryName, type Use } from './registries-in-use.ts';
import { rateLimitOf, registryHealthOf, type ToldLimit } from './registry-health.ts';
import { budgetMs, checksAtOnce, firstDelay, nextDelay } from './schedule.ts';
import { type Settled, settle } from './settle.ts';

/** What watching the node's health needs. The settings may change while it works. */
export interface HealthNeeds {
  readonly env: Env;
  /** Names of the images on the node, normalized; null while the runtime was not asked. */
  readonly images: () => ReadonlySet<string> | null;
  /** Registries that the node's own configuration names. */
  readonly configured: () => Promise<readonly string[]>;
  /** What fails now. */
  readonly incidents: () => readonly Incident[];
  /** An investigation that asks nothing beyond the registry itself. It ends soon after the signal, and never throws. */
  readonly check: (image: string, signal: AbortSignal) => Promise<Result<Investigation, Declined>>;
  /** What the runtime says of itself, with its image file system; absent: only investigations tell of them. */
  readonly runtime?: (signal: AbortSignal) => Promise<RuntimeDocument>;
  /** `intervalMs` 0: nothing is checked. */
  readonly settings: () => { readonly registries: readonly string[]; readonly intervalMs: number };
}

/** What the report says besides the rows. */
export interface NodeHealth extends LocalHealth {
  /** By the registry's name: what was found, with what to do about it. */
  readonly findings: ReadonlyMap<string, readonly Finding[]>;
  /** Registries that are in use and are too many to be watched. */
  readonly leftOut: number;
  /** Between two checks; 0: they are off. */
  readonly intervalMs: number;
}

/** The watch over the node's health. */
export interface HealthWatch extends Health {
  /** Does what is due; to be called some times a second. */
  readonly tick: () => void;
  /** What is known of the node beside its registries, from every investigation. */
  readonly local: () => NodeHealth;
  /** Takes from any other investigation what it tells for nothing: the rate limit's budget, nameservers, clock, disk, runtime. */
  readonly learn: (document: Investigation) => void;
}

/** Registries come and go with images: the list is made anew this often. Files are read again less often. */
const lookMs = 5000;
const configuredMs = 300_000;

/** The runtime lists its images for the answer: not more often than this, nor waited for longer. */
const runtimeMs = 60_000;
const runtimePatienceMs = 10_000;

interface Watched {
  use: RegistryInUse;
  /** Monotonic. */
  nextAt: number;
  checking: boolean;
  settled: Settled | null;
  /** Until when it is believed, monotonic: most checks come by no answer that tells of it. */
  rateLimit: { readonly said: ToldLimit['said']; readonly until: number } | null;
  /** Why the last check was not made; null: it was. */
  declined: string | null;
}

/** Makes it. Nothing is asked before the first `tick`. */
export function openHealth(needs: HealthNeeds): HealthWatch {
  const { env } = needs;
  const clockJumps = openClockJumps(env);
  const watched = new Map<string, Watched>();
  const keeper = openLocalKeeper(env.now);
  const abort = new AbortController();
  const running = new Set<Promise<void>>();
  let configured: readonly string[] = [];
  let configuredAt = Number.NEGATIVE_INFINITY;
  let reading = false;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let runtimeAt = Number.NEGATIVE_INFINITY;
  let asking = false;
  let interval = needs.settings().intervalMs;
  let seen: Seen | null = null;
  let use: Use = { registries: [], leftOut: 0 };

  const background = (work: Promise<void>): void => {
    running.add(work);
    void work.finally(() => running.delete(work));
  };

  const readConfigured = async (): Promise<void> => {
    configured = await needs.configured();
    reading = false;
    lookedAt = Number.NEGATIVE_INFINITY;
  };

  const askRuntime = async (ask: NonNullable<HealthNeeds['runtime']>): Promise<void> => {
    const at = env.now();
    const patience = AbortSignal.timeout(runtimePatienceMs);
    const document = await ask(AbortSignal.any([abort.signal, patience]));
    asking = false;
    if (!abort.signal.aborted) keeper.learnRuntime(document, at);
  };

  /** Makes the list anew where something of it changed, and spreads what is new over an interval. */
  const look = (now: number, intervalMs: number, settings: readonly string[]): void => {
    lookedAt = now;
    const failing = needs.incidents().map(({ image }) => image);
    const next: Seen = { images: needs.images(), configured, settings: settings.join(' '), failing: failing.join(' ') };
    if (seen !== null && sameSeen(seen, next)) return;
    seen = next;
    use = registriesInUse({ images: next.images, configured, settings, failing }, limits.agentRegistries);
    const names = new Set(use.registries.map(({ registry }) => registry));
    for (const name of [...watched.keys()]) if (!names.has(name)) watched.delete(name);
    const fresh: RegistryInUse[] = [];
    for (const one of use.registries) {
      const known = watched.get(one.registry);
      if (known === undefined) fresh.push(one);
      else known.use = one;
    }
    shuffle(fresh, env.random);
    fresh.forEach((one, place) => {
      const nextAt = now + firstDelay(intervalMs, place, fresh.length, env.random());
      watched.set(one.registry, {
        use: one,
        nextAt,
        checking: false,
        settled: null,
        rateLimit: null,
        declined: null,
      });
    });
  };

  const learnLimit = (one: Watched, told: ToldLimit | null): void => {
    if (told === null) return;
    const resetMs = told.resetAtMs === null ? null : told.resetAtMs - env.now();
    const lasts = budgetMs(needs.settings().intervalMs, resetMs, told.said.windowSeconds);
    one.rateLimit = { said: told.said, until: env.monotonic() + lasts };
  };

  const check = async (one: Watched): Promise<void> => {
    const { image, registry } = one.use;
    const startedAt = env.now();
    const result = await needs.check(image, abort.signal);
    one.checking = false;
    if (abort.signal.aborted) return;
    const { intervalMs } = needs.settings();
    if (!result.ok) {
      one.declined = result.error.message;
      // Nobody was asked, so what is known stays; it is another's turn first.
      one.nextAt =
        env.monotonic() + Math.max(result.error.retryAfterMs ?? 0, nextDelay(intervalMs, 0, true, env.random()) / 2);
      return;
    }
    one.declined = null;
    keeper.learn(result.value, startedAt);
    const found = registryHealthOf(result.value, registry);
    one.settled = settle(one.settled, found, startedAt);
    learnLimit(one, found.rateLimit);
    const patient = registry === 'docker.io' || found.cause === 'rate-limited';
    one.nextAt = env.monotonic() + nextDelay(intervalMs, one.settled.failures, patient, env.random());
  };

  return {
    tick() {
      if (abort.signal.aborted) return;
      const now = env.monotonic();
      const jump = clockJumps();
      // What was told by the clock as it was goes on for as long as it has lasted.
      if (jump !== 0) for (const one of watched.values()) one.settled = movedBy(jump, one.settled);
      const { intervalMs, registries } = needs.settings();
      if (intervalMs !== interval) {
        // Another interval counts from now on, and not after one of the old length.
        const all = [...watched.values()];
        shuffle(all, env.random);
        all.forEach((one, place) => {
          one.nextAt = now + firstDelay(intervalMs, place, all.length, env.random());
        });
        interval = intervalMs;
      }
      if (!reading && now - configuredAt >= configuredMs) {
        configuredAt = now;
        reading = true;
        background(readConfigured());
      }
      if (now - lookedAt >= lookMs) look(now, intervalMs, registries);
      if (intervalMs <= 0) return;
      if (needs.runtime !== undefined && !asking && now - runtimeAt >= Math.max(runtimeMs, intervalMs)) {
        runtimeAt = now;
        asking = true;
        background(askRuntime(needs.runtime));
      }
      let checking = 0;
      const due: Watched[] = [];
      for (const one of watched.values()) {
        if (one.checking) checking++;
        else if (one.nextAt <= now) due.push(one);
      }
      due.sort((a, b) => a.nextAt - b.nextAt);
      for (const one of due.slice(0, Math.max(0, checksAtOnce - checking))) {
        one.checking = true;
        background(check(one));
      }
    },
    registries: () => {
      const { intervalMs } = needs.settings();
      const [now, wall] = [env.monotonic(), env.now()];
      return [...watched.values()]
        .map((one) => {
          const { said, until } = one.rateLimit ?? { said: null, until: now };
          return rowOf(one, until > now ? said : null, intervalMs, wall, wall + Math.max(0, one.nextAt - now));
        })
        .sort((a, b) => (a.registry < b.registry ? -1 : 1));
    },
    local: () => ({
      ...keeper.state(),
      findings: new Map([...watched].map(([registry, { settled }]) => [registry, settled?.health.findings ?? []])),
      leftOut: use.leftOut,
      intervalMs: needs.settings().intervalMs,
    }),
    learn(document) {
      const told = Date.parse(document.startedAt);
      const at = Number.isNaN(told) ? env.now() : told;
      const name = document.image.registry === null ? null : registryName(document.image.registry);
      const one = name === null ? undefined : watched.get(name);
      if (one === undefined) {
        keeper.learnNode(document, at);
        return;
      }
      keeper.learn(document, at);
      learnLimit(one, rateLimitOf(document));
    },
    async stop() {
      abort.abort();
      await Promise.all(running);
    },
  };
}

/** What the list was made of; the set of images is another one when it was listed anew. */
interface Seen {
  readonly images: ReadonlySet<string> | null;
  readonly configured: readonly string[];
  readonly settings: string;
  readonly failing: string;
}

function sameSeen(one: Seen, other: Seen): boolean {
  return (
    one.images === other.images &&
    one.configured === other.configured &&
    one.settings === other.settings &&
    one.failing === other.failing
  );
}

/** In place, so that not every node of a fleet begins with the same registry (Fisher and Yates). */
function shuffle<T>(list: T[], random: () => number): void {
  for (let last = list.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const [a, b] = [list[last], list[other]];
    if (a === undefined || b === undefined) continue;
    list[last] = b;
    list[other] = a;
  }
}

const dayMs = 86_400_000;

function rowOf(
  { use, settled, declined }: Watched,
  rateLimit: RegistryRow['rateLimit'],
  intervalMs: number,
  now: number,
  nextAt: number,
): RegistryRow {
  const off = intervalMs <= 0;
  const base = {
    registry: use.registry,
    usedBy: [...use.usedBy],
    images: use.images,
    nextCheckAt: off ? null : timeOf(nextAt),
    rateLimit,
  };
  if (settled === null) {
    const why = off
      ? 'Registries are not checked (health.interval is 0s).'
      : `${use.registry} was not checked yet${declined === null ? '' : `: ${declined}`}${declined?.endsWith('.') === true ? '' : '.'}`;
    return {
      ...base,
      verdict: 'inconclusive',
      cause: null,
      summary: why,
      checkedAt: null,
      since: null,
      hops: [],
      latencyMs: { dns: null, tcp: null, tls: null, registry: null },
      certificate: null,
      mirrors: [],
      findings: [],
    };
  }
  const { health, checkedAt, since } = settled;
  const { certificate } = health;
  return {
    ...base,
    verdict: health.verdict,
    cause: health.cause,
    summary: health.summary,
    checkedAt: timeOf(checkedAt),
    since: timeOf(since),
    hops: health.hops,
    latencyMs: health.latencyMs,
    certificate:
      certificate === null
        ? null
        : { ...certificate, daysLeft: Math.round(((Date.parse(certificate.notAfter) - now) / dayMs) * 10) / 10 },
    mirrors: health.mirrors,
    findings: health.findings.map(({ cause, confidence, summary, host }) => ({ cause, confidence, summary, host })),
  };
}

function movedBy(ms: number, settled: Settled | null): Settled | null {
  return settled === null ? null : { ...settled, checkedAt: settled.checkedAt + ms, since: settled.since + ms };
}
