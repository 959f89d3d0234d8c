import type { FleetEvent, FleetIncident, FleetNodeRow } from '../api/fleet.ts';
import type { Frozen } from '../api/schema.ts';
import type { Env } from '../lib/env.ts';
import { ok, type Result } from '../lib/result.ts';
import { healthyQuestion } from './incidents/gather.ts';
import { fellSilent, nodeStates } from './look.ts';
import type { Evaluate, FleetLook, KnownNode, NodesMemory, Store, StoredIncident, StoreFailure } from './parts.ts';
import { fleetRules } from './rules.ts';

/** What a look is asked for with: all that is not in the store. It can be handed to a thread. */
export interface LookQuestion {
  readonly now: number;
  /** As in `FleetLook`. */
  readonly heardFrom: number;
  /** As in `FleetLook`; 0: it was not set. */
  readonly clockSetMs: number;
  readonly closeAfterMs?: number;
  /**
   * What became of the decision before: `written` to the store, `lost` (the next one decides from the same again), or there
   * is `none`, for who leads has just begun to.
   */
  readonly before: 'written' | 'lost' | 'none';
}

/** What a look found. */
export interface Looked {
  /** To be written. */
  readonly incidents: readonly StoredIncident[];
  readonly events: readonly Omit<FleetEvent, 'id'>[];
  /** All incidents that stand then. */
  readonly standing: readonly Frozen<FleetIncident>[];
  /** How much fails; more of it does than one look takes in, where it is `cut`. */
  readonly failing: number;
  readonly cut: boolean;
  readonly states: Readonly<Record<FleetNodeRow['state'], number>>;
}

/** Looks at the whole fleet: reads what there is to know of it, and decides. It writes nothing. */
export interface Looker {
  readonly look: (question: LookQuestion) => Promise<Result<Looked, StoreFailure>>;
}

/** What it needs. */
export interface LookerNeeds {
  readonly env: Env;
  readonly store: Pick<Store, 'failing' | 'healthy' | 'fleet' | 'standing'>;
  readonly evaluate: Evaluate;
}

/** Opens one; one look at a time. */
export function openLooker({ env, store, evaluate }: LookerNeeds): Looker {
  const { fleetEveryMs, mostFailing, reopenWithinMs } = fleetRules;
  let nodes: NodesMemory | null = null;
  let decided: NodesMemory | null = null;
  let fleet: { readonly known: readonly KnownNode[]; readonly at: number; readonly goodMs: number } | null = null;

  /** The nodes, read anew as often as it is cheap, and always where what is known is not enough. */
  const readFleet = async (
    now: number,
    failing: ReadonlySet<string>,
  ): Promise<Result<readonly KnownNode[], StoreFailure>> => {
    const begun = env.monotonic();
    if (fleet !== null && begun - fleet.at < fleet.goodMs) {
      const { known, at } = fleet;
      const names = new Set(known.map(({ node }) => node));
      const enough = [...failing].every((node) => names.has(node));
      if (enough && !fellSilent(known, now - (begun - at), now)) return ok(known);
    }
    const read = await store.fleet();
    if (!read.ok) return read;
    const goodMs = Math.min(fleetEveryMs, (env.monotonic() - begun) * 20);
    fleet = { known: read.value, at: begun, goodMs };
    return read;
  };

  return {
    async look({ now, heardFrom, clockSetMs, closeAfterMs, before }) {
      if (before === 'written') nodes = decided;
      if (before === 'none') [nodes, fleet] = [null, null];
      const found = await store.failing(mostFailing + 1);
      if (!found.ok) return found;
      const failing = found.value.slice(0, mostFailing);
      const stood = await store.standing(now - reopenWithinMs);
      if (!stood.ok) return stood;
      const standing = stood.value;
      const known = await readFleet(now, new Set(failing.map(({ node }) => node)));
      if (!known.ok) return known;
      const { subjects, since } = healthyQuestion(failing, standing, now);
      const healthy = subjects.length === 0 ? ok([]) : await store.healthy(subjects, since);
      if (!healthy.ok) return healthy;

      const whole: FleetLook = {
        ...{ now, failing, healthy: healthy.value, fleet: known.value, standing, heardFrom, nodes },
        ...(closeAfterMs === undefined ? {} : { closeAfterMs }),
        ...(clockSetMs === 0 ? {} : { clockSetMs }),
      };
      const { incidents, events, nodes: next } = evaluate(whole);
      decided = next;
      const all = new Map([...standing, ...incidents].map(({ document }) => [document.id, document]));
      return ok({
        incidents,
        events,
        standing: [...all.values()],
        failing: failing.length,
        cut: found.value.length > mostFailing,
        states: nodeStates(whole),
      });
    },
  };
}
