import type { Env } from './env.ts';
import { redactText, safeLine } from './redact.ts';

/** How much is told; what is below the level that is set is left out. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Facts beside a line. Texts from outside are made one line, bounded, and freed of what looks like a secret. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** A structured log: one line for each thing that an operator would want to know of. */
export interface Log {
  readonly debug: (message: string, fields?: LogFields) => void;
  readonly info: (message: string, fields?: LogFields) => void;
  readonly warn: (message: string, fields?: LogFields) => void;
  readonly error: (message: string, fields?: LogFields) => void;
}

/** What a log needs. The settings may change while it is written. */
export interface LogNeeds {
  readonly env: Env;
  readonly write: (line: string) => void;
  readonly settings: () => { readonly level: LogLevel; readonly format: 'json' | 'text' };
}

/** Characters of one field; a runtime's error fits. */
const fieldChars = 2000;

/** Opens a log. */
export function openLog({ env, write, settings }: LogNeeds): Log {
  const say = (level: LogLevel, message: string, fields: LogFields = {}): void => {
    const { level: least, format } = settings();
    if (logLevels.indexOf(level) < logLevels.indexOf(least)) return;
    const time = new Date(env.now()).toISOString();
    const safe = Object.entries(fields).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, typeof value === 'string' ? clean(value) : value] as const],
    );
    if (format === 'json') {
      write(`${JSON.stringify({ time, level, msg: clean(message), ...Object.fromEntries(safe) })}\n`);
      return;
    }
    const rest = safe.map(([name, value]) => ` ${name}=${textValue(value)}`).join('');
    write(`${time} ${level.toUpperCase().padEnd(5)} ${clean(message)}${rest}\n`);
  };
  return {
    debug: (message, fields) => say('debug', message, fields),
    info: (message, fields) => say('info', message, fields),
    warn: (message, fields) => say('warn', message, fields),
    error: (message, fields) => say('error', message, fields),
  };
}

function clean(text: string): string {
  return redactText(safeLine(text, fieldChars));
}

function textValue(value: string | number | boolean | null): string {
  return typeof value === 'string' && /[\s"=]/.test(value) ? JSON.stringify(value) : String(value);
}
