import { parseReference } from '../image/reference.ts';
import { limits } from '../lib/limits.ts';
import { safeLine } from '../lib/redact.ts';
import { podOf, readLogRecord } from '../messages/log-record.ts';
import type { CredentialWord } from '../model/journal-facts.ts';
import type { PullEvent } from './pull-event.ts';
import type { SourceLine } from './pull-line.ts';

/** Collects what the kubelet says of the credentials of an image's pulls, line by line. */
export interface CredentialWords {
  line(line: SourceLine): void;
  /** What it said of this image, or of pods whose pulls of it are these; the last of each kind, oldest first. */
  of(pulls: readonly Pick<PullEvent, 'pod' | 'namespace'>[]): readonly CredentialWord[];
}

/** Words that are kept of one image; more say nothing new. */
const maxWords = 4;

/** Pods of which a word is kept at a time: kubelets take 110 by default. */
const maxPods = 512;

/** A quick look that spares all other lines the work. */
const worth = /Unable to retrieve (?:some image )?pull secrets?|Failed getting credential from external/;

/** The line may be of use to `credentialWords`. */
export function tellsOfCredentials({ message }: SourceLine): boolean {
  return worth.test(message);
}

/** `secret "regcred" not found`; a secret that could not be looked up in time is another thing. */
const notFound = /\bsecrets? \\?"([^"\\]{1,253})\\?" not found/;

/** The kubelet's old line, with everything in its message (pull-facts, section 1). */
const inOneLine = /^Unable to retrieve pull secret (\S{1,500}) for (\S{1,500}) due to (.{1,600})/s;

/** A logged event (`-v=3`). */
const inEvent = /^Unable to retrieve some image pull secrets \(([^)]{1,1000})\)/;

/** plugin.go, ExecPlugin and provide. */
const pluginFailed =
  /Failed getting credential from external registry credential provider: (?:error execing credential provider plugin (\S{1,253}) for image (\S{1,512}): )?(.{0,1000})/s;

/** Makes a collector for one image. */
export function credentialWords(image: string): CredentialWords {
  const wanted = parseReference(image);
  const plugins = new Map<string, CredentialWord>();
  const pods = new Map<string, CredentialWord>();
  const keep = (words: Map<string, CredentialWord>, key: string, word: CredentialWord): void => {
    words.delete(key); // the last word of each stands last
    words.set(key, word);
    const oldest = words.keys().next();
    if (words.size > maxPods && !oldest.done) words.delete(oldest.value);
  };
  /** Plugins are asked for a repository, without a tag. */
  const isWanted = (other: string): boolean => {
    const parsed = parseReference(other);
    if (!parsed.ok || !wanted.ok) return other === image;
    return parsed.value.domain === wanted.value.domain && parsed.value.path === wanted.value.path;
  };
  return {
    line(line) {
      if (!worth.test(line.message)) return;
      const record = readLogRecord(line.message);
      const at = new Date(Math.floor(line.timeUs / 1000)).toISOString();
      const base = { at, unit: line.unit };
      const plugin = pluginFailed.exec(line.message);
      if (plugin !== null) {
        const [whole, name = null, of, why = ''] = plugin;
        if (name === null || of === undefined || !isWanted(of)) return;
        const message = safeLine(why === '' ? whole : why, limits.historyMessageChars);
        keep(plugins, name, { ...base, kind: 'plugin-failed', pod: null, name: safeLine(name, 253), message });
        return;
      }
      const old = inOneLine.exec(record.message);
      const why = old?.[3] ?? record.fields.get('err') ?? '';
      const event = inEvent.exec(record.fields.get('message') ?? '');
      const name = event?.[1] ?? notFound.exec(why)?.[1];
      const place = podOf(record);
      const pod = old?.[2] ?? (event === null ? placeName(place) : (record.fields.get('object') ?? null));
      if (name === undefined || pod === null) return;
      const message = safeLine(why === '' ? (record.fields.get('message') ?? '') : why, limits.historyMessageChars);
      keep(pods, pod, { ...base, kind: 'secret-missing', pod: safeLine(pod, 400), name: safeLine(name, 253), message });
    },
    of(pulls) {
      const ours = new Set(pulls.map(placeName));
      const words = [...plugins.values(), ...[...pods].filter(([pod]) => ours.has(pod)).map(([, word]) => word)];
      return words.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0)).slice(-maxWords);
    },
  };
}

function placeName({
  namespace,
  pod,
}: {
  readonly namespace: string | null;
  readonly pod: string | null;
}): string | null {
  return namespace === null || pod === null ? null : `${namespace}/${pod}`;
}
