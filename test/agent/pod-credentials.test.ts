import assert from 'node:assert/strict';
import { openBook } from '../../src/agent/book.ts';
import { openDiagnoser } from '../../src/agent/diagnoser.ts';
import { conclusionOf } from '../../src/agent/engine/conclusion.ts';
import type { Conclusion, Incident, InvestigationOrder, PodName, Puller, Recheck } from '../../src/agent/parts.ts';
import { type KnownPod, podRows } from '../../src/agent/pod-rows.ts';
import { openRecovery } from '../../src/agent/recovery.ts';
import { recheckRule } from '../../src/agent/retry-rules.ts';
import { fail, ok } from '../../src/lib/result.ts';
import type { CredentialTry } from '../../src/model/credential-try.ts';
import type { Investigation } from '../../src/model/investigation.ts';
import type { PodInfo } from '../../src/model/pod-info.ts';
import { investigationOf } from '../kit/agent.ts';

const start = Date.parse('2026-11-22T10:00:00Z');
const image = 'registry.lab/app:1';
const web: PodName = { namespace: 'shop', name: 'web-0' };

function environment() {
  const env = { at: start, now: () => env.at, monotonic: () => env.at, random: () => 0.5 };
  return env;
}

function bookWith(env: ReturnType<typeof environment>) {
  const book = openBook(env);
  const wait = ({ namespace, name }: PodName, key = image): Incident => {
    book.notice({
      at: new Date(env.at).toISOString(),
      cursor: null,
      unit: 'kubelet.service',
      source: 'kubelet',
      event: 'pull-failed',
      image: key,
      pod: name,
      namespace,
      container: 'app',
      cause: 'credentials-missing',
      confidence: 'likely',
      underlying: null,
      message: 'ErrImagePull: 401',
    });
    const incident = book.open().at(-1);
    assert.ok(incident);
    return incident;
  };
  return { book, wait };
}

const concluded = (more: Partial<Conclusion>): Conclusion => ({
  investigation: 'i1',
  at: start,
  verdict: 'faulty',
  cause: 'credentials-rejected',
  confidence: 'proven',
  underlying: null,
  layer: 'auth',
  host: 'registry.lab',
  summary: 'refused',
  remedies: [],
  notBefore: null,
  pod: web,
  ...more,
});

describe('agent: recovery with the credentials of pods', () => {
  function stage({ withPodCredentials = false, podSecrets = true } = {}) {
    const env = environment();
    const { book, wait } = bookWith(env);
    const pulls: Parameters<Puller['pull']>[0][] = [];
    const looks: number[] = [];
    const investigated: string[] = [];
    const world: { recheck: Recheck } = { recheck: { state: 'same', cause: 'credentials-rejected', notBefore: null } };
    const recovery = openRecovery({
      env,
      book,
      puller: {
        pull(order) {
          pulls.push(order);
          return fail({ reason: 'busy', message: '', retryAfterMs: 3_600_000 });
        },
        get: () => null,
        recent: () => [],
        onEnd: () => undefined,
        stop: () => Promise.resolve(),
      },
      recheck: () => {
        looks.push(env.at - start);
        return Promise.resolve(world.recheck);
      },
      credentialsMark: () => Promise.resolve('a'),
      investigate: (incident) => void investigated.push(incident.image),
      podSecrets,
      settings: () => ({ mode: 'on-recovery', concurrency: 2, withPodCredentials }),
    });
    const run = async (seconds: number): Promise<void> => {
      for (let n = 0; n < seconds * 4; n++) {
        env.at += 250;
        recovery.tick();
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const conclude = (more: Partial<Conclusion>): Incident => {
      const { key } = wait(web);
      book.conclude(key, concluded({ at: env.at, ...more }));
      const incident = book.get(key);
      assert.ok(incident);
      return incident;
    };
    return { recovery, conclude, run, pulls, looks, investigated, world };
  }

  const healthy = { verdict: 'healthy', cause: null, confidence: null, layer: null, needsPod: true } as const;

  it('leaves to the kubelet what only the pod’s secret brings, and says so', async () => {
    const { recovery, conclude, run, pulls } = stage();
    const incident = conclude(healthy);
    await run(60);
    assert.deepEqual(pulls, []);
    const { state, note } = recovery.retryOf(incident);
    assert.equal(state, 'not-possible');
    assert.match(note, /retry\.withPodCredentials/);
  });

  it('pulls with the pod’s secret where that is configured', async () => {
    const { conclude, run, pulls } = stage({ withPodCredentials: true });
    conclude(healthy);
    await run(1);
    assert.deepEqual(pulls, [{ image, reason: 'recovery', pod: web }]);
  });

  it('pulls as before where the image needs no secret', async () => {
    const { conclude, run, pulls } = stage();
    const { needsPod: _, ...open } = healthy;
    conclude(open);
    await run(1);
    assert.deepEqual(pulls, [{ image, reason: 'recovery' }]);
  });

  it('looks at the pod’s secrets no more than once in half a minute, and tells anew when they are right', async () => {
    const { conclude, run, looks, investigated, pulls, world } = stage();
    conclude({ cause: 'pull-secret-missing' });
    await run(300);
    assert.ok(looks.length >= 5 && looks.length <= 14, `${looks.length} looks in five minutes`);
    world.recheck = { state: 'clear', cause: null, notBefore: null, needsPod: true };
    await run(60);
    assert.ok(investigated.length >= 1);
    assert.deepEqual(pulls, []);
  });

  it('does not look at secrets that it may not read', () => {
    assert.equal(recheckRule('pull-secret-missing', 'auth').how, 'never');
    assert.equal(recheckRule('pull-secret-missing', 'auth', true).how, 'probe');
  });
});

describe('agent: what an investigation says of a pod’s credentials', () => {
  const pod: PodInfo = { ...web, serviceAccount: 'default', secrets: [], reader: null };
  const tried = (more: Partial<CredentialTry>): CredentialTry => ({
    endpoint: 0,
    source: 'Secret shop/regcred',
    key: 'registry.lab',
    username: 'app',
    ofPod: true,
    outcome: 'accepted',
    status: 200,
    words: '',
    evidence: [],
    ...more,
  });
  const of = (more: Partial<Investigation>) => {
    const { pod: about, needsPod } = conclusionOf(investigationOf(image, more));
    return [about?.name ?? null, needsPod ?? false];
  };

  it('needs them where they are what brings the image', () => {
    assert.deepEqual(of({ pod, credentialTries: [tried({})] }), ['web-0', true]);
    assert.deepEqual(of({ pod, credentialTries: [tried({ outcome: 'not-needed' })] }), [null, false]);
    assert.deepEqual(of({ pod, credentialTries: [tried({ outcome: 'refused' }), tried({ ofPod: false })] }), [
      null,
      false,
    ]);
    assert.deepEqual(of({ credentialTries: [tried({ ofPod: false })] }), [null, false]);
  });

  it('is about the pod where they are refused, and not where the network fails', () => {
    assert.deepEqual(of({ pod, verdict: 'faulty', layer: 'auth' }), ['web-0', false]);
    assert.deepEqual(of({ pod, verdict: 'faulty', layer: 'tcp' }), [null, false]);
  });
});

describe('agent: the diagnoser and pods', () => {
  function stage(known: (pod: PodName) => boolean) {
    const env = environment();
    const { book, wait } = bookWith(env);
    const orders: InvestigationOrder[] = [];
    let done: ((document: Investigation, order: InvestigationOrder) => void) | undefined;
    const diagnoser = openDiagnoser({
      env,
      book,
      investigator: {
        investigate: (order) => {
          orders.push(order);
          return Promise.resolve(ok(investigationOf(order.image, {})));
        },
        busy: () => false,
        get: () => null,
        recent: () => [],
        onDone: (listener) => {
          done = listener;
        },
        stop: () => Promise.resolve(),
      },
      conclusionOf: (document) => concluded({ at: env.at, summary: document.summary, ...ofDocument(document) }),
      knowsPod: known,
    });
    const end = (order: InvestigationOrder, more: Partial<Investigation> = {}) =>
      done?.(investigationOf(image, { verdict: 'faulty', layer: 'auth', ...more }), order);
    return { env, book, wait, orders, diagnoser, end };
  }
  const ofDocument = ({ pod }: Investigation): Pick<Conclusion, never> | { readonly pod: PodName } =>
    pod === undefined ? {} : { pod: { namespace: pod.namespace, name: pod.name } };
  const podInfo = (name: string): PodInfo => ({
    namespace: 'shop',
    name,
    serviceAccount: 'default',
    secrets: [],
    reader: null,
  });

  it('has an image investigated for the pod that waits', () => {
    const { wait, orders } = stage(() => true);
    wait(web);
    assert.deepEqual(
      orders.map(({ pod }) => pod),
      [web],
    );
  });

  it('believes nobody’s or another’s credentials nothing about the pod’s own', () => {
    const { book, wait, end } = stage(() => true);
    const { key } = wait(web);
    end({ image, reason: 'asked' }, { summary: 'nobody' });
    assert.equal(book.get(key)?.conclusion, null);
    end(
      { image, reason: 'asked', pod: { namespace: 'shop', name: 'other' } },
      { pod: podInfo('other'), summary: 'other' },
    );
    assert.equal(book.get(key)?.conclusion, null);
    end({ image, reason: 'asked', pod: web }, { pod: podInfo('web-0'), summary: 'own' });
    assert.equal(book.get(key)?.conclusion?.summary, 'own');
  });
});

describe('agent: rows of pods with other credentials', () => {
  const known = (name: string, secrets: readonly string[], namespace = 'shop'): KnownPod => ({
    namespace,
    uid: `uid-${name}`,
    owner: { kind: 'Deployment', name: 'web' },
    pullSecrets: secrets,
  });
  const pods: Readonly<Record<string, KnownPod>> = {
    'shop/web-0': known('web-0', ['regcred']),
    'shop/web-1': known('web-1', ['regcred']),
    'shop/job-0': known('job-0', ['other']),
    'team/web-0': known('web-0', ['regcred'], 'team'),
  };

  it('do not have the cause that was found with one pod’s secrets', () => {
    const env = environment();
    const { book, wait } = bookWith(env);
    for (const at of Object.keys(pods)) {
      const [namespace = '', name = ''] = at.split('/');
      wait({ namespace, name });
    }
    const [incident] = book.open();
    assert.ok(incident);
    book.conclude(incident.key, concluded({}));
    const [now] = book.open();
    assert.ok(now);
    const rows = podRows(now, {
      node: 'node-1',
      now: env.at,
      retryOf: () => ({ state: 'waiting', note: '', nextCheckAt: null }),
      busy: () => false,
      podOf: (namespace, name) => pods[`${namespace}/${name}`] ?? null,
    });
    assert.deepEqual(
      rows.map(({ namespace, pod, cause, investigation, uid }) => [`${namespace}/${pod}`, cause, investigation, uid]),
      [
        ['shop/web-0', 'credentials-rejected', 'i1', 'uid-web-0'],
        ['shop/web-1', 'credentials-rejected', 'i1', 'uid-web-1'],
        ['shop/job-0', 'credentials-missing', null, 'uid-job-0'],
        ['team/web-0', 'credentials-missing', null, 'uid-web-0'],
      ],
    );
  });
});
