import assert from 'node:assert/strict';
import type { Match } from '../../src/causes/cause.ts';
import { causeOf } from '../../src/causes/index.ts';
import { conclude } from '../../src/engine/conclude.ts';
import type { CauseId } from '../../src/model/cause-id.ts';
import type { Finding } from '../../src/model/investigation.ts';
import type { Scene } from './view.ts';

/** A situation, and what the match of a cause must be in it. What is not named is not looked at. */
export interface Held {
  readonly scene: Scene;
  /** Ids of probes, in any order. */
  readonly evidence: readonly string[];
  /** Default `proven`. */
  readonly confidence?: Match['confidence'];
  /** Default `fault`. */
  readonly severity?: Match['severity'];
  /** Default 0. */
  readonly endpoint?: number | null;
  readonly host?: string | null;
  readonly underlying?: CauseId;
  readonly alternatives?: readonly CauseId[];
  /** The words that a person reads. */
  readonly says?: RegExp;
  /** What the conclusion names first, when it is not this cause: the cause that carries it. */
  readonly primary?: CauseId;
}

/** The cause matches, once, as said; and the conclusion names it (or what carries it) first. */
export function holds(id: CauseId, name: string, build: () => Held): void {
  it(`${id} holds: ${name}`, () => {
    const held = build();
    const matches = causeOf(id).match?.(held.scene.view()) ?? [];
    const [match] = matches;
    assert.ok(match !== undefined && matches.length === 1, `${matches.length} matches: ${JSON.stringify(matches)}`);
    assert.deepEqual([...match.evidence].sort(), [...held.evidence].sort());
    assert.equal(match.confidence, held.confidence ?? 'proven');
    assert.equal(match.severity, held.severity ?? 'fault');
    assert.equal(match.endpoint, held.endpoint === undefined ? 0 : held.endpoint);
    if (held.host !== undefined) assert.equal(match.host, held.host);
    if (held.underlying !== undefined) assert.equal(match.underlying, held.underlying);
    if (held.alternatives !== undefined) assert.deepEqual(match.alternatives, held.alternatives);
    if (held.says !== undefined) assert.match(match.summary ?? causeOf(id).say(match.args), held.says);
    assert.equal(primaryOf(held.scene)?.cause ?? null, held.primary ?? id);
  });
}

/** The near miss: the cause does not match, and the conclusion names something else first (null: nothing at all). */
export function misses(id: CauseId, name: string, scene: () => Scene, instead: CauseId | null): void {
  it(`${id} misses: ${name}`, () => {
    const built = scene();
    const matches = causeOf(id).match?.(built.view()) ?? [];
    assert.deepEqual(matches, []);
    assert.equal(primaryOf(built)?.cause ?? null, instead);
  });
}

/** The finding that a scene is concluded to first. */
export function primaryOf(scene: Scene): Finding | undefined {
  return conclude(scene.view()).findings[0];
}
