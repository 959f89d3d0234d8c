import { parseJson } from '../../lib/json.ts';
import { list as listOf, number, Place, type Shape, text } from '../../lib/shape.ts';
import { Trouble } from './sql.ts';

/** The lists that are paged. */
export const lists = ['nodes', 'nodes-last-seen', 'registries', 'investigations', 'incidents'] as const;

/** One of them; a cursor is of one list and one order. */
export type ListName = (typeof lists)[number];

/** Where a page ended: the columns of its order. */
export type Position = readonly (string | number)[];

const positionShapes: Readonly<Record<ListName, readonly Shape<string | number>[]>> = {
  nodes: [text],
  'nodes-last-seen': [number, text],
  registries: [text],
  investigations: [number, text, text],
  incidents: [text, number, text],
};

/** Longest cursor: three keys and their encoding. */
const mostChars = 8192;

/** An opaque text for the place where a page ended. */
export function writeCursor(list: ListName, position: Position): string {
  return Buffer.from(JSON.stringify([list, ...position])).toString('base64url');
}

/** Whether this text is a cursor of one of these lists: for the edge, which answers 400 to any other. */
export function isCursor(names: readonly ListName[], cursor: string): boolean {
  return names.some((list) => readPosition(list, cursor) !== null);
}

/** The place that a cursor stands for; a text that is no cursor of this list is a failure. */
export function readCursor(list: ListName, cursor: string | null): Position | null {
  if (cursor === null) return null;
  const position = readPosition(list, cursor);
  if (position !== null) return position;
  throw new Trouble({ reason: 'other', message: 'The cursor is none of this list: begin without one.' });
}

function readPosition(list: ListName, cursor: string): Position | null {
  if (cursor.length > mostChars || !/^[\w-]+$/.test(cursor)) return null;
  const value = parseJson(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (!listOf(part)(value, new Place())) return null;
  const [name, ...position] = value;
  const shapes = positionShapes[list];
  if (name !== list || position.length !== shapes.length) return null;
  return position.every((part, index) => shapes[index]?.(part, new Place()) ?? false) ? position : null;
}

const part: Shape<string | number> = (value, at): value is string | number =>
  typeof value === 'string' || number(value, at);
