import type { ExplainedText } from '../../model/explained-text.ts';
import type { Style } from './style.ts';
import { count, visible, wrap } from './words.ts';

/** Explanations as text: each meaning once, with how many lines have it, most frequent first. */
export function renderExplanations(results: readonly ExplainedText[], style: Style): string {
  const groups = new Map<string, ExplainedText[]>();
  for (const result of results) {
    const key = `${result.cause} ${result.image} ${result.registry}`;
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  if (groups.size === 0) return 'Nothing here is about a failing image pull.';
  const blocks = [...groups.values()].sort((a, b) => b.length - a.length).map((group) => block(group, style));
  return blocks.join('\n\n');
}

function block(group: readonly ExplainedText[], style: Style): string {
  const result = group[0];
  if (result === undefined) return '';
  const { cause, confidence, alternatives, summary, remedies, image } = result;
  const name = cause === null ? 'no failing pull' : `${cause}${confidence === null ? '' : ` (${confidence})`}`;
  const times = group.length > 1 ? `, ${count(group.length, 'line')}` : '';
  const head = `${style.bold(name)}${image === null ? '' : `  ${visible(image)}`}${times}`;
  const lines = [head, ...wrap(summary, style.width, '  ')];
  if (alternatives.length > 0) lines.push(...wrap(`It can also mean: ${alternatives.join(', ')}.`, style.width, '  '));
  for (const { text, command } of remedies) {
    lines.push(...wrap(text, style.width, '  → '));
    if (command !== null) lines.push(`      ${visible(command)}`);
  }
  return lines.join('\n');
}
