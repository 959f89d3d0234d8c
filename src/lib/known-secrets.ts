import { withoutTrailing } from './trailing.ts';

/**
 * Masks values that are known to be secret in text that others wrote: a registry's debug page or a proxy's error page
 * may repeat the request, its Authorization header included.
 */

const mask = '[secret]';

/** Shorter values stand in too many words by chance; with the user's name before them they are still found. */
const minPlain = 6;

/** Of a text that was cut: so much of a secret's beginning gives it away. */
const minCut = 6;

/** Characters that a base64 form must have to be no accident. */
const minEncoded = 8;

/**
 * Makes a masker for `secrets`: it knows each as it is and as it comes back from others: URL-encoded, JSON- or
 * HTML-escaped, and in base64 at any place of a longer text. What `open` (what is shown anyway) holds in plain is not
 * masked: a password that is a registry's name hides nothing by being masked and would garble every line.
 */
export function secretMasker(secrets: readonly string[], open: string): (text: string) => string {
  const forms = new Set<string>();
  for (const secret of secrets) {
    if (secret.length >= minPlain) {
      for (const form of plainForms(secret)) if (form.length >= minPlain && !open.includes(form)) forms.add(form);
    }
    for (const form of base64Forms(secret)) if (!open.includes(form)) forms.add(form);
  }
  // Host names and media types come back in lower case.
  for (const form of [...forms]) if (!open.includes(form.toLowerCase())) forms.add(form.toLowerCase());
  // A password that is the mask's own word needs no masking, and would be found in every mask.
  for (const form of forms) if (mask.includes(form)) forms.delete(form);
  if (forms.size === 0) return (text) => text;
  // The longest first, so that no rest of a longer form stays.
  const list = [...forms].sort((a, b) => b.length - a.length);
  // By index, not by one pattern: a token may have a megabyte, which no pattern takes.
  return (text) => {
    let shown = text;
    for (const form of list) if (shown.includes(form)) shown = shown.replaceAll(form, mask);
    return maskCut(shown, list);
  };
}

/** A copy of plain data with every text in it (not the names of members) passed through `map`. */
export function mapTexts<T>(value: T, map: (text: string) => string): T;
export function mapTexts(value: unknown, map: (text: string) => string): unknown {
  if (typeof value === 'string') return map(value);
  if (Array.isArray(value)) return value.map((item: unknown) => mapTexts(item, map));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, mapTexts(member, map)]));
}

function plainForms(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  const html = secret
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
  const encoded = urlForms(secret);
  const lower = encoded.map((text) => text.replace(/%[0-9A-F]{2}/gu, (code) => code.toLowerCase()));
  return [secret, json, json.replaceAll('/', '\\/'), html, ...encoded, ...lower, ...encoded.map(encodeURIComponent)];
}

/** URL-encoded: encoders do not agree on what needs it, and in a query, a path and a form other characters do. */
function urlForms(secret: string): string[] {
  const text = secret.toWellFormed();
  const form = new URLSearchParams({ s: text }).toString().slice(2);
  const url = new URL('http://h/');
  url.search = text;
  url.pathname = text;
  return [encodeURIComponent(text), form, form.replaceAll('+', '%20'), url.search.slice(1), url.pathname.slice(1)];
}

/** Base64 of the secret wherever it stands in what is encoded: the characters that depend on it alone. */
function base64Forms(secret: string): string[] {
  const bytes = Buffer.from(secret, 'utf8');
  const forms: string[] = [];
  for (let offset = 0; offset < 3; offset++) {
    const text = withoutTrailing(Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64'), '=');
    const rest = (offset + bytes.length) % 3;
    const core = text.slice(offset === 0 ? 0 : offset + 1, rest === 0 ? text.length : -1);
    if (core.length >= minEncoded) forms.push(core, core.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return forms;
}

/** The beginning of a secret at a place where the text was cut (`…`). */
function maskCut(text: string, forms: readonly string[]): string {
  let at = text.indexOf('…');
  if (at === -1) return text;
  let shown = text;
  while (at !== -1) {
    const head = shown.slice(0, at).trimEnd();
    let longest = 0;
    for (const form of forms) {
      for (let length = Math.min(form.length, head.length); length >= minCut && length > longest; length--) {
        if (head.endsWith(form.slice(0, length))) longest = length;
      }
    }
    if (longest > 0) {
      shown = head.slice(0, head.length - longest) + mask + shown.slice(at);
      at = head.length - longest + mask.length;
    }
    at = shown.indexOf('…', at + 1);
  }
  return shown;
}
