import { type Migration, metaTable, migrations } from './migrations.ts';
import { textOf } from './rows.ts';
import { type Database, Trouble } from './sql.ts';

/**
 * Brings the tables to this version's state. Collectors that start at once do it one after the other: the row of the
 * version is locked meanwhile. Tables of a later version are left alone and refused.
 */
export async function migrate(database: Database, steps: readonly Migration[] = migrations): Promise<number> {
  const newest = steps.at(-1)?.version ?? 0;
  const typed = (text: string): string =>
    text
      .replaceAll('KEY_TEXT', database.types.key)
      .replaceAll('BYTES', database.types.bytes)
      .replaceAll('BY_KEY', database.types.byKey);
  await database.write(async (sql) => {
    await sql.run(typed(metaTable));
    await sql.run("INSERT INTO pullwhy_meta (name, value) VALUES ('schema', '0') ON CONFLICT (name) DO NOTHING");
    await sql.run("INSERT INTO pullwhy_meta (name, value) VALUES ('events', '0') ON CONFLICT (name) DO NOTHING");
  });
  return await database.write(async (sql) => {
    const [row] = await sql.all(`SELECT value FROM pullwhy_meta WHERE name = 'schema'${database.forUpdate}`);
    const found = row === undefined ? Number.NaN : Number(textOf(row, 'value'));
    if (!Number.isInteger(found)) {
      throw new Trouble({ reason: 'damaged', message: 'The store does not say which version its tables have.' });
    }
    if (found > newest) {
      throw new Trouble({
        reason: 'other',
        message: `The store's tables are of version ${found}, and this collector knows versions up to ${newest}: a later Pullwhy has used it. Run that version, or give this one a store of its own.`,
      });
    }
    for (const { version, statements } of steps) {
      if (version <= found) continue;
      for (const statement of statements) await sql.run(typed(statement));
      await sql.run("UPDATE pullwhy_meta SET value = $1 WHERE name = 'schema'", [String(version)]);
    }
    return newest;
  });
}
