/** What the collector's decisions rest on; times in milliseconds. The reasons are in this folder's README. */
export const fleetRules = {
  /** Heartbeats come once a minute: two may be lost. After that a node is silent, which is neither healthy nor faulty. */
  silentAfterMs: 180_000,
  /** An incident without a failing node for so long is closed: agents look again every 30 s at the latest. */
  closeAfterMs: 120_000,
  /** One that comes back within this time is the same one, reopened: what flaps is one problem. */
  reopenWithinMs: 900_000,
  /** How long before an incident's first failure a healthy look still counts as one beside it: one round of checks. */
  healthyBeforeMs: 60_000,
  /**
   * What changes is told at once, so a node that is heard of and tells no change still finds what it found, one round
   * ago: a healthy look counts as made so long before its node was last heard of.
   */
  roundMs: 60_000,
  /** How old a healthy look may be for its node to count as one that uses the subject at all. */
  healthyKnownMs: 900_000,
  /** One failed check is told as degraded until the next one decides, a minute later at most; then it stands. */
  unconfirmedMs: 90_000,
  /** A node that is silent for so long is taken for gone: what it failed at holds no incident open any more. */
  goneAfterMs: 86_400_000,
  /** How often an open incident is written when only counts of healthy nodes and the like have moved. */
  refreshEveryMs: 60_000,
  /** Between two looks of the evaluator. */
  lookEveryMs: 1000,
  /** What is failing at a time and is looked at: 10,000 nodes with five subjects each. More is said, and counted no further. */
  mostFailing: 50_000,
  /** How old what is known of the nodes may be at a look, as long as none of them falls silent meanwhile. */
  fleetEveryMs: 5000,
  /** A look without news is left out; so often one is made all the same, for time changes things too. */
  lookAnywayMs: 5000,
  /** The evaluator's lease; another collector takes over after that. */
  leaseMs: 10_000,
} as const;
