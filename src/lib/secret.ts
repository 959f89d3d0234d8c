import { inspect } from 'node:util';

/**
 * A value that must never be printed: a password, a token, a proxy's userinfo.
 * Every way of turning it into text gives `[secret]`; only `reveal()` at the place of use gives the value.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself, for the request that needs it and for nothing else. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}
