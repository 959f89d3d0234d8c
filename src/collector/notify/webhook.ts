import { createHmac } from 'node:crypto';
import type { Secret } from '../../lib/secret.ts';
import { type Message, noticeId } from './messages.ts';
import { changeWords, wordsOf } from './words.ts';

/** The body of a message: one document, the incidents as `GET /v1/incidents/{id}` has them. */
export function webhookBody(target: string, { id, notices }: Message, now: number): string {
  const titles = notices.map((notice) => `${changeWords(notice)}: ${wordsOf(notice.incident).title}`);
  return JSON.stringify({
    apiVersion: 'pullwhy/v1',
    kind: 'Notification',
    id,
    at: new Date(now).toISOString(),
    target,
    summary: titles.length === 1 ? titles[0] : `${titles.length} incidents: ${titles[0]}`,
    changes: notices.map((notice) => ({
      id: noticeId(target, notice),
      change: notice.change,
      title: titles[notices.indexOf(notice)],
      incident: notice.incident,
    })),
  });
}

/**
 * Headers by which the receiver knows who sent the body and that it is new, as the Standard Webhooks specification has
 * them (standardwebhooks.com): the id, the time in seconds, and HMAC-SHA256 over `id.time.body`. A key that begins with
 * `whsec_` is base64 behind that, any other is taken as it stands. Without a key the message is not signed.
 */
export function webhookHeaders(
  id: string,
  body: string,
  key: Secret | null,
  now: number,
): Readonly<Record<string, string>> {
  const seconds = String(Math.floor(now / 1000));
  const headers = { 'webhook-id': id, 'webhook-timestamp': seconds, 'idempotency-key': id };
  if (key === null) return headers;
  const text = key.reveal();
  const bytes = text.startsWith('whsec_')
    ? Buffer.from(text.slice('whsec_'.length), 'base64')
    : Buffer.from(text, 'utf8');
  const signature = createHmac('sha256', bytes).update(`${id}.${seconds}.${body}`).digest('base64');
  return { ...headers, 'webhook-signature': `v1,${signature}` };
}
