/** Which ticks of the agent's timer are used: each while something fails, and else one of four. */
export interface Pace {
  /** Whether this tick is one; to be asked at each. */
  readonly due: () => boolean;
  /** Something has happened: the next one is. */
  readonly stir: () => void;
}

const idleTicks = 4;

/**
 * A node on which nothing fails has nothing that is due within a quarter of a second, and looking for it costs more than
 * all that is. `busy` is asked at one tick of four.
 */
export function openPace(busy: () => boolean): Pace {
  let [ticks, quick] = [0, true];
  return {
    due() {
      if (ticks++ % idleTicks === 0) quick = busy();
      else if (!quick) return false;
      return true;
    },
    stir() {
      quick = true;
    },
  };
}
