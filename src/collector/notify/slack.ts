import type { Notice } from './decide.ts';
import type { Message } from './messages.ts';
import { changeWords, wordsOf } from './words.ts';

/** Incidents that one message tells in full; of the rest it has the titles, then their number. */
const mostFull = 5;
const mostTitles = 15;

/** Slack takes 150 characters in a header, 3000 in a section, 50 blocks, and cuts texts at 40,000 (docs.slack.dev, Block Kit). */
const headerChars = 150;
const sectionChars = 2900;
const textChars = 12_000;

/**
 * The body for an incoming webhook. `blocks` is for Slack; Mattermost, Rocket.Chat and others show
 * `text`, and who refuses blocks gets it alone. What comes from
 * nodes, registries and image names stands as plain text, so that it cannot format, link or call people.
 */
export function slackBody(
  { notices }: Message,
  linkOf: (id: string) => string | null,
  { blocks: withBlocks }: { readonly blocks: boolean },
): string {
  const full = notices.slice(0, mostFull);
  const short = notices.slice(mostFull, mostFull + mostTitles);
  const more = notices.length - full.length - short.length;
  const rest = [...short.map((notice) => cut(titleOf(notice), headerChars)), ...(more > 0 ? [`and ${more} more`] : [])];
  const blocks = [
    ...full.flatMap((notice) => blocksOf(notice, linkOf)),
    ...(rest.length === 0 ? [] : [section(rest.join('\n'))]),
  ];
  const texts = [...full.map((notice) => `*${harmless(titleOf(notice))}*\n${harmless(linesOf(notice).join('\n'))}`)];
  const text = [...texts, ...(rest.length === 0 ? [] : [harmless(rest.join('\n'))])].join('\n\n');
  // No names are looked up, no links unfolded: neither is ours to decide by what a node has sent.
  return JSON.stringify({
    text: cut(text, textChars),
    ...(withBlocks ? { blocks } : {}),
    link_names: false,
    unfurl_links: false,
    unfurl_media: false,
  });
}

function blocksOf(notice: Notice, linkOf: (id: string) => string | null): readonly object[] {
  const link = linkOf(notice.incident.id);
  const header = { type: 'header', text: plain(titleOf(notice), headerChars) };
  const context =
    link === null
      ? []
      : [
          {
            type: 'context',
            elements: [{ type: 'mrkdwn', text: `<${escaped(link)}|incident ${escaped(notice.incident.id)}>` }],
          },
        ];
  return [header, section(linesOf(notice).join('\n')), ...context];
}

function titleOf(notice: Notice): string {
  return `${changeWords(notice)}: ${wordsOf(notice.incident).title}`;
}

function linesOf({ change, incident }: Notice): readonly string[] {
  const { summary, attribution, counts, remedies } = wordsOf(incident);
  const common = attribution === null ? [] : [attribution];
  return change === 'closed' ? [counts] : [summary, ...common, counts, ...remedies.map((remedy) => `- ${remedy}`)];
}

function section(text: string): object {
  return { type: 'section', text: plain(text, sectionChars) };
}

function plain(text: string, most: number): object {
  return { type: 'plain_text', text: cut(text, most), emoji: false };
}

/** The three characters that mean something in Slack's texts, as its documentation asks for them. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/**
 * Foreign text where a chat would read it as markup: escaped, and with a joiner of no width where a mention, a link or an
 * image would begin. It reads as it did; a digest's `@` stays as it is, so that references can be copied.
 */
export function harmless(text: string): string {
  return escaped(text)
    .replace(/@(?!sha(?:256|512):[0-9a-f])(?=\w)/g, '@\u2060')
    .replace(/#(?=\w)/g, '#\u2060')
    .replaceAll('://', ':\u2060//')
    .replace(/\bwww\./gi, (word) => `${word.slice(0, 3)}\u2060.`)
    .replaceAll('](', ']\u2060(');
}

function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  // Not within a pair of surrogates: the receiver would refuse the whole.
  const end = text
    .slice(0, most - 1)
    .toWellFormed()
    .replace(/\ufffd$/, '');
  return `${end}…`;
}
