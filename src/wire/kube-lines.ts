/**
 * The lines of a watch: one JSON object each, cut anywhere by the network. A line longer than `maxBytes` is no object of
 * Kubernetes (etcd takes 1.5 MiB); from there on nothing is given out.
 */
export class KubeLines {
  private readonly maxBytes: number;
  private readonly onLine: (line: string) => void;
  private parts: Buffer[] = [];
  private size = 0;
  /** A line was longer than allowed. */
  overlong = false;

  constructor(maxBytes: number, onLine: (line: string) => void) {
    this.maxBytes = maxBytes;
    this.onLine = onLine;
  }

  /** Takes bytes as they came; keeps a copy of what is not yet a line. */
  push(chunk: Buffer): void {
    let from = 0;
    while (!this.overlong) {
      const end = chunk.indexOf(0x0a, from);
      const part = chunk.subarray(from, end === -1 ? chunk.length : end);
      if (this.size + part.length > this.maxBytes) {
        this.overlong = true;
        this.parts = [];
        return;
      }
      if (end === -1) {
        if (part.length > 0) this.parts.push(Buffer.from(part));
        this.size += part.length;
        return;
      }
      const line = this.size === 0 ? part.toString('utf8') : Buffer.concat([...this.parts, part]).toString('utf8');
      this.parts = [];
      this.size = 0;
      from = end + 1;
      if (line.trim() !== '') this.onLine(line);
    }
  }

  /** Bytes of a line that has not ended. */
  get pending(): number {
    return this.size;
  }
}
