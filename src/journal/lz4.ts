/**
 * Unpacks one LZ4 block (lz4: doc/lz4_Block_format.md): sequences of a token, literals, and a match that repeats
 * earlier output. The result is exactly `size` bytes, or null: every length and distance is checked against both
 * ends, so damaged input ends early and can neither loop nor write outside.
 */
export function unpackLz4Block(input: Uint8Array, size: number): Uint8Array | null {
  const output = new Uint8Array(size);
  let from = 0;
  let to = 0;
  while (from < input.length) {
    const token = input[from++] ?? 0;
    let literals = token >>> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255) {
        if (from >= input.length) return null;
        more = input[from++] ?? 0;
        literals += more;
      }
    }
    if (literals > input.length - from || literals > size - to) return null;
    output.set(input.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    // The last sequence has literals only.
    if (from === input.length) return to === size ? output : null;

    if (input.length - from < 2) return null;
    const distance = (input[from] ?? 0) | ((input[from + 1] ?? 0) << 8);
    from += 2;
    let length = (token & 15) + 4;
    if (length === 19) {
      let more = 255;
      while (more === 255) {
        if (from >= input.length) return null;
        more = input[from++] ?? 0;
        length += more;
      }
    }
    if (distance === 0 || distance > to || length > size - to) return null;
    if (distance >= length) output.copyWithin(to, to - distance, to - distance + length);
    else for (let index = 0; index < length; index++) output[to + index] = output[to + index - distance] ?? 0;
    to += length;
  }
  return null;
}
