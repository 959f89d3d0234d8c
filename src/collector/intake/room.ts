/** How much may be held at a time of what comes in; what does not fit waits for its turn. */
export interface Room {
  /** Done when less than the bound is held. `bytes`: what it may come to take, until it is known. */
  readonly enter: (bytes: number) => Promise<Place>;
}

/** What one of them takes. */
export interface Place {
  /** What it is known to take. */
  readonly takes: (bytes: number) => void;
  /** Gives it back. */
  readonly leave: () => void;
}

/** Opens it. More than the bound is held only by what the last one that was let in takes. */
export function openRoom(mostBytes: number): Room {
  let held = 0;
  const waiting: { readonly bytes: number; readonly begin: () => void }[] = [];

  const letIn = (): void => {
    for (let next = waiting[0]; next !== undefined && held < mostBytes; next = waiting[0]) {
      waiting.shift();
      held += next.bytes;
      next.begin();
    }
  };
  return {
    async enter(bytes) {
      await new Promise<void>((begin) => {
        waiting.push({ bytes, begin });
        letIn();
      });
      let mine = bytes;
      const takes = (now: number): void => {
        held += now - mine;
        mine = now;
        letIn();
      };
      return { takes, leave: () => takes(0) };
    },
  };
}
