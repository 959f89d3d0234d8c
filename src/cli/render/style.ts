import { styleText } from 'node:util';

/** How text is set off. Every word stands without colour and without symbols too. */
export interface Style {
  readonly width: number;
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly good: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly symbols: Symbols;
}

/** Marks beside words that say the same. Each is one column wide. */
export interface Symbols {
  readonly bad: string;
  readonly good: string;
  readonly warn: string;
  readonly unknown: string;
  readonly arrow: string;
  readonly bar: string;
  /** A bar of almost no length. */
  readonly tick: string;
}

const same = (text: string): string => text;

const unicode: Symbols = { bad: '✗', good: '✓', warn: '!', unknown: '?', arrow: '→', bar: '▆', tick: '▏' };
const ascii: Symbols = { bad: 'x', good: '+', warn: '!', unknown: '?', arrow: '>', bar: '=', tick: '|' };

/** No colour, 80 columns. */
export const plainStyle: Style = {
  width: 80,
  bold: same,
  dim: same,
  bad: same,
  good: same,
  warn: same,
  symbols: unicode,
};

/** A stream that text is written to. */
export interface TextStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/**
 * The style for a stream: colours where it is a terminal and NO_COLOR is not set (`styleText` looks at both), and marks
 * beyond ASCII unless the locale is set to one without them.
 */
export function terminalStyle(
  stream: TextStream & NodeJS.WritableStream,
  variables: Readonly<Record<string, string | undefined>> = {},
): Style {
  const symbols = takesUnicode(variables) ? unicode : ascii;
  if (stream.isTTY !== true) return { ...plainStyle, symbols };
  const paint = (format: Parameters<typeof styleText>[0]) => (text: string) => styleText(format, text, { stream });
  return {
    width: Math.max(60, Math.min(stream.columns ?? 80, 120)),
    bold: paint('bold'),
    dim: paint('dim'),
    bad: paint(['bold', 'red']),
    good: paint('green'),
    warn: paint('yellow'),
    symbols,
  };
}

/** By the first of LC_ALL, LC_CTYPE, LANG that is set. None set says nothing: so it is in most containers, and UTF-8 is what arrives. */
function takesUnicode(variables: Readonly<Record<string, string | undefined>>): boolean {
  const locale = [variables.LC_ALL, variables.LC_CTYPE, variables.LANG].find((one) => one !== undefined && one !== '');
  return locale === undefined || /utf-?8/i.test(locale);
}
