/** The agent's only timer. */
export interface Pace {
  /** Something has happened: the work is done soon. */
  readonly stir: () => void;
  readonly stop: () => void;
}

/** What a pace needs. */
export interface PaceNeeds {
  /** Whether something fails now. */
  readonly busy: () => boolean;
  /** Does what is due. */
  readonly work: () => void;
  /** Runs something once, after milliseconds; returned is how to call that off. A timer, when absent. */
  readonly later?: (ms: number, run: () => void) => () => void;
}

const busyMs = 250;
const idleMs = 1000;

/**
 * Does what is due within a quarter of a second while something fails, and within a second else: a node on which nothing
 * fails has nothing that is due sooner, and looking for it costs more than all that is.
 */
export function startPace({ busy, work, later = afterMs }: PaceNeeds): Pace {
  let stopped = false;
  let waits = 0;
  let callOff = (): void => undefined;
  const wait = (ms: number): void => {
    waits = ms;
    callOff = later(ms, run);
  };
  const run = (): void => {
    waits = 0;
    work();
    // What was done may have stirred already.
    if (!stopped && waits === 0) wait(busy() ? busyMs : idleMs);
  };
  wait(busyMs);
  return {
    stir() {
      if (stopped || waits === busyMs) return;
      callOff();
      wait(busyMs);
    },
    stop() {
      stopped = true;
      callOff();
    },
  };
}

function afterMs(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}
