import { readFile } from 'node:fs/promises';
import type { TSchema } from '../api/schema.ts';
import { limits } from '../lib/limits.ts';
import { fail, type Result } from '../lib/result.ts';
import { type LoadedSettings, loadSettings, type SettingProblem, type SettingSources } from '../settings/load.ts';

/** Where a long-running command's settings come from, besides this process's environment. */
export interface SettingsRequest {
  /** `--config FILE`; null without. */
  readonly file: string | null;
  readonly flags: SettingSources['flags'];
}

/** This process's environment, for what is no setting: what Kubernetes tells its pods. */
export const environment: Readonly<Record<string, string | undefined>> = process.env;

/** Variables of other commands and of the lab, which are no settings of a long-running one. */
const otherVariables = new Set(['PULLWHY_AGENT', 'PULLWHY_COLLECTOR', 'PULLWHY_TOKEN_FILE', 'PULLWHY_LAB_KEEP']);

/** Reads the file and loads the settings; every problem is told with its place. */
export async function readSettings<S extends TSchema>(
  schema: S,
  { file, flags }: SettingsRequest,
): Promise<Result<LoadedSettings<S>, readonly SettingProblem[]>> {
  if (file === null) return loadSettings(schema, { file: null, environment, flags, otherVariables });
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => error.code ?? 'unknown error');
  if (typeof bytes === 'string') return fail([{ place: file, message: `The file cannot be read (${bytes}).` }]);
  if (bytes.length > limits.configFileBytes) {
    return fail([{ place: file, message: `The file is longer than ${limits.configFileBytes} bytes.` }]);
  }
  return loadSettings(schema, {
    file: { path: file, text: bytes.toString('utf8') },
    environment,
    flags,
    otherVariables,
  });
}

/** `--set http.listen=127.0.0.1:9440` as name and value; null when there is no equals sign. */
export function parseSet(text: string): { readonly name: string; readonly value: string } | null {
  const at = text.indexOf('=');
  return at < 1 ? null : { name: text.slice(0, at).trim(), value: text.slice(at + 1) };
}
