import type { ImageReference } from './reference.ts';

/** imagePullPolicy of a container. */
export type PullPolicy = 'Always' | 'IfNotPresent' | 'Never';

/**
 * What a pod gets that sets no imagePullPolicy: Always for the tag `latest`, given or by default and beside a digest too;
 * IfNotPresent for everything else, a name that does not parse among it (Kubernetes, pkg/apis/core/v1/defaults.go,
 * SetDefaults_Container; pkg/util/parsers/parsers.go).
 */
export function defaultPullPolicy(reference: Pick<ImageReference, 'tag'> | null): PullPolicy {
  return reference?.tag === 'latest' ? 'Always' : 'IfNotPresent';
}
