import { Duplex } from 'node:stream';

/**
 * Passes everything through to `inner` and back and lets someone read along, until told to stop. TLS takes the bytes
 * of a socket inside the native layer; this is how we get to see what a peer says that does not speak TLS.
 */
export class Tap extends Duplex {
  readonly #inner: Duplex;
  #listener: ((chunk: Buffer) => void) | null;
  #ended = false;
  #failure: Error | null = null;

  constructor(inner: Duplex, listener: (chunk: Buffer) => void) {
    super({ allowHalfOpen: true, autoDestroy: true });
    this.#inner = inner;
    this.#listener = listener;
    inner.on('data', (chunk: Buffer) => {
      this.#listener?.(chunk);
      if (!this.push(chunk)) inner.pause();
    });
    inner.on('end', () => {
      this.#ended = true;
      this.push(null);
    });
    inner.on('error', (error: Error) => {
      this.#failure ??= error;
      this.destroy(error);
    });
    inner.on('close', () => this.destroy());
    inner.pause();
  }

  /** The peer has closed its side in order. */
  get ended(): boolean {
    return this.#ended;
  }

  /** What the socket below failed with, before anything above made another error of it. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** Ends the reading along; the passing through goes on. */
  stopListening(): void {
    this.#listener = null;
  }

  override _read(): void {
    this.#inner.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#inner.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#inner.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#inner.destroy();
    done(error);
  }
}
