/** The parts of an investigation document that the lab judges, read from the command's output. */
export interface Judged {
  readonly verdict: string;
  readonly cause: string | null;
  readonly confidence: string | null;
  readonly summary: string;
  readonly findings: readonly {
    readonly cause: string;
    readonly underlying: string | null;
    readonly host: string | null;
    readonly severity: string;
    readonly summary: string;
    readonly evidence: readonly string[];
  }[];
  readonly probes: readonly {
    readonly id: string;
    readonly kind: string;
    readonly target: string;
    readonly status: string;
    readonly counterfactual: boolean;
    readonly error: string;
  }[];
  /** The runtime's version in its own words; null when it did not tell. */
  readonly runtimeVersion: string | null;
  /** Causes of what is wrong in the node's files. */
  readonly problems: readonly string[];
  readonly pull: {
    readonly attempted: boolean;
    readonly ok: boolean;
    readonly error: string | null;
    readonly cause: string | null;
  };
}

/** Reads a document; what has not the shape of contract.md, section 3, throws. */
export function readDocument(text: string): Judged {
  const document = record(JSON.parse(text), 'document');
  if (document.apiVersion !== 'pullwhy/v1' || document.kind !== 'Investigation')
    throw new Error('not an investigation');
  const pull = document.pull === undefined || document.pull === null ? {} : record(document.pull, 'pull');
  return {
    verdict: string(document.verdict, 'verdict'),
    cause: stringOrNull(document.cause),
    confidence: stringOrNull(document.confidence),
    summary: stringOrNull(document.summary) ?? '',
    findings: list(document.findings, 'findings').map((item) => {
      const finding = record(item, 'finding');
      return {
        cause: string(finding.cause, 'cause'),
        underlying: stringOrNull(finding.underlying),
        host: stringOrNull(finding.host),
        severity: string(finding.severity, 'severity'),
        summary: string(finding.summary, 'summary'),
        evidence: list(finding.evidence, 'evidence').map((id) => string(id, 'evidence')),
      };
    }),
    probes: list(document.probes, 'probes').map((item) => {
      const probe = record(item, 'probe');
      const error = probe.error === undefined || probe.error === null ? null : record(probe.error, 'error');
      return {
        id: string(probe.id, 'id'),
        kind: string(probe.kind, 'kind'),
        target: string(probe.target, 'target'),
        status: string(probe.status, 'status'),
        counterfactual: probe.counterfactual === true,
        error: error === null ? '' : `${stringOrNull(error.code) ?? ''}: ${stringOrNull(error.message) ?? ''}`,
      };
    }),
    runtimeVersion: stringOrNull(record(document.runtime ?? {}, 'runtime').version),
    problems: list(document.problems, 'problems').map((item) => string(record(item, 'problem').cause, 'cause')),
    pull: {
      attempted: pull.attempted === true,
      ok: pull.ok === true,
      error: stringOrNull(pull.error),
      cause: stringOrNull(pull.cause),
    },
  };
}

/** The document in some lines, for the message of a failed case. */
export function essentials(judged: Judged): string {
  const findings = judged.findings.map(
    ({ cause, underlying, host, severity, evidence, summary }) =>
      `\n    ${cause}${underlying === null ? '' : `/${underlying}`} at ${host ?? '-'}, ${severity} [${evidence.join(' ')}]: ${summary}`,
  );
  const probes = judged.probes.map(
    ({ id, kind, target, status, counterfactual, error }) =>
      `    ${id} ${kind}${counterfactual ? ' (counterfactual)' : ''} ${target}: ${status} ${error}`,
  );
  const pull = judged.pull.attempted ? `${judged.pull.ok ? 'ok' : 'failed'}: ${judged.pull.error ?? ''}` : 'not tried';
  return [
    `  ${judged.verdict} ${judged.cause ?? '-'} ${judged.confidence ?? '-'}: ${judged.summary}`,
    `  findings: ${findings.join(', ')}`,
    `  pull: ${pull}`,
    ...probes,
  ].join('\n');
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${what} is not an object`);
  return Object.fromEntries(Object.entries(value));
}

function list(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${what} is not a list`);
  return value;
}

function string(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new Error(`${what} is not a text`);
  return value;
}

function stringOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
