/** What is held of bodies that are being read and stored. Beyond it callers are told to come back, before memory grows. */
export interface Budget {
  /** Begins one; null when there are enough. */
  readonly open: () => Hold | null;
  readonly used: () => { readonly bytes: number; readonly bodies: number };
}

/** One body's part of it. */
export interface Hold {
  /** Takes so many bytes more; false when there is no room for them. */
  readonly grow: (bytes: number) => boolean;
  /** Gives back all of it; any number of times. */
  readonly end: () => void;
}

/** Makes it. The bounds may change while it is used. */
export function openBudget(most: () => { readonly bytes: number; readonly bodies: number }): Budget {
  let bytes = 0;
  let bodies = 0;
  return {
    open() {
      if (bodies >= most().bodies) return null;
      bodies++;
      let held = 0;
      let ended = false;
      return {
        grow(more) {
          if (ended || bytes + more > most().bytes) return false;
          bytes += more;
          held += more;
          return true;
        },
        end() {
          if (ended) return;
          ended = true;
          bytes -= held;
          bodies--;
        },
      };
    },
    used: () => ({ bytes, bodies }),
  };
}
