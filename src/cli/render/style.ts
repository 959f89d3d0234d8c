import { styleText } from 'node:util';

/** How text is set off. Every word stands without colour too. */
export interface Style {
  readonly width: number;
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly good: (text: string) => string;
  readonly warn: (text: string) => string;
}

const same = (text: string): string => text;

/** No colour, 80 columns. */
export const plainStyle: Style = { width: 80, bold: same, dim: same, bad: same, good: same, warn: same };

/** Colours where the stream is a terminal and NO_COLOR is not set; `styleText` looks at both. */
export function terminalStyle(stream: NodeJS.WriteStream): Style {
  if (!stream.isTTY) return plainStyle;
  const paint = (format: Parameters<typeof styleText>[0]) => (text: string) => styleText(format, text, { stream });
  return {
    width: Math.max(60, Math.min(stream.columns ?? 80, 120)),
    bold: paint('bold'),
    dim: paint('dim'),
    bad: paint(['bold', 'red']),
    good: paint('green'),
    warn: paint('yellow'),
  };
}
