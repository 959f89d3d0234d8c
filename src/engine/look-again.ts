import type { View } from '../evidence/view.ts';
import type { Way } from '../evidence/way.ts';
import type { Env } from '../lib/env.ts';
import { mapTexts } from '../lib/known-secrets.ts';
import { tenth } from '../lib/time.ts';
import type { TcpFacts } from '../model/facts.ts';
import type { Investigation, ProbeResult } from '../model/investigation.ts';
import type { PlanBody } from '../model/plan.ts';
import type { ProbeContext } from '../probes/context.ts';
import { probes as allProbes } from '../probes/index.ts';
import type { Task } from '../probes/probe.ts';
import { shakenHands } from '../probes/tls.ts';
import type { HttpExchange } from '../wire/http.ts';
import { requestOnce } from '../wire/http-once.ts';
import { openContext } from './context.ts';
import { documentOf } from './document.ts';
import type { Looked, LookOptions } from './look.ts';
import type { PullPlan } from './plan.ts';

/** A look in which nothing failed: what was asked in it. */
export interface GoodLook {
  readonly plan: PlanBody;
  readonly asked: readonly Asked[];
}

interface Asked {
  readonly id: string;
  readonly task: Task;
  /** What a connection showed of itself. */
  readonly tcp: TcpFacts | null;
}

/** What of a look is needed to have it again for less; null: something failed in it. */
export function goodLook({ view, tasks }: Looked): GoodLook | null {
  const asked: Asked[] = [];
  for (const probe of view.probes) {
    const task = tasks.get(probe.id);
    if (task === undefined || probe.status === 'failed') return null;
    asked.push({ id: probe.id, task, tcp: probe.kind === 'tcp' && probe.status === 'ok' ? probe.facts : null });
  }
  return { plan: view.plan, asked };
}

/**
 * The same look again, at a fraction of its cost: what is to be asked is known, and one connection to each address shows
 * that it can be reached, its certificate and its answer. Null: something is not as it was, however little; the whole look
 * then says what. For parties that are well, which most are most of the time; runtime and image are not looked at.
 */
export async function lookAgain(
  plan: PullPlan,
  before: GoodLook,
  { env, node, kinds, deadlineMs, signal }: Pick<LookOptions, 'env' | 'node' | 'kinds' | 'deadlineMs' | 'signal'>,
): Promise<Investigation | null> {
  if (before.plan !== plan.body || signal.aborted) return null;
  const begun = env.monotonic();
  const startedAtMs = env.now();
  const { context, routeOf, close } = openContext(plan, env, deadlineMs);
  const ending = new AbortController();
  const end = (): void => ending.abort();
  const timer = setTimeout(end, deadlineMs);
  signal.addEventListener('abort', end, { once: true });
  try {
    const once = onceAt(routeOf, env);
    const own: Omit<ProbeContext, 'probeId'> = {
      ...context,
      httpClient: once.client,
      patience: (ms) => Math.min(ms, deadlineMs),
    };
    const results = new Map<string, ProbeResult>();
    const put = (one: Asked, startedMs: number, durationMs: number, outcome: Outcome): boolean => {
      const { target, hop, endpoint, counterfactual } = one.task.input;
      const base = { id: one.id, target, hop, endpoint, counterfactual };
      const times = { startedMs: tenth(startedMs - begun), durationMs: tenth(durationMs) };
      if (outcome.status === 'skipped') {
        const error = { code: 'not-checked' as const, message: outcome.message };
        results.set(one.id, { ...base, ...times, kind: outcome.kind, status: 'skipped', error, facts: {} });
      } else if (outcome.status === 'ok') results.set(one.id, { ...base, ...times, ...outcome });
      return outcome.status !== 'failed';
    };
    const ask = async (one: Asked): Promise<boolean> => {
      const at = env.monotonic();
      const outcome = await one.task.run(one.id, own, ending.signal);
      return put(one, at, env.monotonic() - at, mapTexts(outcome, context.mask));
    };

    const shown = new Map<Asked, Asked>();
    for (const ping of before.asked) {
      if (ping.task.kind !== 'registry') continue;
      for (const one of before.asked) if (isShownBy(ping, one)) shown.set(one, ping);
    }
    const asked = await Promise.all(before.asked.map((one) => shown.has(one) || ask(one)));
    if (asked.includes(false) || ending.signal.aborted) return null;
    for (const [one, { id, task }] of shown) {
      const { way, address = '' } = task.input;
      const exchange = way === undefined ? undefined : once.seen(way, address);
      const ping = results.get(id);
      if (way === undefined || exchange === undefined || ping === undefined) return null;
      const at = begun + ping.startedMs;
      const { tcpMs, proxyMs, tlsMs } = exchange.phases;
      if (one.tcp !== null) {
        put(one, at, tcpMs ?? 0, { kind: 'tcp', status: 'ok', error: null, facts: one.tcp });
      } else if (exchange.peer !== null) {
        const { skipVerify } = context.tlsFor(way.endpoint);
        const outcome = shakenHands({ way, address }, exchange.peer, skipVerify);
        put(one, at, (tcpMs ?? 0) + (proxyMs ?? 0) + (tlsMs ?? 0), { kind: 'tls', ...outcome });
      }
    }
    const probes = before.asked.flatMap(({ id }) => results.get(id) ?? []);
    const view: View = {
      plan: plan.body,
      runtime: { name: plan.runtime.name, version: plan.runtime.version, asked: plan.runtimeAsked },
      startedAtMs,
      pullAsked: false,
      probes,
    };
    if (probes.length < before.asked.length || !isAll(view, kinds, before.asked)) return null;
    const startedAt = new Date(startedAtMs).toISOString();
    const durationMs = Math.round(env.monotonic() - begun);
    return documentOf(view, { id: 'look', node, startedAt, durationMs }, plan.runtime);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    await close();
  }
}

type Outcome = Awaited<ReturnType<Task['run']>>;

/** Whether a registry's answer shows this too: the connection that it came over, and the handshake. */
function isShownBy({ task: { input: ping } }: Asked, { task: { kind, input }, tcp }: Asked): boolean {
  const { way } = ping;
  if (way === undefined || input.address !== ping.address || input.endpoint !== ping.endpoint) return false;
  if (kind === 'tls') return input.way?.id === way.id;
  return kind === 'tcp' && way.proxy === null && tcp?.host === way.host && tcp.port === way.port;
}

/** Whether what was found leads to the same questions: an address that is new or gone leads to others. */
function isAll(view: View, kinds: LookOptions['kinds'], asked: readonly Asked[]): boolean {
  const keys = new Set(asked.map(({ task }) => task.input.key));
  const wanted = new Set<string>();
  for (const probe of allProbes) {
    if (kinds.has(probe.kind)) for (const { input } of probe.tasks(view)) wanted.add(input.key);
  }
  return keys.size === wanted.size && [...wanted].every((key) => keys.has(key));
}

/** Clients that ask once, and the answers by where they came from. */
function onceAt(
  routeOf: ReturnType<typeof openContext>['routeOf'],
  env: Env,
): {
  readonly client: ProbeContext['httpClient'];
  readonly seen: (way: Way, address: string) => HttpExchange | undefined;
} {
  const kept = new Map<string, HttpExchange>();
  const keyOf = (way: Way, address: string): string => `${way.endpoint} ${way.id} ${address}`;
  return {
    client: (way, address) => ({
      request: async (request) => {
        const answer = await requestOnce(routeOf(way, address), request, env);
        if (answer.ok) kept.set(keyOf(way, address), answer.value);
        return answer;
      },
      close: () => Promise.resolve(),
    }),
    seen: (way, address) => kept.get(keyOf(way, address)),
  };
}
