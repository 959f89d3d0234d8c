import type { CauseArgs } from '../causes/cause.ts';
import { causeOf } from '../causes/index.ts';
import { remediesOf } from '../causes/remedies.ts';
import { parseReference } from '../image/reference.ts';
import { safeLine } from '../lib/redact.ts';
import { withoutTrailing } from '../lib/trailing.ts';
import { type Explanation, explainMessage } from '../messages/explain.ts';
import type { ExplainedText } from '../model/explained-text.ts';

/** Characters of a text that are repeated in its explanation. */
const shownText = 4000;

/** What one text (an event, a log line, an error of a client) means. Pure. */
export function explainText(text: string): ExplainedText {
  const shown = safeLine(text, shownText);
  const meaning = explainMessage(text);
  if (meaning === null) {
    return {
      text: shown,
      cause: null,
      confidence: null,
      layer: null,
      image: null,
      registry: null,
      underlying: null,
      summary: 'This is not about a failing image pull.',
      remedies: [],
      alternatives: [],
    };
  }
  const cause = causeOf(meaning.cause);
  const args = argsOf(meaning);
  return {
    text: shown,
    cause: meaning.cause,
    confidence: meaning.confidence,
    layer: cause.layer,
    image: meaning.image,
    registry: meaning.registry,
    underlying: meaning.underlying,
    summary: summaryOf(meaning),
    remedies: remediesOf(cause, args),
    alternatives: meaning.alternatives,
  };
}

/**
 * The cause's title and the innermost words. A cause's own sentence would claim more than a text can show: that the
 * repository exists, for one, where the text only says "not found".
 */
function summaryOf({ cause, image, registry, underlying, innermost }: Explanation): string {
  if (cause === 'unknown')
    return `A pull${image === null ? '' : ` of ${image}`} fails, and this text does not hold the reason.`;
  const title = causeOf(cause).title;
  const where = registry === null ? '' : ` (${registry})`;
  const beneath = underlying === null ? '' : ` ${causeOf(underlying).title}.`;
  const words = innermost === '' ? '' : ` The text says: ${withoutTrailing(innermost, '. \t\r\n')}.`;
  return `${title}${where}.${beneath}${words}`;
}

/** What the text says, put where the cause's words want it. The innermost error is the detail that a person searches for. */
function argsOf(meaning: Explanation): CauseArgs {
  const { image, registry, innermost, details } = meaning;
  const parsed = image === null ? null : parseReference(image);
  const reference = parsed?.ok === true ? parsed.value : null;
  const pick = (name: string): string | undefined => details[name];
  const optional = {
    nameserver: pick('nameserver'),
    proxy: pick('proxy'),
    platform: pick('platform'),
    date: pick('notAfter'),
    path: pick('path'),
    username: pick('username'),
  };
  const known = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
  return {
    ...known,
    ...(image === null ? {} : { image }),
    ...hostArgs(registry),
    ...(reference === null ? {} : { repository: reference.path, tag: reference.digest ?? reference.tag ?? '' }),
    detail: innermost,
  };
}

/** `reg.corp:5000` as the words want it: host and port apart. */
function hostArgs(registry: string | null): CauseArgs {
  if (registry === null) return {};
  const [, host = registry, port] = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(registry) ?? [];
  return port === undefined ? { host } : { host, port };
}
