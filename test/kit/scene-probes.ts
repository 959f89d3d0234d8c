import { originOf, wayId } from '../../src/evidence/origin.ts';
import type { View } from '../../src/evidence/view.ts';
import type { FactsByKind, HttpFacts, ProbeKind } from '../../src/model/facts.ts';
import type { Hop, ProbeResult } from '../../src/model/investigation.ts';
import type { PlanBody } from '../../src/model/plan.ts';
import { type Failure, type Http, type Party, startedAtMs } from './scene-parts.ts';
import { planOf, type SceneOptions } from './scene-plan.ts';

/** The plan and the probes so far, and how a probe is added. */
export class Probes {
  readonly plan: PlanBody;
  readonly #runtime: View['runtime'];
  protected readonly startedAtMs: number;
  readonly #probes: ProbeResult[] = [];
  protected pullAsked = false;

  constructor(options: SceneOptions = {}) {
    const input = options.image ?? 'registry.test/team/app:1.0';
    this.plan = planOf(input, options);
    this.#runtime = options.runtime ?? { name: 'containerd', asked: false };
    this.startedAtMs = options.startedAtMs ?? startedAtMs;
  }

  /** What is known by now. */
  view(): View {
    return {
      plan: this.plan,
      runtime: this.#runtime,
      startedAtMs: this.startedAtMs,
      pullAsked: this.pullAsked,
      probes: [...this.#probes],
    };
  }

  /** A probe that was not made to its end. */
  skipped(kind: ProbeKind, party: Party = {}): string {
    const id = this.nextId();
    const { endpoint = 0, counterfactual = false } = party;
    this.#probes.push({
      id,
      kind,
      target: 'not checked',
      hop: party.hop ?? this.hopOf(endpoint),
      endpoint,
      counterfactual,
      startedMs: 0,
      durationMs: 0,
      status: 'skipped',
      error: {
        code: 'not-checked',
        message: 'The time of the investigation ended before this could say (--deadline).',
      },
      facts: {},
    });
    return id;
  }

  /** The way's name to a party. */
  way(party: Party = {}): string {
    return this.party(party).id;
  }

  protected party(of: Party): {
    scheme: 'http' | 'https';
    host: string;
    port: number;
    proxy: string | null;
    id: string;
  } {
    const info = this.plan.endpoints[of.endpoint ?? 0];
    const origin = info === undefined ? null : originOf(info.url);
    const own = of.host === undefined || of.host === origin?.host;
    const scheme = of.scheme ?? (own ? (origin?.scheme ?? 'https') : 'https');
    const host = of.host ?? origin?.host ?? 'registry.test';
    const port = of.port ?? (own ? (origin?.port ?? 443) : scheme === 'https' ? 443 : 80);
    const proxy = of.proxy !== undefined ? of.proxy : own ? (info?.proxy ?? null) : null;
    return { scheme, host, port, proxy, id: wayId(scheme, host, port, proxy) };
  }

  protected http<F extends HttpFacts>(
    facts: Http<F>,
    method: string,
    path: string,
  ): { facts: HttpFacts; error: Failure | null } {
    const { scheme, host, port, id } = this.party(facts);
    const error = facts.error ?? null;
    const status = facts.status !== undefined ? facts.status : error === null ? 200 : null;
    const words = (facts.errors ?? []).map(({ code, message }) => `${code ?? ''}: ${message}`).join(', ');
    const refused: Failure | null =
      status !== null && status >= 400 ? ['http-status', `${status}${words === '' ? '' : `: ${words}`}`] : null;
    return {
      error: error ?? refused,
      facts: {
        way: id,
        url: `${scheme}://${host}:${port}${path}`,
        method,
        address: '192.0.2.10',
        status,
        mediaType: facts.mediaType ?? null,
        bodyFormat: facts.bodyFormat ?? (refused === null ? null : (facts.errors ?? []).length > 0 ? 'oci' : 'empty'),
        title: facts.title ?? null,
        errors: facts.errors ?? [],
        server: facts.server ?? null,
        proxyError: facts.proxyError ?? null,
        rateLimit: facts.rateLimit ?? null,
        clockOffsetMs: facts.clockOffsetMs ?? null,
        phases: {},
        failedPhase: facts.failedPhase ?? null,
        next: facts.next ?? null,
      },
    };
  }

  protected identity(index = -1): { index: number; username: string | null } {
    return { index, username: this.plan.credentials?.matches[index]?.username ?? null };
  }

  protected hopOf(endpoint: number): Hop {
    return this.plan.endpoints[endpoint]?.role === 'mirror' ? 'mirror' : 'registry';
  }

  protected nextId(): string {
    return `p${this.#probes.length + 1}`;
  }

  protected add(party: Party, failure: Failure | null, made: Made): string {
    const id = this.nextId();
    const { kind } = made;
    const error =
      failure === null
        ? null
        : typeof failure === 'string'
          ? { code: failure, message: failure }
          : { code: failure[0], message: failure[1] };
    const localKinds = ['runtime', 'sandbox', 'snapshotter', 'image', 'records', 'disk', 'ingest', 'journal', 'pull'];
    const local = localKinds.includes(kind);
    const endpoint = local ? null : (party.endpoint ?? 0);
    this.#probes.push({
      ...made,
      id,
      target: id,
      hop: party.hop ?? this.hopOf(endpoint ?? 0),
      endpoint,
      counterfactual: party.counterfactual ?? false,
      startedMs: this.#probes.length,
      durationMs: party.durationMs ?? (error?.code === 'timeout' ? 5000 : 1),
      status: error === null ? ('ok' as const) : ('failed' as const),
      error,
    });
    return id;
  }
}

/** One kind of probe with its facts. */
type Made = { [K in ProbeKind]: { readonly kind: K; readonly facts: FactsByKind[K] } }[ProbeKind];
