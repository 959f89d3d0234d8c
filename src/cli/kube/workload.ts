import { arrayMember, isRecord, type JsonRecord, recordMember, stringMember } from '../../lib/json.ts';

/** A kind of object that makes pods and finds them again by a selector. */
export interface WorkloadKind {
  /** `Deployment`, as kubectl writes it: `deployment`. */
  readonly word: string;
  /** `apps/v1`'s and `batch/v1`'s place of it, behind the namespace. */
  readonly group: '/apis/apps/v1' | '/apis/batch/v1';
  readonly plural: string;
}

const kinds: readonly (WorkloadKind & { readonly short: readonly string[] })[] = [
  { word: 'deployment', group: '/apis/apps/v1', plural: 'deployments', short: ['deploy'] },
  { word: 'statefulset', group: '/apis/apps/v1', plural: 'statefulsets', short: ['sts'] },
  { word: 'daemonset', group: '/apis/apps/v1', plural: 'daemonsets', short: ['ds'] },
  { word: 'replicaset', group: '/apis/apps/v1', plural: 'replicasets', short: ['rs'] },
  { word: 'job', group: '/apis/batch/v1', plural: 'jobs', short: [] },
];

/** The words that stand before the slash of `deploy/web`, for completion and help. */
export const workloadWords: readonly string[] = kinds.map(({ word, short }) => short[0] ?? word);

/** What the word before the slash means, as kubectl takes it: `deploy`, `deployments`, `deployment.apps`; null: nothing. */
export function workloadKind(text: string): WorkloadKind | null {
  const word = text.toLowerCase().replace(/\.(?:v1\.)?(?:apps|batch)$/, '');
  return kinds.find((kind) => [kind.word, kind.plural, ...kind.short].includes(word)) ?? null;
}

/** The selector of a workload as a query of the API (apimachinery, pkg/apis/meta/v1, LabelSelector); null: none. */
export function selectorOf(workload: JsonRecord): string | null {
  const selector = recordMember(recordMember(workload, 'spec') ?? {}, 'selector');
  if (selector === null) return null;
  const terms = Object.entries(recordMember(selector, 'matchLabels') ?? {}).map(([key, value]) => `${key}=${value}`);
  for (const one of (arrayMember(selector, 'matchExpressions') ?? []).filter(isRecord)) {
    const key = stringMember(one, 'key') ?? '';
    const values = (arrayMember(one, 'values') ?? []).join(',');
    const term = new Map([
      ['In', `${key} in (${values})`],
      ['NotIn', `${key} notin (${values})`],
      ['Exists', key],
      ['DoesNotExist', `!${key}`],
    ]).get(stringMember(one, 'operator') ?? '');
    if (term === undefined || key === '') return null;
    terms.push(term);
  }
  return terms.length === 0 ? null : terms.join(',');
}
