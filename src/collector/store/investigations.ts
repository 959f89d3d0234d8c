import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import type { FleetInvestigationRow } from '../../api/fleet.ts';
import type { Frozen } from '../../api/schema.ts';
import { isRecord, type JsonRecord } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import type { InvestigationsQuery, Page } from '../parts.ts';
import { readCursor, writeCursor } from './cursor.ts';
import { bytesOf, cleanText, jsonOf, keyOf, numberOf, textOf, textOrNull, unreadable } from './rows.ts';
import type { Database, Row } from './sql.ts';
import { bounded, pageOf, Where } from './where.ts';
import { causeWord, confidenceWord, rfc3339, verdictWord } from './words.ts';

const decompress = promisify(zstdDecompress);

/** A page of investigations, newest first. */
export async function listInvestigations(
  database: Database,
  query: InvestigationsQuery,
): Promise<Page<Frozen<FleetInvestigationRow>>> {
  const limit = bounded(query.limit);
  const where = new Where();
  const position = readCursor('investigations', query.cursor);
  if (position !== null) {
    const [at = 0, id = '', node = ''] = position;
    where.and('at <= ?', at).and('at < ? OR id > ? OR (id = ? AND node > ?)', at, id, id, node);
  }
  if (query.node !== undefined) where.and('node = ?', keyOf(query.node));
  if (query.image !== undefined) where.and('image_key = ?', keyOf(query.image));
  if (query.registry !== undefined) where.and('registry = ?', keyOf(query.registry));
  if (query.cause !== undefined) where.and('cause = ?', query.cause);
  if (query.verdict !== undefined) where.and('verdict = ?', query.verdict);
  if (query.since !== undefined) where.and('at >= ?', Math.round(query.since));
  const rows = await database.read.all(
    `SELECT id, node, at, image, registry, verdict, cause, confidence, summary FROM pullwhy_investigations
     ${where.text()} ORDER BY at DESC, id, node LIMIT ${where.value(limit + 1)}`,
    where.values,
  );
  return pageOf(rows, limit, investigationRow, (row) =>
    writeCursor('investigations', [numberOf(row, 'at'), textOf(row, 'id'), textOf(row, 'node')]),
  );
}

function investigationRow(row: Row): Frozen<FleetInvestigationRow> {
  return {
    id: textOf(row, 'id'),
    node: textOf(row, 'node'),
    image: textOf(row, 'image'),
    registry: textOrNull(row, 'registry'),
    verdict: verdictWord(textOf(row, 'verdict')),
    cause: causeWord(textOrNull(row, 'cause')),
    confidence: confidenceWord(textOrNull(row, 'confidence')),
    summary: textOf(row, 'summary'),
    at: rfc3339(numberOf(row, 'at')),
  };
}

/** The whole document as it came; null: there is none. */
export async function readInvestigation(database: Database, id: string): Promise<JsonRecord | null> {
  const [row] = await database.read.all('SELECT document FROM pullwhy_documents WHERE id = $1 ORDER BY node LIMIT 1', [
    cleanText(id),
  ]);
  if (row === undefined) return null;
  const bytes = await decompress(bytesOf(row, 'document'), { maxOutputLength: limits.savedInvestigationBytes }).catch(
    () => {
      throw unreadable('document');
    },
  );
  return jsonOf(bytes.toString('utf8'), 'document', (value) => (isRecord(value) ? value : null));
}
