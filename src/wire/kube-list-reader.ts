/** Bytes of JSON that matter here. */
const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/**
 * Takes a list of the Kubernetes API apart while it comes: each element of its `items` as a text of its own, so that a page
 * of some MiB never stands in memory as a whole, let alone as a tree of objects (20 MiB for the pods of a large node).
 * What is no JSON comes out as texts that do not parse.
 */
export class KubeListReader {
  private readonly maxItemBytes: number;
  private readonly onItem: (text: string) => void;
  /** Everything but the elements: `{"kind":"PodList","metadata":{…},"items":[]}`. */
  private outer: Buffer[] = [];
  private outerSize = 0;
  private item: Buffer[] = [];
  private itemSize = 0;
  private depth = 0;
  private inString = false;
  private escaped = false;
  /** The beginning of the last string; then whether a colon came behind `items` in the outermost object. */
  private word = '';
  private afterItems = false;
  /** Within the brackets of `items`. */
  private inItems = false;
  /** Within an element. */
  private inItem = false;
  /** An element, or all that is not one, is larger than allowed: nothing more is taken. */
  overlong = false;

  constructor(maxItemBytes: number, onItem: (text: string) => void) {
    this.maxItemBytes = maxItemBytes;
    this.onItem = onItem;
  }

  /** The list without its elements, as a text; to be asked for at the end. */
  get rest(): string {
    return Buffer.concat(this.outer).toString('utf8');
  }

  /** Takes bytes as they came; keeps copies of what is not yet done with. */
  push(chunk: Buffer): void {
    let from = 0;
    for (let at = 0; at < chunk.length && !this.overlong; at++) {
      const byte = chunk[at] ?? 0;
      if (this.inString) {
        const end = this.escaped || byte === quote || byte === backslash ? at + 1 : this.skip(chunk, at);
        if (this.escaped) this.escaped = false;
        else if (byte === backslash) this.escaped = true;
        else if (byte === quote) {
          this.inString = false;
          continue;
        }
        // Of names of the outermost object so much is kept as tells `items` from any other.
        if (this.depth === 1 && this.word.length < 8) this.word += chunk.toString('latin1', at, Math.min(end, at + 8));
        at = end - 1;
        continue;
      }
      if (byte === quote) {
        this.inString = true;
        this.word = '';
      }
      if (this.inItems && this.depth === 2 && (byte === comma || byte === closeBracket)) {
        if (this.inItem) this.endItem(chunk.subarray(from, at));
        else this.keep(chunk.subarray(from, at));
        from = byte === comma ? at + 1 : at;
        if (byte === comma) continue;
        this.inItems = false;
        this.depth--;
        continue;
      }
      if (byte === openBrace || byte === openBracket) {
        if (this.depth === 1 && byte === openBracket && this.afterItems) {
          this.keep(chunk.subarray(from, at + 1));
          from = at + 1;
          this.inItems = true;
        }
        this.depth++;
      } else if (byte === closeBrace || byte === closeBracket) this.depth--;
      if (this.depth === 1 && byte === colon) this.afterItems = this.word === 'items';
      else if (this.depth === 1 && byte > 0x20) this.afterItems = false;
      if (this.inItems && !this.inItem && byte > 0x20 && !(byte === openBracket && from === at + 1)) {
        this.inItem = true;
        from = at;
      }
    }
    if (from < chunk.length && !this.overlong) this.hold(chunk.subarray(from));
  }

  /** From `at` within a string on, the place of the next quotation mark or backslash; the chunk's length without one. */
  private skip(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(quote, at);
    const limit = end === -1 ? chunk.length : end;
    const escaping = chunk.subarray(at, limit).indexOf(backslash);
    return escaping === -1 ? limit : at + escaping;
  }

  private hold(part: Buffer): void {
    if (!this.inItem) {
      this.keep(part);
      return;
    }
    this.itemSize += part.length;
    if (this.itemSize > this.maxItemBytes) this.overlong = true;
    else this.item.push(Buffer.from(part));
  }

  private keep(part: Buffer): void {
    if (part.length === 0) return;
    this.outerSize += part.length;
    if (this.outerSize > this.maxItemBytes) this.overlong = true;
    else this.outer.push(Buffer.from(part));
  }

  private endItem(part: Buffer): void {
    if (this.itemSize + part.length > this.maxItemBytes) {
      this.overlong = true;
      return;
    }
    const text = this.itemSize === 0 ? part.toString('utf8') : Buffer.concat([...this.item, part]).toString('utf8');
    this.item = [];
    this.itemSize = 0;
    this.inItem = false;
    this.onItem(text);
  }
}
