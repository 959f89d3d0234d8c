import type { PodRow } from '../../api/node.ts';
import { explainText } from '../../engine/explain.ts';
import type { KubeEvent } from '../../kube/event.ts';
import type { KubePod } from '../../kube/pod.ts';
import { isAbout, type PodPull, podPulls } from '../../kube/pod-pulls.ts';
import type { ExplainedText } from '../../model/explained-text.ts';
import type { WaitingImage } from './report.ts';

const noCause = { cause: null, confidence: null, underlying: null };

/** What a pod waits for by its status and events alone. Pure. */
export function waitingOf(pod: KubePod, events: readonly KubeEvent[], now: number): readonly WaitingImage[] {
  return podPulls(pod, events, now).map((pull) => {
    const { kind, name, image, policy, state, reason, message, tries } = pull;
    // Words that only tell of the wait do not tell that nothing is wrong any more: that is for an investigation to show.
    const told = pull.cause === 'back-off-only' ? noCause : pull;
    const { cause, confidence, underlying } = told;
    return {
      kind,
      container: name,
      image,
      policy,
      state,
      reason,
      message,
      cause,
      confidence,
      underlying,
      by: 'status',
      summary: null,
      attempts: tries.attempts,
      attemptsExact: tries.exact,
      nextTryAt: tries.nextTryAt,
      pullingSince: tries.pullingSince,
      missingSecrets: pull.missingSecrets,
      explained: explainedOf(pull, events),
    };
  });
}

/** The words from which the row has its cause: the status's, else those of the newest event that mean the same. */
function explainedOf(
  { pod, reason, message, cause, state }: PodPull,
  events: readonly KubeEvent[],
): ExplainedText | null {
  if (state === 'pulling') return null;
  const said = events.filter(({ podUid }) => isAbout(pod, podUid)).sort((a, b) => b.lastAt - a.lastAt);
  const texts = [message === '' ? reason : message, ...said.map((event) => event.message)];
  const meanings = texts.map(explainText);
  return meanings.find((meaning) => meaning.cause !== null && meaning.cause === cause) ?? null;
}

/** The pod's images with what its node's agent tells of them. Pure. */
export function withAgent(
  pod: KubePod,
  images: readonly WaitingImage[],
  rows: readonly PodRow[],
): readonly WaitingImage[] {
  const own = rows.filter((row) => row.namespace === pod.namespace && row.pod === pod.name);
  const both = images.map((image) => {
    const row = rowOf(image, own);
    if (row === null) return image;
    const attempts = Math.max(image.attempts, row.attempts);
    const nextTryAt = image.pullingSince === null ? (image.nextTryAt ?? timeOf(row.nextTryAt)) : null;
    const known = { ...image, attempts, nextTryAt };
    // An agent that has not found out yet says less than the pod's own words.
    return row.cause === null || row.cause === 'unknown' ? known : { ...known, ...toldBy(row) };
  });
  const further = own.filter((row) => !images.some((image) => image.image === row.image));
  return [
    ...both,
    ...further.map((row): WaitingImage => {
      const { container, image, reason, message, attempts } = row;
      return {
        kind: 'agent',
        container,
        image,
        policy: null,
        state: 'failing',
        reason,
        message,
        ...toldBy(row),
        attempts,
        attemptsExact: true,
        nextTryAt: timeOf(row.nextTryAt),
        pullingSince: null,
        missingSecrets: [],
        explained: null,
      };
    }),
  ];
}

/** The agent's row of an image: of the same container where there is one. */
export function rowOf(
  { image, container }: Pick<WaitingImage, 'image' | 'container'>,
  own: readonly PodRow[],
): PodRow | null {
  const same = own.filter((row) => row.image === image);
  return same.find((row) => row.container === container) ?? same[0] ?? null;
}

type Told = Pick<WaitingImage, 'cause' | 'confidence' | 'underlying' | 'summary' | 'by'>;

function toldBy({ cause, confidence, underlying, summary }: PodRow): Told {
  return { cause, confidence, underlying, summary, by: 'agent' };
}

function timeOf(text: string | null): number | null {
  const at = text === null ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) ? null : at;
}
