import { request } from 'node:http';

/** What a reader of server-sent events has been told. */
export interface EventReader {
  readonly events: readonly { readonly id: string; readonly data: Record<string, unknown> }[];
  /** Resolves when the stream has ended or broken. */
  readonly ended: Promise<void>;
  readonly close: () => void;
}

/** Reads a collector's live events; `after`: the id of the last one that is known already. */
export function readEvents(port: number, after: string): EventReader {
  const events: { readonly id: string; readonly data: Record<string, unknown> }[] = [];
  const headers = { accept: 'text/event-stream', 'last-event-id': after };
  const asked = request({ host: '127.0.0.1', port, path: '/v1/events', headers, agent: false });
  const ended = new Promise<void>((resolve) => {
    asked.on('error', () => resolve());
    asked.on('response', (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          const frame = text.slice(0, end);
          text = text.slice(end + 2);
          const id = /^id: ?(.*)$/m.exec(frame)?.[1];
          const data = [...frame.matchAll(/^data: ?(.*)$/gm)].map(([, line]) => line).join('\n');
          // `current` says only how far it was told.
          if (id !== undefined && !/^event: ?current$/m.test(frame)) events.push({ id, data: JSON.parse(data) });
        }
      });
      answer.on('error', () => resolve());
      answer.on('close', () => resolve());
    });
  });
  asked.end();
  return { events, ended, close: () => void asked.destroy() };
}
