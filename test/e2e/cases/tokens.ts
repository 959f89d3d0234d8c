import assert from 'node:assert/strict';
import type { DiagnoseCase } from '../../kit/diagnose-case.ts';
import type { Ran, Stage } from '../../kit/diagnose-stage.ts';
import { errorBody, type FakeAnswer } from '../../kit/fake-registry.ts';
import { app } from './shared.ts';

const users = { app: 'right-pw-4711' };
const secrets = ['right-pw-4711'];
const json = { 'content-type': 'application/json' };

interface Answers {
  /** What the registry says to a token that was sent for the manifest, or for the list of tags. */
  readonly manifest: (realm: string) => FakeAnswer;
  readonly tags?: FakeAnswer;
  readonly loggedIn?: true;
  /** Nobody's token allows the pull, too. */
  readonly public?: true;
}

/** A registry whose token service gives tokens that say what they allow, and which answers them so. */
function answering({ manifest, tags, loggedIn, ...more }: Answers) {
  return async (stage: Stage) => {
    const registry = await stage.registry({
      token: { users, publicRepositories: more.public === true ? ['team/app'] : [] },
    });
    registry.override = (_, path, authorization) => {
      if (authorization?.startsWith('Bearer ') !== true) return null;
      if (path.includes('/manifests/')) return manifest(`${registry.origin}/token`);
      return path.includes('/tags/') ? (tags ?? null) : null;
    };
    const file =
      loggedIn === true ? await stage.authFile({ [`registry.test:${registry.port}`]: 'app:right-pw-4711' }) : [];
    return app(registry, file);
  };
}

/** 401 with a challenge that says why, as distribution does, or does not. */
const refused =
  (error: string | null, message = 'authentication required') =>
  (realm: string): FakeAnswer => ({
    status: 401,
    headers: {
      ...json,
      'www-authenticate': `Bearer realm="${realm}",service="fake",scope="repository:team/app:pull"${error === null ? '' : `,error="${error}"`}`,
    },
    body: errorBody('UNAUTHORIZED', message),
  });

const notFound = (code: string): FakeAnswer => ({ status: 404, headers: json, body: errorBody(code, 'not known') });

const looksAtTheRegistry = ({ document }: Ran): void => {
  const advice = (document.findings[0]?.remedies ?? []).map(({ text }) => text).join(' ');
  assert.match(advice, /rootcertbundle.*issuer/);
  assert.match(advice, /clocks/);
  assert.doesNotMatch(advice, /pull secret|Give user|letter by letter/);
};

/** Tokens that say what they allow, and what the registry makes of them. */
export const cases: readonly DiagnoseCase[] = [
  {
    name: 'logged in: the token allows the pull, and the registry calls it invalid',
    prepare: answering({ manifest: refused('invalid_token'), loggedIn: true }),
    verdict: 'faulty',
    cause: 'registry-error',
    confidence: 'likely',
    says: /does not take the tokens of its own token service .*the token allows the pull.*401/,
    never: ['access-denied', 'credentials-rejected'],
    check: looksAtTheRegistry,
    secrets,
  },
  {
    name: 'nobody: the token allows the pull, and the registry calls it invalid',
    prepare: answering({ manifest: refused('invalid_token'), public: true }),
    verdict: 'faulty',
    cause: 'registry-error',
    confidence: 'likely',
    never: ['repository-not-found-or-private', 'credentials-missing'],
    check: looksAtTheRegistry,
  },
  {
    name: 'logged in: the token allows the pull, and the registry refuses it without a word why',
    prepare: answering({ manifest: refused(null), loggedIn: true }),
    verdict: 'faulty',
    cause: 'access-denied',
    confidence: 'likely',
    secrets,
  },
  {
    name: 'logged in: the token allows the pull, and the registry wants more (insufficient_scope)',
    prepare: answering({ manifest: refused('insufficient_scope'), loggedIn: true }),
    verdict: 'faulty',
    cause: 'access-denied',
    confidence: 'proven',
    secrets,
  },
  {
    name: 'logged in: the token allows the pull, and the registry says that it is past its time',
    prepare: answering({ manifest: refused('invalid_token', 'the token has expired'), loggedIn: true }),
    verdict: 'faulty',
    cause: 'credentials-expired',
    secrets,
  },
  {
    name: 'logged in: the token allows the pull, and the registry forbids it (403)',
    prepare: answering({
      manifest: () => ({ status: 403, headers: json, body: errorBody('DENIED', 'requested access is denied') }),
      loggedIn: true,
    }),
    verdict: 'faulty',
    cause: 'access-denied',
    confidence: 'proven',
    secrets,
  },
  {
    name: 'nobody: the token allows nothing, and the registry says so (insufficient_scope)',
    prepare: answering({ manifest: refused('insufficient_scope') }),
    verdict: 'faulty',
    cause: 'repository-not-found-or-private',
    confidence: 'proven',
  },
  {
    name: 'nobody: the token allows nothing, and the registry calls the repository unknown',
    prepare: answering({ manifest: () => notFound('NAME_UNKNOWN') }),
    verdict: 'faulty',
    cause: 'repository-not-found-or-private',
    never: ['repository-not-found'],
  },
  {
    name: 'nobody: the token allows nothing, and the list of tags calls the repository unknown',
    prepare: answering({ manifest: () => notFound('MANIFEST_UNKNOWN'), tags: notFound('NAME_UNKNOWN') }),
    verdict: 'faulty',
    cause: 'repository-not-found-or-private',
    never: ['repository-not-found', 'tag-not-found'],
  },
  {
    name: 'nobody: the token allows the pull, and the registry calls the repository unknown',
    prepare: answering({ manifest: () => notFound('NAME_UNKNOWN'), public: true }),
    verdict: 'faulty',
    cause: 'repository-not-found',
    confidence: 'proven',
  },
  {
    name: 'logged in: the token allows the pull, and the registry calls the repository unknown',
    prepare: answering({ manifest: () => notFound('NAME_UNKNOWN'), loggedIn: true }),
    verdict: 'faulty',
    cause: 'repository-not-found',
    confidence: 'proven',
    secrets,
  },
];
