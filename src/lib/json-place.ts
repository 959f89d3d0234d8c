/** One token of JSON, or white space. */
const token =
  /[ \t\n\r]+|[{}[\],:]|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/**
 * Where a text stops being JSON, as `line 3, column 7`; null for a text that is JSON. The engine's own messages name a
 * place only for some mistakes, and repeat parts of the text.
 */
export function jsonErrorPlace(text: string): string | null {
  const at = jsonErrorAt(text);
  if (at === null) return null;
  const before = text.slice(0, at).split('\n');
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}

type Expected = 'value' | 'value-or-end' | 'name' | 'name-or-end' | 'colon' | 'comma-or-end' | 'nothing';

function jsonErrorAt(text: string): number | null {
  const open: ('{' | '[')[] = [];
  /** What may come next. */
  let next: Expected = 'value';
  token.lastIndex = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  for (let at = token.lastIndex; at < text.length; at = token.lastIndex) {
    token.lastIndex = at;
    const word = token.exec(text)?.[0];
    if (word === undefined) return at;
    if (/^\s/.test(word)) continue;
    const after: Expected = open.length > 0 ? 'comma-or-end' : 'nothing';
    if (next === 'value' || (next === 'value-or-end' && word !== ']')) {
      if (word === '{' || word === '[') {
        open.push(word);
        next = word === '{' ? 'name-or-end' : 'value-or-end';
      } else if (/^[\]},:]/.test(word)) return at;
      else next = after;
    } else if (next === 'name' || (next === 'name-or-end' && word !== '}')) {
      if (!word.startsWith('"')) return at;
      next = 'colon';
    } else if (next === 'colon') {
      if (word !== ':') return at;
      next = 'value';
    } else if (next === 'comma-or-end' && word === ',') {
      next = open.at(-1) === '{' ? 'name' : 'value';
    } else {
      // An end: of what is open, and only where one may come.
      if (next === 'nothing' || word !== (open.at(-1) === '{' ? '}' : ']')) return at;
      open.pop();
      next = open.length > 0 ? 'comma-or-end' : 'nothing';
    }
  }
  return next === 'nothing' ? null : text.length;
}
