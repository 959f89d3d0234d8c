import type { StoreFailure } from '../parts.ts';
import { Again } from './sql.ts';

/** Conflicts between transactions: the one that is told of them starts again (PostgreSQL, "Serialization Failure Handling"). */
const conflicts: ReadonlySet<string> = new Set(['40001', '40P01']);

/** Two that make the same table at once: the one that comes second is told of a duplicate of the catalogue's rows. */
const doubled: ReadonlySet<string> = new Set(['23505', '42P07', '42710']);

/** Codes of the network, and of a server that goes down or comes up. */
const gone =
  /^(E(CONN|HOST|NET|PIPE|TIMEDOUT|AI_)\w*|ENOTFOUND|ENOENT|EACCES|08\w{3}|57P0[1-5]|25006|28\w{3}|3D000|25P03|CERT_\w+|UNABLE_\w+|DEPTH_\w+|SELF_\w+|ERR_TLS_\w+|ERR_SSL_\w+)$/;

/** Whether the transaction may be tried again at once. `migrating`: tables are being made. */
export function isConflict(error: unknown): boolean {
  if (error instanceof Again) return true;
  const code = codeOf(error);
  return conflicts.has(code) || doubled.has(code);
}

/** What a thrown error means (PostgreSQL's appendix A), with what to do; null: it is none of the database's. `shown` names the database. */
export function failureOf(error: unknown, shown: string): StoreFailure | null {
  if (error instanceof Again) return { reason: 'busy', message: `${shown}: others change the same rows without end.` };
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) return null;
  const code = codeOf(error);
  const said = code === '' ? error.message : `${error.message}, ${code}`;
  if (code === '53100')
    return { reason: 'full', message: `${shown}: its disk is full. Free some of it, or lower retention.maxBytes.` };
  if (conflicts.has(code) || doubled.has(code) || code === '55P03' || code === '57014' || code.startsWith('53')) {
    return { reason: 'busy', message: `${shown} is busy (${said}).` };
  }
  if (code.startsWith('XX00') && code !== 'XX000') {
    return { reason: 'damaged', message: `${shown} is damaged (${said}): restore it from a backup.` };
  }
  if (code === '28P01' || code === '28000') {
    return {
      reason: 'gone',
      message: `${shown} does not let the collector in (${said}): is the user and its password right?`,
    };
  }
  if (code === '3D000')
    return { reason: 'gone', message: `${shown} does not exist: create it, owned by the collector's user.` };
  if (code === '25006')
    return { reason: 'gone', message: `${shown} is read-only now, a standby perhaps: name the primary server.` };
  if (/does not support SSL/.test(error.message)) {
    return {
      reason: 'gone',
      message: `${shown} offers no TLS: switch it on there, or say sslmode=disable where the way to it is trusted.`,
    };
  }
  if (gone.test(code) || connectionWords.test(error.message)) {
    return { reason: 'gone', message: `${shown} cannot be reached (${said}).` };
  }
  // Foreign errors have the five characters of a state; anything else is a defect of ours.
  return /^[0-9A-Z]{5}$/.test(code) ? { reason: 'other', message: `${shown}: ${said}.` } : null;
}

/** pg's own words, which have no code: of a connection that ended, and of what took too long. */
const connectionWords =
  /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|Query read timeout|timeout expired|Cannot use a pool after calling end|Client was closed|The server does not support|read ECONN|write E|SASL|password authentication|Hostname\/IP does not match|unexpected end|The client is closed|Socket)/i;

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
