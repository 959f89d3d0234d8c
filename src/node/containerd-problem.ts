import type { Problem } from '../model/problem.ts';

/** A problem of containerd's configuration: `source` is a file with its line, `message` one sentence. */
export function misconfigured(severity: Problem['severity'], source: string, message: string): Problem {
  return { severity, cause: 'runtime-misconfigured', source, message };
}

/** What keeps containerd from starting, or its CRI plugin from loading. */
export function keepsFromStarting(source: string, message: string): Problem {
  return { ...misconfigured('error', source, message), atStart: true };
}

/** A warning that says nothing against the node: what may be meant so, or what Pullwhy itself may not read. */
export function harmless(source: string, message: string): Problem {
  return { ...misconfigured('warning', source, message), harmless: true };
}
