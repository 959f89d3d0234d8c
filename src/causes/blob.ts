import { limitOf } from '../evidence/limit.ts';
import { partyName } from '../evidence/origin.ts';
import { matchBreaks } from './break-match.ts';
import { type Cause, type CauseArgs, remedy } from './cause.ts';
import { firstBytesCame } from './tcp.ts';

const fetch = ({ host, scheme, proxy }: CauseArgs): string =>
  `curl -sv ${proxy === undefined ? '' : `-x ${proxy} `}${scheme ?? 'https'}://${host ?? 'HOST'}/ -o /dev/null`;

/** Causes of the content behind the manifest. */
export const blobCauses: readonly Cause[] = [
  {
    id: 'blob-unreachable',
    layer: 'blob',
    scenario: 3,
    title: "The image's content cannot be fetched",
    fixedBy: 'network',
    proof: 'The manifest comes, and the config or a layer is fetched by each redirect to the host that keeps it.',
    say: ({ host, underlying, detail, own }) =>
      `${own === undefined ? `The manifest comes, and the image's content does not: it lies at ${host ?? 'another host'}.` : `${host ?? 'The registry'} gives the manifest, and not the content that it names.`} ${underlying ?? (detail === undefined ? '' : `${detail}.`)}`.trim(),
    remedies: (args) =>
      args.own === undefined
        ? [
            remedy(
              `Firewalls, proxies and NO_PROXY lists must name this host too: ${args.host ?? 'the content host'}, not only the registry.`,
              fetch(args),
            ),
          ]
        : [
            /^40[13] /.test(args.detail ?? '')
              ? remedy(
                  'It gives the manifest to this client and refuses the content: look at the rights there, those of the storage behind it too, and at its log.',
                )
              : remedy(
                  "The registry's storage has lost it or fails: push the image again, or look at the registry's log.",
                  'docker push IMAGE',
                ),
          ],
    match: matchBreaks(['http'], (hop, view) => {
      if (hop.hop !== 'blob' || hop.exchange?.kind !== 'blob' || firstBytesCame(hop, view) !== null) return null;
      const code = hop.exchange.error?.code;
      const status = hop.exchange.facts.status;
      const direct =
        code === 'body-cut' ||
        code === 'timeout' ||
        (code === 'http-status' && status !== null && status < 500 && limitOf(hop.exchange) === null);
      if (!direct) return null;
      const { bytes, size } = hop.exchange.facts;
      const cut =
        code === 'body-cut' ? `the transfer ends after ${bytes} of ${size} bytes` : hop.exchange.error?.message;
      return {
        carrier: null,
        underlying: code === 'timeout' ? 'registry-timeout' : null,
        args: { host: partyName(hop.way), ...(cut === undefined ? {} : { detail: capital(cut) }) },
      };
    }),
  },
  {
    id: 'digest-mismatch',
    layer: 'blob',
    scenario: 3,
    title: 'The content does not match its digest',
    fixedBy: 'registry',
    proof: 'All of the content is fetched and hashed.',
    say: ({ host, detail }) =>
      `What ${host ?? 'the registry'} delivers is not what the manifest names${detail === undefined ? '' : `: ${detail}`}.`,
    remedies: () => [
      remedy(
        'A cache or proxy that changes or cuts content does this, or a damaged registry store: fetch past the cache, and push the image again.',
      ),
    ],
    match: matchBreaks(['http'], (hop) =>
      hop.exchange?.error?.code === 'digest-mismatch'
        ? { carrier: null, args: { host: partyName(hop.way), detail: hop.exchange.error.message } }
        : null,
    ),
  },
];

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
