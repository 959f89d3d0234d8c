/** A wait for an answer. */
export interface Patience {
  /** The answer came: the wait is over. */
  readonly clear: () => void;
}

/** In so many steps the time is waited for; each is a turn in which an answer that is there is read. */
const mostSteps = 8;

/** A shorter step is no longer worth a timer. */
const leastStepMs = 20;

/**
 * Calls `onTime` when nothing has come for `ms`. A program that was itself held up (a storm of lines to read, a busy node)
 * finds its timers overdue before it sees what has arrived meanwhile, and would call silent who has answered long ago. So
 * the time is waited for in steps, of which being held up takes one at a time, and what has arrived is read before the end.
 */
export function startPatience(ms: number, onTime: () => void): Patience {
  const steps = Math.max(1, Math.min(mostSteps, Math.floor(ms / leastStepMs)));
  let left = steps;
  let last: NodeJS.Immediate | undefined;
  const step = (): void => {
    left--;
    if (left > 0) timer = setTimeout(step, ms / steps);
    else last = setImmediate(onTime);
  };
  let timer = setTimeout(step, ms / steps);
  return {
    clear: () => {
      clearTimeout(timer);
      clearImmediate(last);
    },
  };
}
