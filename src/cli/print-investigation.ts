import type { Investigation } from '../model/investigation.ts';
import { print, printJson } from './output.ts';
import { renderMarkdown } from './render/markdown.ts';
import { renderText } from './render/text.ts';
import { stdoutStyle } from './terminal.ts';

/** Prints an investigation as `-o` wants it. */
export async function printInvestigation(document: Investigation, output: 'text' | 'json' | 'markdown'): Promise<void> {
  if (output === 'json') await printJson(document);
  else if (output === 'markdown') await print(renderMarkdown(document));
  else await print(renderText(document, stdoutStyle()));
}
