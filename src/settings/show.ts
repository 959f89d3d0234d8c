import { redactUrl } from '../lib/redact.ts';
import { entrySettings } from './entries.ts';
import type { SettingInForce } from './load.ts';
import type { Setting } from './shape.ts';

/** Settings as `--check-config` shows them: what is in force, and where each value came from. Secrets are masked. */
export function settingsText(inForce: readonly SettingInForce[]): string {
  const rows = inForce.map((one) => ({ left: `${one.setting.name}: ${shown(one)}`, source: one.source }));
  const width = Math.min(60, Math.max(...rows.map(({ left }) => left.length)));
  return rows.map(({ left, source }) => `${left.padEnd(width)}  # ${source}\n`).join('');
}

/** The same as a document. */
export function settingsDocument(inForce: readonly SettingInForce[]): unknown {
  return {
    apiVersion: 'pullwhy/v1',
    kind: 'Settings',
    settings: inForce.map((one) => ({
      name: one.setting.name,
      value: safeValue(one.setting, one.value),
      source: one.source,
      variable: one.setting.variable,
      reload: one.setting.live ? 'live' : 'restart',
      description: one.setting.description,
    })),
  };
}

/** A file with every setting at its default, described: what a person starts from. */
export function settingsExample(inForce: readonly SettingInForce[]): string {
  const lines: string[] = [];
  let above: readonly string[] = [];
  for (const { setting } of inForce) {
    const sections = setting.path.slice(0, -1);
    const common = sections.findIndex((name, at) => name !== above[at]);
    sections.forEach((name, at) => {
      if (common !== -1 && at >= common) lines.push(`${'  '.repeat(at)}${name}:`);
    });
    above = sections;
    const indent = '  '.repeat(sections.length);
    lines.push(...comment(`${setting.description} (${setting.expects})`, indent));
    for (const key of entrySettings(setting) ?? []) {
      const usual = key.default === undefined ? 'required' : `default: ${JSON.stringify(key.default)}`;
      lines.push(...comment(`- ${key.name}: ${key.description} (${key.expects}; ${usual})`, indent));
    }
    lines.push(`${indent}${setting.path.at(-1)}: ${JSON.stringify(setting.default)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Words as comment lines of at most 80 columns. */
function comment(words: string, indent: string): string[] {
  const lines: string[] = [];
  for (const word of words.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= 80) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`${indent}# ${word}`);
  }
  return lines;
}

/** A value as it may be shown; of a list of mappings, without what is secret in its entries. */
function safeValue(setting: Setting, value: unknown): unknown {
  if (setting.secret && value !== null) return '[secret]';
  const keys = entrySettings(setting);
  if (keys === null || !Array.isArray(value)) return masked(value);
  return value.map((entry: unknown) =>
    typeof entry !== 'object' || entry === null
      ? null
      : Object.fromEntries(keys.map((key) => [key.name, safeValue(key, Reflect.get(entry, key.name))])),
  );
}

function shown({ setting, value }: SettingInForce): string {
  const safe = safeValue(setting, value);
  return typeof safe === 'string' && /^[\w./:@\-[\]]+$/.test(safe) ? safe : JSON.stringify(safe);
}

/** Passwords within URLs are no part of what a person wants to compare. */
function masked(value: unknown): unknown {
  if (typeof value === 'string') return /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? redactUrl(value) : value;
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, masked(one)]));
  }
  return value;
}
