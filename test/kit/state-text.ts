import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { zstdDecompressSync } from 'node:zlib';

/**
 * Everything that the databases in a folder hold, to be searched: their bytes as they are, and what their rows hold that is
 * compressed, which no search of the bytes would find. For a process that has ended.
 */
export async function stateText(folder: string): Promise<{ readonly text: string; readonly documents: number }> {
  const parts: string[] = [];
  let documents = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    parts.push(await readFile(path, 'latin1'));
    if (!entry.name.endsWith('.db')) continue;
    const database = new DatabaseSync(path, { readOnly: true });
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    for (const { name } of tables)
      for (const row of database.prepare(`SELECT * FROM "${String(name)}"`).all())
        for (const value of Object.values(row)) {
          if (!(value instanceof Uint8Array)) parts.push(String(value));
          else if (Buffer.from(value.subarray(0, 4)).readUInt32LE() === zstdMagic) {
            parts.push(zstdDecompressSync(value).toString('utf8'));
            documents++;
          }
        }
    database.close();
  }
  return { text: parts.join('\n'), documents };
}

/** What every frame of Zstandard begins with (RFC 8878, section 3.1.1). */
const zstdMagic = 0xfd2fb528;
