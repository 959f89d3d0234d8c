import { createHash } from 'node:crypto';
import type { Static } from '../../api/schema.ts';
import { causeIds } from '../../model/cause-id.ts';
import {
  duration,
  durationMs,
  objects,
  oneOf,
  optionalText,
  requiredOneOf,
  texts,
  wordsOf,
} from '../../settings/values.ts';

/** Scopes of an incident, the widest last. */
export const scopes = ['node', 'group', 'cluster'] as const;

/** Who can mend what is told of. */
const faults = ['workload', 'node', 'network', 'registry', 'nobody'] as const;

/** The setting `notify`: who is told of incidents. */
export const NotifySettings = objects(
  {
    type: requiredOneOf(['alertmanager', 'webhook', 'slack'], {
      description:
        "alertmanager: its own API; webhook: signed JSON; slack: Slack's incoming webhooks and what takes them",
    }),
    name: optionalText({
      description: 'what logs and metrics call it, and what it is remembered by; made of type and place without it',
    }),
    url: optionalText({
      description: 'where it is; of an Alertmanager without /api/v2/alerts',
      expects: 'a URL with http:// or https://',
      secret: true,
    }),
    urlFile: optionalText({ description: 'a file with the URL, read for each message', expects: 'a path' }),
    secretFile: optionalText({ description: 'webhook: a file with the key that signs', expects: 'a path' }),
    tokenFile: optionalText({ description: 'a file with a bearer token', expects: 'a path' }),
    username: optionalText({ description: 'for basic authentication' }),
    passwordFile: optionalText({ description: 'a file with its password', expects: 'a path' }),
    caFile: optionalText({
      description: 'authorities to trust in place of the system',
      expects: 'a path of a PEM file',
    }),
    proxy: optionalText({ description: 'an HTTP proxy on the way', expects: 'a URL of a proxy', secret: true }),
    minScope: oneOf(scopes, { description: 'told from this scope on', default: 'node' }),
    severities: wordsOf(['fault', 'degraded'], {
      description: 'which are told; fault: pulls fail; degraded: they work, and something is wrong',
      default: ['fault', 'degraded'],
    }),
    causes: texts({ description: 'only these causes; empty: all', expects: 'a list of causes of the table of causes' }),
    faults: wordsOf(faults, { description: 'only what these can mend', default: faults }),
    delay: duration({ description: 'how long a fault must last before it is told', default: '10s' }),
    degradedDelay: duration({ description: 'the same for what is degraded', default: '30s' }),
    repeat: duration({ description: 'told again after this long while it lasts; 0s: never', default: '4h' }),
    window: duration({ description: 'what comes within this time goes into one message', default: '5s' }),
  },
  { description: 'who is told of incidents', live: false },
);

/** One entry of it. */
export type NotifySetting = Static<typeof NotifySettings>[number];

/** What a target is remembered by, in the store and in metrics: its name, or one made of what leads to it. */
export function targetName(setting: Pick<NotifySetting, 'type' | 'name' | 'url' | 'urlFile'>): string {
  const { type, name, url, urlFile } = setting;
  if (name !== null) return name;
  // The URL of a webhook is its password: of a digest's 40 bits nobody finds it again.
  const mark = createHash('sha256')
    .update(`${url ?? ''}\n${urlFile ?? ''}`)
    .digest('hex')
    .slice(0, 10);
  return `${type}-${mark}`;
}

/** What of the entries cannot be together, each value right by itself. */
export function notifyProblems(
  entries: readonly NotifySetting[],
): readonly { readonly setting: string; readonly message: string }[] {
  const names = new Map<string, number>();
  return entries.flatMap((entry, at) => {
    const full = `notify[${at}]`;
    const said = entryProblems(entry).map((message) => `${full}: ${message}`);
    const name = targetName(entry);
    const before = names.get(name);
    names.set(name, at);
    if (before !== undefined)
      said.push(
        `${full}: notify[${before}] has the same name, so that one would take the other's messages for its own: give it another name.`,
      );
    return said.map((message) => ({ setting: 'notify', message }));
  });
}

function entryProblems(entry: NotifySetting): readonly string[] {
  const { type, url, urlFile, secretFile, tokenFile, username, passwordFile, proxy, causes } = entry;
  const problems: string[] = [];
  if (url === null && urlFile === null) problems.push('it needs url or urlFile.');
  if (url !== null && urlFile !== null) problems.push('url and urlFile are given: one of them is meant.');
  if (url !== null && !isHttp(url)) problems.push('url must be a URL with http:// or https://.');
  if (proxy !== null && !isHttp(proxy)) problems.push('proxy must be a URL with http:// or https://.');
  if (secretFile !== null && type !== 'webhook') problems.push('secretFile signs the messages of a webhook only.');
  if ((username === null) !== (passwordFile === null)) problems.push('username and passwordFile go together.');
  if (tokenFile !== null && username !== null) problems.push('tokenFile and username are given: one of them is meant.');
  if (type === 'slack' && (tokenFile ?? username) !== null)
    problems.push('of an incoming webhook the URL is the password: it takes no tokenFile and no username.');
  const known: readonly string[] = causeIds;
  for (const cause of causes) if (!known.includes(cause)) problems.push(`causes has ${cause}, which is no cause.`);
  if (entry.name !== null && !/^[\w.:-]{1,64}$/.test(entry.name))
    problems.push('name must have 1 to 64 letters, digits, dots, colons, dashes or underscores.');
  if ((durationMs(entry.window) ?? 0) > 600_000) problems.push('window must be at most 10m.');
  return problems;
}

function isHttp(text: string): boolean {
  const protocol = URL.parse(text)?.protocol;
  return protocol === 'http:' || protocol === 'https:';
}
