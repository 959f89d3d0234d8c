import type { TSchema } from '../api/schema.ts';
import { fail, type Result } from '../lib/result.ts';
import { readSmallFile } from '../lib/small-file.ts';
import {
  type LoadedSettings,
  loadSettings,
  type SettingInForce,
  type SettingProblem,
  type SettingSources,
} from '../settings/load.ts';

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
  const from = (read: SettingSources['file']) =>
    loadSettings(schema, { file: read, environment, flags, otherVariables });
  if (file === null) return from(null);
  const text = await readSmallFile(file, { regular: false });
  if (!text.ok) return fail([{ place: file, message: `The file ${text.error.what} (--config FILE).` }]);
  return from({ path: file, text: text.value });
}

/** The settings as they are without a file, an environment and flags. */
export function defaultSettings<S extends TSchema>(schema: S): readonly SettingInForce[] {
  const loaded = loadSettings(schema, { file: null, environment: {}, flags: new Map() });
  return loaded.ok ? loaded.value.inForce : [];
}

/** `--set http.listen=127.0.0.1:9440` as name and value; null when there is no equals sign. */
export function parseSet(text: string): { readonly name: string; readonly value: string } | null {
  const at = text.indexOf('=');
  return at < 1 ? null : { name: text.slice(0, at).trim(), value: text.slice(at + 1) };
}
