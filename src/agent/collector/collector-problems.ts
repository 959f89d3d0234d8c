import { byteCount } from '../../settings/values.ts';
import type { AgentSettings } from '../settings.ts';
import { collectorUrl, isClearRemote } from './collector-url.ts';
import { labelOf } from './label.ts';

/** Less holds not even one investigation. */
const leastBytes = 1024 * 1024;

/** What cannot be of the settings of reporting, each with the setting's name and what to do. */
export function collectorProblems(
  { collector, node }: Pick<AgentSettings, 'collector' | 'node'>,
  say: (setting: string, message: string) => void,
): void {
  const { url: text, tokenFile, caFile, certFile, keyFile, spool } = collector;
  const url = text === null ? null : collectorUrl(text);
  if (text === null) {
    const files = { tokenFile, caFile, certFile, keyFile };
    for (const [name, value] of Object.entries(files))
      if (value !== null) say(`collector.${name}`, 'Nothing looks at it unless collector.url is set.');
  } else if (url === null) {
    say(
      'collector.url',
      'It is no address of a collector, such as https://pullwhy.corp.example:9450, without a password.',
    );
  } else if (isClearRemote(url)) {
    say(
      'collector.url',
      `Reports and the token would go to ${url.host} in clear, and whoever answers there would be believed: use https://.`,
    );
  }
  if (text !== null && certFile !== null && keyFile === null)
    say('collector.certFile', 'It needs collector.keyFile, the file of its key.');
  if (text !== null && certFile === null && keyFile !== null)
    say('collector.keyFile', 'It needs collector.certFile, the file of the certificate.');
  const bytes = byteCount(spool.maxBytes);
  if (bytes !== null && bytes < leastBytes)
    say('collector.spool.maxBytes', `${spool.maxBytes} is too little: at least 1MiB.`);
  for (const label of node.labels)
    if (labelOf(label) === null) say('node.labels', `${label} is no name with a value, such as zone=eu-1a.`);
}
