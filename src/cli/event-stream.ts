/** One server-sent event. */
export interface ServerEvent {
  readonly event: string;
  readonly data: string;
  /** Where a reader that comes back goes on; null where the event has none. */
  readonly id: string | null;
}

/**
 * Reads server-sent events out of the parts of a stream as they come (HTML standard, section 9.2.6; with line feeds, as the
 * agent writes them). Comments are passed over; an event without its empty line is none.
 */
export function eventReader(onEvent: (event: ServerEvent) => void): (part: string) => void {
  let rest = '';
  return (part) => {
    const blocks = (rest + part).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const lines = block.split('\n');
      const values = (name: string): string[] =>
        lines.flatMap((line) => (line.startsWith(`${name}:`) ? [line.slice(name.length + 1).replace(/^ /, '')] : []));
      const data = values('data');
      if (data.length > 0) {
        const id = values('id').at(-1) ?? null;
        onEvent({ event: values('event').at(-1) ?? 'message', data: data.join('\n'), id });
      }
    }
  };
}
