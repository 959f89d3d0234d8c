/** `zone=eu-1a` of `node.labels` by its parts; null for what is none. */
export function labelOf(text: string): { readonly name: string; readonly value: string } | null {
  const found = /^([a-z][a-z0-9.-]{0,62}[a-z0-9])=(\S.{0,255})$/.exec(text);
  return found === null ? null : { name: found[1] ?? '', value: found[2] ?? '' };
}
