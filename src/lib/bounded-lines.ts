/**
 * The lines of a stream of text, one by one. A line that is longer than `maxChars` keeps its first half and its last
 * half of that, with a mark between, so that no line can make memory grow.
 */
export async function* boundedLines(
  stream: AsyncIterable<Uint8Array | string>,
  maxChars: number,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const half = Math.floor(maxChars / 2);
  let head = '';
  let tail = '';
  let cut = false;
  const add = (text: string): void => {
    if (!cut && head.length + text.length <= maxChars) {
      head += text;
      return;
    }
    const whole = cut ? tail + text : head + text;
    if (!cut) head = whole.slice(0, half);
    tail = whole.slice(-half);
    cut = true;
  };
  const take = (): string => {
    const line = cut ? `${head} … ${tail}` : head;
    head = '';
    tail = '';
    cut = false;
    return line.endsWith('\r') ? line.slice(0, -1) : line;
  };
  let pending = false;
  for await (const chunk of stream) {
    const text = typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    const parts = text.split('\n');
    for (const [index, part] of parts.entries()) {
      add(part);
      pending = part !== '' || pending;
      if (index === parts.length - 1) break;
      yield take();
      pending = false;
    }
  }
  add(decoder.decode());
  if (pending) yield take();
}
