import { checkAgainst, Type } from '../api/schema.ts';
import type { Env } from '../lib/env.ts';
import { limits } from '../lib/limits.ts';
import { safeLine } from '../lib/redact.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { KubeAccess } from '../wire/kube-access.ts';
import { type KubeClient, openKubeClient } from '../wire/kube-client.ts';
import type { Reviewer } from './reviews.ts';

/** What of a TokenReview's answer is read (authentication.k8s.io/v1). */
const TokenReview = Type.Object({
  status: Type.Object({
    authenticated: Type.Optional(Type.Boolean()),
    audiences: Type.Optional(Type.Array(Type.String())),
    user: Type.Optional(
      Type.Object({
        username: Type.Optional(Type.String()),
        uid: Type.Optional(Type.String()),
        groups: Type.Optional(Type.Array(Type.String())),
        extra: Type.Optional(Type.Record(Type.String(), Type.Array(Type.String()))),
      }),
    ),
  }),
});

/** What of a SubjectAccessReview's answer is read (authorization.k8s.io/v1). */
const AccessReview = Type.Object({
  status: Type.Object({ allowed: Type.Boolean(), reason: Type.Optional(Type.String()) }),
});

/** Longest wait for one answer. */
const timeoutMs = 5000;

/**
 * Where a service account's token says on which node its pod runs (KEP-4193, ServiceAccountTokenPodNodeInfo: by default
 * since Kubernetes 1.30).
 */
const nodeClaim = 'authentication.kubernetes.io/node-name';

/** What the reviewer needs. */
export interface ReviewerNeeds {
  readonly env: Env;
  /** Whom tokens must be made for; the API server itself, when it is empty. */
  readonly audiences?: readonly string[];
  readonly waitMs?: number;
}

/** Asks the API server who a token is, and whether they may do this: as kube-rbac-proxy and the kubelet do. */
export function kubernetesReviewer(
  access: KubeAccess,
  { env, audiences = [], waitMs = timeoutMs }: ReviewerNeeds,
): Reviewer {
  return {
    async review(token, path, verb) {
      // A connection of its own for both questions: nothing stays open for as long as nobody asks.
      const client = openKubeClient(access, env);
      try {
        const who = await ask(client, waitMs, '/apis/authentication.k8s.io/v1/tokenreviews', TokenReview, {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenReview',
          spec: audiences.length === 0 ? { token } : { token, audiences },
        });
        if (!who.ok) return who;
        const { authenticated, user, audiences: meant = [] } = who.value.status;
        const name = user?.username ?? '';
        // A server that does not know of audiences names none: the token may be for anybody then.
        const forUs = audiences.length === 0 || meant.some((one) => audiences.includes(one));
        if (authenticated !== true || name === '' || !forUs) return ok({ user: '', allowed: false, reason: '' });
        const may = await ask(client, waitMs, '/apis/authorization.k8s.io/v1/subjectaccessreviews', AccessReview, {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SubjectAccessReview',
          spec: {
            user: name,
            uid: user?.uid,
            groups: user?.groups,
            extra: user?.extra,
            nonResourceAttributes: { path, verb },
          },
        });
        if (!may.ok) return may;
        const { allowed, reason = '' } = may.value.status;
        const node = user?.extra?.[nodeClaim]?.[0];
        return ok({
          user: name,
          allowed,
          reason: reason === '' ? 'no rule allows it.' : `${safeLine(reason, 300)}.`,
          ...(node === undefined ? {} : { node }),
        });
      } finally {
        await client.close();
      }
    },
  };
}

async function ask<S extends typeof TokenReview | typeof AccessReview>(
  client: KubeClient,
  waitMs: number,
  path: string,
  schema: S,
  object: unknown,
) {
  const answer = await client.create(path, object, {
    timeoutMs: waitMs,
    secretBody: true,
    maxBytes: limits.apiBodyBytes,
  });
  if (!answer.ok) {
    const { kind, message } = answer.error;
    return fail(kind === 'forbidden' ? `${message}: the ClusterRole system:auth-delegator allows it` : message);
  }
  const checked = checkAgainst(schema, answer.value);
  return checked.ok ? checked : fail(`the API server answered ${path} with something else`);
}

/** The failure of a setting that needs a cluster. */
export function notInCluster(): Result<never, string> {
  return fail('http.auth.mode: kubernetes needs a pod in a cluster: KUBERNETES_SERVICE_HOST is not set here.');
}
