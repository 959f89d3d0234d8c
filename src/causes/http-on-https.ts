import { tlsInstead } from '../evidence/breaks.ts';
import { idsOf } from '../evidence/view.ts';
import { matchBreaks } from './break-match.ts';
import { type Cause, remedy } from './cause.ts';
import { plainSpeaker } from './plain-answer.ts';
import { plainPlace } from './registry-place.ts';

/** The protocol of the endpoint's address and that of its port are not the same. */
export const httpOnHttps: Cause = {
  id: 'http-on-https',
  layer: 'tls',
  scenario: 7,
  title: 'HTTPS is spoken to a plain-HTTP port, or the other way round',
  fixedBy: 'node',
  proof:
    'The answer to the handshake is plain text, and the same port answers plain HTTP as a registry does; or plain HTTP meets a TLS port.',
  say: ({ host, port, detail }) =>
    `${host ?? 'The registry'}${port === undefined ? '' : ` port ${port}`} ${detail ?? 'does not speak the protocol that the runtime uses'}.`,
  remedies: ({ host, port, detail, source, path, unclear }) => [
    ...(unclear === undefined
      ? []
      : [
          remedy(
            'See what answers there; only what is known to be the registry may be told to the runtime as plain:',
            `curl -sv http://${host ?? 'HOST'}:${port ?? 'PORT'}/v2/`,
          ),
        ]),
    detail?.includes('TLS') === true && detail.includes('http://')
      ? remedy("Write https:// in the endpoint's address in the node's registry configuration.")
      : unclear !== undefined
        ? remedy('If it is the registry, give it TLS.')
        : source !== undefined
          ? remedy(`Give it TLS; or, in a network that you trust, say that it is plain in ${source}.`)
          : remedy(
              'Give the registry TLS; or, in a network that you trust, tell the runtime that it is plain:',
              `mkdir -p /etc/containerd/certs.d/${path ?? `${host ?? 'HOST'}:${port ?? 'PORT'}`} && echo 'server = "http://${host ?? 'HOST'}:${port ?? 'PORT'}"' > /etc/containerd/certs.d/${path ?? `${host ?? 'HOST'}:${port ?? 'PORT'}`}/hosts.toml`,
            ),
  ],
  match: (view) => [
    ...matchBreaks(['tls'], (hop) => {
      const speaker = plainSpeaker(hop, view);
      if (speaker === null) return null;
      const evidence = [...idsOf(hop.probes), ...idsOf(speaker.plain)];
      const detail = 'speaks plain HTTP, and the runtime addresses it with HTTPS';
      const args = { host: hop.way.host, port: String(hop.way.port), detail };
      if (speaker.is === 'registry') return { evidence, args: { ...args, ...plainPlace(hop, view) } };
      if (speaker.is !== 'server') return null;
      const alternatives = [hop.way.proxy === null ? 'registry-invalid-response' : 'proxy-denied'] as const;
      return { confidence: 'likely', alternatives, evidence, args: { ...args, unclear: 'yes' } };
    })(view),
    ...matchBreaks(['http'], (hop, view) =>
      hop.exchange?.error?.code === 'tls-on-plain' || tlsInstead(view, hop).length > 0
        ? {
            evidence: [...idsOf(hop.probes), ...idsOf(tlsInstead(view, hop))],
            args: {
              host: hop.way.host,
              port: String(hop.way.port),
              detail: 'speaks TLS, and the runtime addresses it with http://',
            },
          }
        : null,
    )(view),
  ],
};
