import assert from 'node:assert/strict';
import { conclude } from '../../src/engine/conclude.ts';
import { holds, misses } from '../kit/cause-cases.ts';
import { challenge, Scene, type SceneOptions, startedAtMs } from '../kit/view.ts';

const hour = 3_600_000;

/** A scene whose user's credentials end after `leftMs`, of a lifetime of `lifetimeMs` (null: not said). */
function timed(leftMs: number, lifetimeMs: number | null = 30 * 24 * hour, more: SceneOptions = {}): Scene {
  const expires = startedAtMs + leftMs;
  const issuedAt = lifetimeMs === null ? null : new Date(expires - lifetimeMs).toISOString();
  const lifetime = { expiresAt: new Date(expires).toISOString(), issuedAt, by: 'the claim exp of the token' };
  return new Scene({ users: ['app'], lifetimes: [lifetime], ...more });
}

/** Basic authentication is demanded; the credentials get this answer. */
function basic(scene: Scene, status: number, more: { clockOffsetMs?: number; words?: string } = {}): string[] {
  scene.reach();
  const { clockOffsetMs = null, words } = more;
  const ping = scene.ping({ status: 401, challenges: [challenge('basic')], clockOffsetMs });
  scene.manifest({ as: 0, status: 401, challenges: [challenge('basic')], authorization: 'none' });
  const errors = words === undefined ? [] : [{ code: 'DENIED', message: words }];
  const manifest = scene.manifest({ as: 0, status, authorization: 'basic', errors });
  if (status === 200) {
    scene.blob('config');
    scene.blob('layer');
  }
  return status === 200 ? [manifest] : [ping, manifest];
}

describe('causes: credentials-expired', () => {
  holds('credentials-expired', 'refused, and past the time in its own claim', () => {
    const scene = timed(-hour);
    return { scene, evidence: basic(scene, 401), says: /user "app".*expired, on 2026-11-22 07:00 UTC.*claim exp/ };
  });
  holds('credentials-expired', 'refused with 403 where no token service stands between', () => {
    const scene = timed(-hour);
    return { scene, evidence: basic(scene, 403) };
  });
  holds('credentials-expired', 'refused by the token service', () => {
    const scene = timed(-hour);
    scene.reach();
    const ping = scene.ping({ status: 401, challenges: [challenge('bearer')] });
    scene.reach({ host: 'auth.test', hop: 'realm', address: '192.0.2.11' });
    const token = scene.token({ as: 0, status: 401 });
    return { scene, evidence: [ping, token] };
  });
  holds('credentials-expired', 'by the registry’s clock, though not by the node’s', () => {
    const scene = timed(hour);
    return { scene, evidence: basic(scene, 401, { clockOffsetMs: -2 * hour }) };
  });
  holds('credentials-expired', 'the registry says so, and the credentials say nothing', () => {
    const scene = new Scene({ users: ['AWS'] });
    const words = 'Your authorization token has expired. Reauthenticate and try again.';
    return { scene, evidence: basic(scene, 403, { words }) };
  });
  misses(
    'credentials-expired',
    'refused, and not past its time',
    () => {
      const scene = timed(hour);
      basic(scene, 401);
      return scene;
    },
    'credentials-rejected',
  );
  misses(
    'credentials-expired',
    'past its time by the node’s clock, which is wrong',
    () => {
      const scene = timed(-hour);
      basic(scene, 401, { clockOffsetMs: 2 * hour });
      return scene;
    },
    'credentials-rejected',
  );
  misses(
    'credentials-expired',
    'past its time, and the token service takes it: the right to the image is what lacks',
    () => {
      const scene = timed(-hour);
      scene.reach();
      scene.ping({ status: 401, challenges: [challenge('bearer')] });
      scene.reach({ host: 'auth.test', hop: 'realm', address: '192.0.2.11' });
      scene.token({ as: 0 });
      scene.manifest({ as: 0, status: 403, authorization: 'bearer' });
      return scene;
    },
    'access-denied',
  );

  const soon = { severity: 'degraded' as const };
  holds('credentials-expired', 'accepted, a month’s token with a few hours left', () => {
    const scene = timed(5 * hour);
    return { scene, evidence: basic(scene, 200), ...soon, says: /accepted now and expire on 2026-11-22 13:00 UTC/ };
  });
  holds('credentials-expired', 'accepted, ECR’s twelve hours with half an hour left', () => {
    const scene = timed(hour / 2, 12 * hour);
    return { scene, evidence: basic(scene, 200), ...soon };
  });
  holds('credentials-expired', 'accepted, over for a minute', () => {
    const scene = timed(-60_000);
    return { scene, evidence: basic(scene, 200), ...soon, says: /accepted now and expired on/ };
  });
  const quiet: readonly (readonly [string, () => Scene])[] = [
    ['a month’s token with three days left', () => timed(72 * hour)],
    ['ECR’s twelve hours with two hours left, as a job that renews them leaves it', () => timed(2 * hour, 12 * hour)],
    ['a token that does not say when it began, with five hours left', () => timed(5 * hour, null)],
    ['a registry that goes on taking it hours after its end', () => timed(-5 * hour)],
  ];
  for (const [name, build] of quiet) {
    misses(
      'credentials-expired',
      `accepted, ${name}`,
      () => {
        const scene = build();
        basic(scene, 200);
        return scene;
      },
      null,
    );
  }
  misses(
    'credentials-expired',
    'a public image: the credentials were never sent',
    () => {
      const scene = timed(60_000);
      scene.serve();
      return scene;
    },
    null,
  );
});

/** Basic authentication is demanded and nobody asks. */
function nobody(scene: Scene): string[] {
  scene.reach();
  const ping = scene.ping({ status: 401, challenges: [challenge('basic')] });
  const manifest = scene.manifest({ status: 401, challenges: [challenge('basic')] });
  return [ping, manifest];
}

/** A token that opens nothing is all that nobody gets. */
function hidden(scene: Scene): string[] {
  scene.reach();
  const ping = scene.ping({ status: 401, challenges: [challenge('bearer')] });
  scene.reach({ host: 'auth.test', hop: 'realm', address: '192.0.2.11' });
  const token = scene.token();
  const manifest = scene.manifest({ status: 401, authorization: 'bearer', challenges: [challenge('bearer')] });
  return [ping, token, manifest];
}

const key = { key: 'https://registry.test/v1', why: 'names the path /v1, which ends in no slash; write registry.test' };
const file = (meant: boolean) => [{ source: '--auth-file', hosts: [key.key], near: [{ ...key, meant }] }];

describe('causes: pull-secret-invalid', () => {
  holds(
    'pull-secret-invalid',
    'the key that is meant for this registry is not one by which the kubelet finds it',
    () => {
      const scene = new Scene({ credentialHosts: file(true) });
      return { scene, evidence: nobody(scene), says: /no usable entry for registry\.test: the key https:\/\/registry/ };
    },
  );
  holds('pull-secret-invalid', 'the same, where the registry hides whether the image is there', () => {
    const scene = new Scene({ credentialHosts: file(true) });
    return { scene, evidence: hidden(scene), confidence: 'likely' };
  });
  holds('pull-secret-invalid', 'the entry that fits has neither user name nor password', () => {
    const scene = new Scene({ users: [''], emptyEntry: true });
    scene.reach();
    const ping = scene.ping({ status: 401, challenges: [challenge('basic')] });
    const manifest = scene.manifest({ as: 0, status: 401, authorization: 'basic' });
    return { scene, evidence: [ping, manifest], says: /neither user name nor password/ };
  });
  misses(
    'pull-secret-invalid',
    'a key that may well be for another registry',
    () => {
      const scene = new Scene({ credentialHosts: file(false) });
      nobody(scene);
      return scene;
    },
    'credentials-missing',
  );
  misses(
    'pull-secret-invalid',
    'the image is public',
    () => {
      const scene = new Scene({ credentialHosts: file(true) });
      scene.serve();
      return scene;
    },
    null,
  );
  misses(
    'pull-secret-invalid',
    'there is no such tag',
    () => {
      const scene = new Scene({ credentialHosts: file(true) });
      scene.reach();
      scene.ping();
      scene.manifest({ status: 404, errors: [{ code: 'MANIFEST_UNKNOWN', message: 'unknown' }] });
      return scene;
    },
    'tag-not-found',
  );
});

/** The kubelet with one credential provider. */
function plugin(
  pattern: string | null,
  problem: string | null,
  refused: string | null = null,
): Pick<SceneOptions, 'kubelet'> {
  const provider = { name: 'ecr-credential-provider', source: 'etc/providers.yaml:4', matchImages: ['*.test'] };
  const providers = refused === null ? [{ ...provider, pattern, problem }] : [];
  return { kubelet: { credentialProviders: { source: 'etc/providers.yaml', problem: refused, providers } } };
}

describe('causes: credential-provider-failed', () => {
  const missing = 'the plugin /opt/bin/ecr-credential-provider does not exist, so the kubelet cannot run it.';

  holds(
    'credential-provider-failed',
    'the plugin for this image does not exist, and the registry wants credentials',
    () => {
      const scene = new Scene(plugin('*.test', missing));
      return { scene, evidence: nobody(scene), says: /ecr-credential-provider does not exist.*registry\.test demands/ };
    },
  );
  holds('credential-provider-failed', 'the same, where the registry hides whether the image is there', () => {
    const scene = new Scene(plugin('*.test', missing));
    return { scene, evidence: hidden(scene), confidence: 'likely' };
  });
  holds(
    'credential-provider-failed',
    'the whole configuration is refused: the plugin may be for another registry',
    () => {
      const scene = new Scene(plugin(null, null, 'etc/providers.yaml:2 is not valid YAML.'));
      return { scene, evidence: nobody(scene), confidence: 'likely' };
    },
  );
  misses(
    'credential-provider-failed',
    'the broken plugin is not asked for this image',
    () => {
      const scene = new Scene(plugin(null, missing));
      nobody(scene);
      return scene;
    },
    'credentials-missing',
  );
  misses(
    'credential-provider-failed',
    'nothing is wrong with the plugin: whether it has credentials is not known',
    () => {
      const scene = new Scene(plugin('*.test', null));
      nobody(scene);
      return scene;
    },
    'credentials-missing',
  );
  misses(
    'credential-provider-failed',
    'the pod has credentials of its own, and they are refused',
    () => {
      const scene = new Scene({ ...plugin('*.test', missing), users: ['app'] });
      basic(scene, 401);
      return scene;
    },
    'credentials-rejected',
  );
  misses(
    'credential-provider-failed',
    'the image needs none',
    () => {
      const scene = new Scene(plugin('*.test', missing));
      scene.serve();
      return scene;
    },
    null,
  );

  it('leaves open what a plugin that is not run would give', () => {
    for (const meet of [nobody, hidden]) {
      const scene = new Scene(plugin('*.test', null));
      meet(scene);
      const { verdict, findings, summary } = conclude(scene.view());
      assert.equal(verdict, 'inconclusive');
      assert.equal(findings[0]?.confidence, 'possible');
      assert.match(summary, /asks its plugin ecr-credential-provider .*not tried: Pullwhy does not run it/);
    }
  });
});

describe('causes: pull-secret-missing', () => {
  const at = '2026-11-22T07:50:00.000000Z';
  const said = (when = at) => ({
    at: when,
    unit: 'kubelet.service',
    kind: 'secret-missing' as const,
    pod: 'team/web-0',
    name: 'regcred',
    message: 'secret "regcred" not found',
  });
  const failed = { at, cause: 'credentials-missing' };

  holds(
    'pull-secret-missing',
    'a pod of this image names a secret that is not there, and the registry wants credentials',
    () => {
      const scene = new Scene();
      const journal = scene.journal([failed], { credentials: [said()] });
      return { scene, evidence: [...nobody(scene), journal], says: /does not exist \(regcred, by the kubelet's words/ };
    },
  );
  holds('pull-secret-missing', 'the same, where the registry hides whether the image is there', () => {
    const scene = new Scene();
    const journal = scene.journal([failed], { credentials: [said()] });
    const alternatives = ['credentials-missing', 'pull-secret-invalid'] as const;
    return { scene, evidence: [...hidden(scene), journal], confidence: 'likely', alternatives };
  });
  holds('pull-secret-missing', 'the journal does not say what the pull failed with', () => {
    const scene = new Scene();
    const journal = scene.journal([{ at, cause: 'unknown' }], { credentials: [said()] });
    return { scene, evidence: [...nobody(scene), journal], confidence: 'likely' };
  });
  misses(
    'pull-secret-missing',
    'the word is from before the last failure, and was not said again',
    () => {
      const scene = new Scene();
      scene.journal([{ ...failed, at: '2026-11-22T07:58:00.000000Z' }], { credentials: [said()] });
      nobody(scene);
      return scene;
    },
    'credentials-missing',
  );
  misses(
    'pull-secret-missing',
    'the image is public: the kubelet’s word is harmless',
    () => {
      const scene = new Scene();
      scene.journal([failed], { credentials: [said()] });
      scene.serve();
      return scene;
    },
    null,
  );
  misses(
    'pull-secret-missing',
    'the pod has credentials, and they are refused',
    () => {
      const scene = new Scene({ users: ['app'] });
      scene.journal([failed], { credentials: [said()] });
      basic(scene, 401);
      return scene;
    },
    'credentials-rejected',
  );
});
