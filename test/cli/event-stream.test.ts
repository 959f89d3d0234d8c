import assert from 'node:assert/strict';
import fc from 'fast-check';
import { eventReader, type ServerEvent } from '../../src/cli/event-stream.ts';

function read(parts: readonly string[]): ServerEvent[] {
  const events: ServerEvent[] = [];
  const reader = eventReader((event) => void events.push(event));
  for (const part of parts) reader(part);
  return events;
}

describe('cli/event-stream', () => {
  it('reads events, passes over comments and what is cut off', () => {
    assert.deepEqual(
      read([': still at work\n\nevent: probe\ndata: {"a":1}\n\nid: 41\ndata: x\ndata:y\n\nevent: late\ndata: 1\n']),
      [
        { event: 'probe', data: '{"a":1}', id: null },
        { event: 'message', data: 'x\ny', id: '41' },
      ],
    );
  });

  it('reads the same however the stream is cut', () => {
    const text = 'event: probe\ndata: {"ü":"\\n"}\n\n: x\n\nevent: investigation\ndata: {}\n\n';
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 12 }), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), text.length];
        const parts = places.slice(1).map((place, at) => text.slice(places[at], place));
        assert.deepEqual(read(parts), read([text]));
      }),
    );
  });

  it('takes anything', () => {
    fc.assert(fc.property(fc.array(fc.string()), (parts) => void read(parts)));
  });
});
