import { checkAgainst, Type } from '../../api/schema.ts';
import { safeLine } from '../../lib/redact.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import { type InCluster, postToKube } from '../../wire/kube-post.ts';
import type { Reviewer } from './reviews.ts';

/** What of a TokenReview's answer is read (authentication.k8s.io/v1). */
const TokenReview = Type.Object({
  status: Type.Object({
    authenticated: Type.Optional(Type.Boolean()),
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

/** Asks the API server who a token is, and whether they may do this: as kube-rbac-proxy and the kubelet do. */
export function kubernetesReviewer(at: InCluster, options: { readonly waitMs?: number } = {}): Reviewer {
  return {
    async review(token, path, verb) {
      const who = await ask({ at, options }, '/apis/authentication.k8s.io/v1/tokenreviews', TokenReview, {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        spec: { token },
      });
      if (!who.ok) return who;
      const { authenticated, user } = who.value.status;
      const name = user?.username ?? '';
      if (authenticated !== true || name === '') return ok({ user: '', allowed: false, reason: '' });
      const may = await ask({ at, options }, '/apis/authorization.k8s.io/v1/subjectaccessreviews', AccessReview, {
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
      return ok({ user: name, allowed, reason: reason === '' ? 'no rule allows it.' : `${safeLine(reason, 300)}.` });
    },
  };
}

async function ask<S extends typeof TokenReview | typeof AccessReview>(
  { at, options }: { readonly at: InCluster; readonly options: { readonly waitMs?: number } },
  path: string,
  schema: S,
  object: unknown,
) {
  const answer = await postToKube(at, path, object, options);
  if (!answer.ok) return answer;
  const checked = checkAgainst(schema, answer.value);
  return checked.ok ? checked : fail(`the API server answered ${path} with something else`);
}

/** The failure of a setting that needs a cluster. */
export function notInCluster(): Result<never, string> {
  return fail('http.auth.mode: kubernetes needs a pod in a cluster: KUBERNETES_SERVICE_HOST is not set here.');
}
