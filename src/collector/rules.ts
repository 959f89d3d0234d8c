/** Times that the collector's decisions rest on, in milliseconds; the reasons are in this folder's README. */
export const fleetRules = {
  /** Heartbeats come once a minute: two may be lost. After that a node is silent, which is neither healthy nor faulty. */
  silentAfterMs: 180_000,
  /** An incident without a failing node for so long is closed: agents look again every 30 s at the latest. */
  closeAfterMs: 120_000,
  /** One that comes back within this time is the same one, reopened: what flaps is one problem. */
  reopenWithinMs: 900_000,
  /** How long before an incident's first failure a healthy look still counts as one beside it: one round of checks. */
  healthyBeforeMs: 60_000,
  /** Between two looks of the evaluator. */
  lookEveryMs: 1000,
  /** The evaluator's lease; another collector takes over after that. */
  leaseMs: 10_000,
} as const;
