import { isRecord, numberMember, recordMember, stringMember } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import { safeLine } from '../lib/redact.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { timeOf } from './pod.ts';

/** One Event about a pod: often many happenings counted together. */
export interface KubeEvent {
  /** Of the pod that it is about; its namesake of yesterday has another. */
  readonly podUid: string;
  /** By the field path (`spec.containers{app}`); null: about the pod, or about an image volume. */
  readonly container: string | null;
  /** `Pulling`, `Failed`, `BackOff`, `FailedCreatePodSandBox`, … */
  readonly reason: string;
  /** One line, without secrets, and without the mark of an aggregate. */
  readonly message: string;
  /** It stands for several of one reason whose messages differ (client-go, tools/record/events_cache.go). */
  readonly combined: boolean;
  /** Happenings up to `lastAt`, those among them that were not written for their number. */
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

const combinedMark = '(combined from similar events): ';

/** Reads an Event of core/v1, in the older form (count, lastTimestamp) and the newer (eventTime, series). */
export function readEvent(value: unknown): Result<KubeEvent, string> {
  if (!isRecord(value)) return fail('An event that is no object.');
  const about = recordMember(value, 'involvedObject');
  const reason = stringMember(value, 'reason');
  const podUid = about === null ? null : stringMember(about, 'uid');
  if (about === null || reason === null || podUid === null)
    return fail('An event without a reason or without its object.');
  const series = recordMember(value, 'series');
  const metadata = recordMember(value, 'metadata');
  const times = [timeOf(value.firstTimestamp), timeOf(value.eventTime), timeOf(metadata?.creationTimestamp)];
  const firstAt = times.find((time) => time !== null) ?? null;
  const lastAt = timeOf(series?.lastObservedTime) ?? timeOf(value.lastTimestamp) ?? firstAt;
  if (lastAt === null) return fail('An event without a time.');
  const count = (series === null ? null : numberMember(series, 'count')) ?? numberMember(value, 'count') ?? 1;
  const message = stringMember(value, 'message') ?? '';
  const combined = message.startsWith(combinedMark);
  const path = stringMember(about, 'fieldPath') ?? '';
  return ok({
    podUid,
    container: /^spec\.(?:initContainers|containers|ephemeralContainers)\{([^}]{1,253})\}$/.exec(path)?.[1] ?? null,
    reason: safeLine(reason, 128),
    message: safeLine(combined ? message.slice(combinedMark.length) : message, limits.runtimeErrorChars),
    combined,
    count: Number.isSafeInteger(count) && count > 0 ? count : 1,
    firstAt: Math.min(firstAt ?? lastAt, lastAt),
    lastAt,
  });
}
