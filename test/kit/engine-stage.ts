/**
 * The stage of a node, and engines of an agent on it:
 *
 *   const stage = await openEngineStage();
 *   const registry = await stage.registry();
 *   const document = await investigated(await stage.engine(), `registry.test:${registry.port}/team/app:1`);
 *   await stage.close();
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type NodeEngine, openNodeEngine } from '../../src/agent/node-engine.ts';
import type { Incident, Recheck } from '../../src/agent/parts.ts';
import { systemEnv } from '../../src/lib/env.ts';
import { openLog } from '../../src/lib/log.ts';
import type { Layer } from '../../src/model/cause-id.ts';
import type { Investigation } from '../../src/model/investigation.ts';
import { investigationOf } from './agent.ts';
import { openStage, type Stage, type ZoneEntry } from './diagnose-stage.ts';

/** Ends nothing. */
export const never = new AbortController().signal;

/** What an engine is to know. */
export interface EngineOptions {
  /** What the nameserver knows besides the stage's own names. */
  readonly zone?: Readonly<Record<string, ZoneEntry>>;
  /** `http.allowTargets`; default: the registry and its token service. */
  readonly allow?: () => readonly string[];
  readonly runtime?: string;
  /** The port of another nameserver on loopback. */
  readonly nameserver?: number;
}

/** A stage with containerd's folder of hosts. */
export interface EngineStage extends Stage {
  /** What all its engines have logged. */
  readonly logged: readonly string[];
  /** An engine of the stage's node. */
  readonly engine: (options?: EngineOptions) => Promise<NodeEngine>;
}

/** Opens an empty one. */
export async function openEngineStage(): Promise<EngineStage> {
  const stage = await openStage();
  const logged: string[] = [];
  await stage.file('etc/containerd/certs.d/.keep', '');
  const engine = async (options: EngineOptions = {}): Promise<NodeEngine> => {
    const { zone = {}, allow = () => ['registry.test', 'auth.test'], runtime = null } = options;
    const [, given = ''] = await stage.nameserver(zone);
    const port = options.nameserver ?? Number(given.split(':')[1]);
    return openNodeEngine({
      env: systemEnv,
      node: 'node-1',
      hostRoot: join(stage.folder, 'root'),
      runtimeEndpoint: runtime,
      variables: {},
      settings: () => ({ deadlineMs: 8000, pullDeadlineMs: 8000, allowTargets: allow() }),
      log: openLog({
        env: systemEnv,
        write: (line) => void logged.push(line),
        settings: () => ({ level: 'debug', format: 'json' }),
      }),
      nameservers: [{ address: '127.0.0.1', port }],
    });
  };
  return { ...stage, logged, engine };
}

/** An investigation that was made; `more` of its order. */
export async function investigated(made: NodeEngine, image: string, more = {}): Promise<Investigation> {
  const result = await made.investigate({ image, reason: 'noticed', platform: 'linux/amd64', ...more }, never);
  assert.ok(result.ok, result.ok ? '' : result.error.message);
  return result.value;
}

/** An incident that an investigation was made of. */
export function incidentOf(made: NodeEngine, document: Investigation): Incident {
  const conclusion = made.conclusionOf(document);
  return {
    id: 'x',
    image: document.image.input,
    key: document.image.input,
    registry: null,
    state: 'open',
    firstSeenAt: 0,
    lastSeenAt: 0,
    saidCause: null,
    pods: [],
    morePods: 0,
    conclusion,
    pulledAt: null,
    endedAt: null,
    endedBy: null,
    secondsGained: null,
  };
}

/** Another look at the hop that an investigation found failed. */
export function recheck(made: NodeEngine, document: Investigation): Promise<Recheck> {
  return made.recheck(incidentOf(made, document), document.layer ?? 'blob', never);
}

/** An investigation of registry.test:1/a/b:1 with just enough for another look. */
export function documentOf(layer: Layer): Investigation {
  const base: Pick<Investigation, 'id' | 'startedAt' | 'durationMs' | 'verdict' | 'layer' | 'summary'> = {
    id: 'i',
    startedAt: '2026-11-22T10:00:00.000Z',
    durationMs: 1,
    verdict: 'faulty',
    layer,
    summary: '',
  };
  return { ...investigationOf('registry.test:1/a/b:1', {}), ...base };
}

/** A file of credentials for registry.test at a port. */
export function authOf(port: number, user: string, password: string): string {
  const auth = Buffer.from(`${user}:${password}`).toString('base64');
  return JSON.stringify({ auths: { [`registry.test:${port}`]: { auth } } });
}
