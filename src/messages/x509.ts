import type { Rule } from './rule.ts';

/**
 * Certificate checks of Go's crypto/x509 (verify.go) and crypto/tls. Since Go 1.20 `tls: failed to verify certificate: `
 * stands before them, and since 1.13 the times are named. Go checks time and host name before the authority.
 */
export const x509Rules: readonly Rule[] = [
  {
    id: 'x509/not-yet-valid',
    pattern:
      /x509: certificate has expired or is not yet valid: current time (?<now>\S+) is before (?<notBefore>[^\s"]+)/,
    cause: 'clock-skew',
    confidence: 'likely',
    alternatives: ['tls-certificate-not-yet-valid'],
    scope: 'network',
    examples: [
      {
        text: 'x509: certificate has expired or is not yet valid: current time 2020-01-01T00:00:00Z is before 2026-01-01T00:00:00Z',
        seen: 'Go 1.13 to 1.26',
      },
    ],
    lookalikes: [
      'x509: certificate has expired or is not yet valid: current time 2026-11-22T10:00:00Z is after 2025-01-01T00:00:00Z',
    ],
  },
  {
    id: 'x509/expired',
    pattern:
      /x509: certificate has expired or is not yet valid: current time (?<now>\S+) is after (?<notAfter>[^\s"]+)/,
    cause: 'tls-certificate-expired',
    confidence: 'likely',
    alternatives: ['clock-skew', 'tls-intercepted'],
    scope: 'network',
    examples: [
      {
        text: 'x509: certificate has expired or is not yet valid: current time 2026-11-22T10:00:00Z is after 2025-01-01T00:00:00Z',
        seen: 'Go 1.13 to 1.26',
      },
    ],
    lookalikes: [
      'x509: certificate has expired or is not yet valid: current time 2020-01-01T00:00:00Z is before 2026-01-01T00:00:00Z',
    ],
  },
  {
    id: 'x509/expired-or-not-yet',
    pattern: /certificate has expired or is not yet valid|certificate has expired(?! or)|certificate is not yet valid/,
    cause: 'tls-certificate-expired',
    confidence: 'possible',
    alternatives: ['clock-skew', 'tls-certificate-not-yet-valid'],
    scope: 'network',
    examples: [{ text: 'x509: certificate has expired or is not yet valid', seen: 'Go 1.0 to 1.12' }],
    lookalikes: ['Rotating certificates: certificate expiration is 2027-01-01'],
  },
  {
    id: 'x509/names',
    pattern:
      /x509: certificate is valid for (?<names>.{1,300}?), not (?<wanted>[^\s"]+)|x509: cannot validate certificate for (?<address>\S+) because it doesn't contain any IP SANs|x509: certificate is not valid for any names?(?:, but wanted to match (?<name>[^\s"]+))?|x509: certificate relies on legacy Common Name field|x509: Common Name is not a valid hostname/,
    cause: 'tls-hostname-mismatch',
    confidence: 'likely',
    alternatives: ['tls-intercepted'],
    scope: 'network',
    examples: [
      { text: 'x509: certificate is valid for a.example, b.example, not reg.example', seen: 'Go 1.0 to 1.26' },
      {
        text: "x509: cannot validate certificate for 192.0.2.1 because it doesn't contain any IP SANs",
        seen: 'Go 1.3 to 1.26',
      },
      { text: 'x509: certificate relies on legacy Common Name field, use SANs instead', seen: 'Go 1.15 to 1.26' },
    ],
    lookalikes: ['x509: certificate signed by unknown authority'],
  },
  {
    id: 'x509/unknown-authority',
    pattern:
      /x509: certificate signed by unknown authority(?: \(possibly because of .{0,200} while trying to verify candidate authority certificate "(?<authority>[^"]*)"\))?|x509: failed to load system roots|certificate is not trusted|x509: certificate is not authorized to sign other certificates|unable to get local issuer certificate|self-?signed certificate/i,
    cause: 'tls-unknown-authority',
    confidence: 'likely',
    alternatives: ['tls-intercepted'],
    scope: 'network',
    examples: [
      { text: 'x509: certificate signed by unknown authority', seen: 'Go 1.0 to 1.26' },
      {
        text: 'x509: certificate signed by unknown authority (possibly because of "crypto/rsa: verification error" while trying to verify candidate authority certificate "Corp CA")',
        seen: 'Go 1.5 to 1.26',
      },
    ],
    lookalikes: ['Generated self signed cert in-memory', 'remote error: tls: unknown certificate authority'],
  },
  {
    id: 'x509/other',
    pattern: /\bx509: (?<why>[^:]{1,120})/,
    cause: 'tls-handshake-failed',
    confidence: 'possible',
    alternatives: ['tls-unknown-authority', 'tls-intercepted', 'tls-hostname-mismatch'],
    scope: 'network',
    examples: [{ text: 'x509: negative serial number', seen: 'Go 1.23 to 1.26' }],
    lookalikes: ['x509: certificate signed by unknown authority'],
  },
];
