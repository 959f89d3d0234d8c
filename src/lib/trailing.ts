/**
 * A text without the characters of `ending` at its end, looked at from there. The pattern for it, `/x+$/`, looks at a run of
 * them in the middle once from each of its characters: 64 KiB of dots in what a registry sends would hold everything up.
 */
export function withoutTrailing(text: string, ending: string): string {
  let end = text.length;
  while (end > 0 && ending.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}
