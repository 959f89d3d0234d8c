import type { View } from '../evidence/view.ts';
import { mapTexts } from '../lib/known-secrets.ts';
import { limits } from '../lib/limits.ts';
import { tenth } from '../lib/time.ts';
import type { ProbeResult, SkippedProbe } from '../model/investigation.ts';
import type { ProbeContext } from '../probes/context.ts';
import { probes as allProbes } from '../probes/index.ts';
import type { AnyProbe, ProbeInput, Task } from '../probes/probe.ts';

/** Told as the investigation goes on: for progress, and for whoever streams probes. */
export type RunEvent =
  | { readonly kind: 'started'; readonly id: string; readonly title: string; readonly target: string }
  | { readonly kind: 'ended'; readonly probe: ProbeResult };

/** What the engine adds for each probe. */
export type RunContext = Omit<ProbeContext, 'probeId' | 'patience'>;

/** What to run, and within which bounds. */
export interface RunOptions {
  readonly view: Omit<View, 'probes'>;
  readonly context: RunContext;
  /** For everything but a real pull, milliseconds. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
  /** Told of each task that is started, with its probe's id. */
  readonly onTask?: (id: string, task: Task) => void;
  /** The list of probes, in part where not all is to be looked at; all of them, when absent. */
  readonly probes?: readonly AnyProbe[];
  /** The longest that any probe waits for an answer, milliseconds; each probe's own patience, when absent. */
  readonly patienceMs?: number;
  /** Asked before each probe: why it must not be made, a sentence, or null. Absent: all may. */
  readonly refuse?: (input: ProbeInput) => string | null;
}

/** Silence of this length says something: a lost packet has been sent again. Less is no evidence of anything. */
const tellingMs = 1500;

/** Before the deadline, so that the probe ends by its own word. */
const marginMs = 100;

/** After its budget or the deadline a probe gets this long to end by itself. */
const graceMs = 300;

/** Who still waits for answers then waits for somebody slow: a few milliseconds more or less say nothing any more. */
const busyAfterMs = 400;

/** Any time: only that there is a timer counts. */
const keepAliveMs = 60_000;

interface Running {
  readonly id: string;
  readonly kind: Task['kind'];
  readonly done: Promise<ProbeResult>;
}

/**
 * Runs probes in parallel until nothing new can be asked: after each result every probe is asked again what there is to
 * look at. One deadline covers all; a real pull has its own.
 */
export async function runProbes(options: RunOptions): Promise<ProbeResult[]> {
  const { env } = options.context;
  const started = env.monotonic();
  const deadline = AbortSignal.any([options.signal, AbortSignal.timeout(Math.ceil(options.deadlineMs))]);
  const list = (options.probes ?? allProbes).filter(({ available }) => available?.(options.context) ?? true);
  const seen = new Set<string>();
  const running = new Map<string, Running>();
  const results = new Map<string, ProbeResult>();
  let count = 0;

  const patience = (ms: number): number => {
    const left = options.deadlineMs - (env.monotonic() - started) - marginMs;
    const most = Math.min(ms, options.patienceMs ?? ms);
    return left >= tellingMs ? Math.min(most, left) : most;
  };
  const context = { ...options.context, patience };
  const view = (): View => ({ ...options.view, probes: [...results.values()].sort(byId) });
  let waited = false;
  let renew = (): void => undefined;
  const startNew = (): void => {
    startOf(list.filter(({ busy }) => busy !== true));
    if (waited || running.size === 0) startOf(list.filter(({ busy }) => busy === true));
  };
  const startOf = (some: readonly AnyProbe[]): void => {
    const now = view();
    for (const probe of some) {
      // The pull goes on past the deadline; nothing else starts then, and nothing at all once the caller has ended it.
      if (options.signal.aborted || (deadline.aborted && probe.cost !== 'pull')) continue;
      for (const task of probe.tasks(now)) {
        if (seen.has(task.input.key) || count >= limits.investigationProbes) continue;
        seen.add(task.input.key);
        count++;
        const id = `p${count}`;
        options.onEvent?.({ kind: 'started', id, title: probe.title, target: task.input.target });
        options.onTask?.(id, task);
        const signal = probe.cost === 'pull' ? options.signal : deadline;
        const refusal = options.refuse?.(task.input) ?? null;
        const done =
          refusal === null
            ? runOne(id, task, probe, context, signal, started)
            : Promise.resolve(refused(id, task, refusal, env.monotonic() - started));
        running.set(id, { id, kind: task.kind, done });
      }
    }
  };

  // The signals' own timers do not keep a process alive, and neither may a probe that hangs on nothing.
  const alive = setInterval(() => undefined, keepAliveMs);
  const slow = setTimeout(() => {
    waited = true;
    startNew();
    renew();
  }, busyAfterMs);
  try {
    startNew();
    while (running.size > 0) {
      const begun = new Promise<null>((resolve) => {
        renew = () => resolve(null);
      });
      const result = await Promise.race([begun, ...[...running.values()].map(({ done }) => done)]);
      // Something more runs now.
      if (result === null) continue;
      running.delete(result.id);
      results.set(result.id, result);
      options.onEvent?.({ kind: 'ended', probe: result });
      startNew();
    }
  } finally {
    clearInterval(alive);
    clearTimeout(slow);
  }
  return view().probes.slice();
}

async function runOne(
  id: string,
  task: Task,
  probe: AnyProbe,
  context: Omit<ProbeContext, 'probeId'>,
  deadline: AbortSignal,
  started: number,
): Promise<ProbeResult> {
  const { target, hop, endpoint, counterfactual } = task.input;
  const begun = context.env.monotonic();
  const limited = Number.isFinite(probe.budgetMs);
  const signal = limited ? AbortSignal.any([deadline, AbortSignal.timeout(Math.ceil(probe.budgetMs))]) : deadline;
  const cut = overdue(signal);
  const measured = await Promise.race([task.run(id, context, signal), cut.passed]);
  // What is kept and shown holds no secret, whatever the other side repeats of a request.
  const outcome = mapTexts(measured, context.mask);
  cut.clear();
  const startedMs = tenth(begun - started);
  const base = {
    id,
    target,
    hop,
    endpoint,
    counterfactual,
    startedMs,
    durationMs: tenth(context.env.monotonic() - begun),
  };
  // What the end of the time cut off was not measured, which is another thing than a failure.
  if (outcome === null || (outcome.status === 'failed' && outcome.error?.code === 'aborted')) {
    return skipped(
      base,
      task.kind,
      deadline.aborted
        ? 'The time of the investigation ended before this could say (--deadline).'
        : `It did not say within the ${probe.budgetMs / 1000} s that it may take.`,
    );
  }
  if (outcome.status === 'skipped') return skipped(base, task.kind, outcome.message);
  return { ...base, ...outcome };
}

function refused(id: string, { kind, input }: Task, message: string, startedMs: number): SkippedProbe {
  const { target, hop, endpoint, counterfactual } = input;
  const base = { id, target, hop, endpoint, counterfactual, startedMs: tenth(startedMs), durationMs: 0 };
  return skipped(base, kind, message);
}

function skipped(
  base: Omit<SkippedProbe, 'kind' | 'status' | 'error' | 'facts'>,
  kind: Task['kind'],
  message: string,
): SkippedProbe {
  return { ...base, kind, status: 'skipped', error: { code: 'not-checked', message }, facts: {} };
}

/** Null, a moment after the signal: a probe that does not end by itself must not hold the others up. */
function overdue(signal: AbortSignal): { passed: Promise<null>; clear: () => void } {
  let timer: NodeJS.Timeout | undefined;
  let listen: (() => void) | undefined;
  const passed = new Promise<null>((resolve) => {
    listen = () => {
      timer = setTimeout(() => resolve(null), graceMs);
    };
    if (signal.aborted) listen();
    else signal.addEventListener('abort', listen, { once: true });
  });
  return {
    passed,
    clear: () => {
      clearTimeout(timer);
      if (listen !== undefined) signal.removeEventListener('abort', listen);
    },
  };
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return Number(a.id.slice(1)) - Number(b.id.slice(1));
}
