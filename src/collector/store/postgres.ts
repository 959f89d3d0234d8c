import { fail, type Result } from '../../lib/result.ts';
import type { Database, DatabaseNeeds } from './sql.ts';

/** Not built yet. */
export async function openPostgres(_address: string, _needs: DatabaseNeeds): Promise<Result<Database, string>> {
  return fail('PostgreSQL is not built yet.');
}
