import { makePki } from '../kit/certificates.ts';
import { dnsAnswer, recordTypes, startDnsServer } from '../kit/dns-server.ts';
import { makeImage } from '../kit/fake-registry.ts';
import type { NodeOptions } from '../kit/node-folder.ts';

/** What was started for one incident, and what is to be called how in its document. */
export interface Staged {
  readonly options: NodeOptions;
  readonly close: readonly (() => Promise<void>)[];
  readonly names: Readonly<Record<string, string>>;
  /** How far the node's clock is ahead, milliseconds. */
  readonly aheadMs?: number;
}

/** The image of every incident, at two tags. */
export const image = makeImage({ os: 'linux', architecture: 'amd64' });
export const repositories = { 'team/app': { '1.27.3': image, '1.27.4': image } };
export const pki = makePki();
export const trust = { 'etc/ssl/certs/ca-certificates.crt': pki.root.pem };
export const certsDirectory = {
  'etc/containerd/config.toml':
    'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "/etc/containerd/certs.d"\n',
};

/** A nameserver that has 127.0.0.1 for every name of `.test`. */
export const nameserver = (addresses: readonly string[] = ['127.0.0.1']) =>
  startDnsServer((query) => [
    query.type === recordTypes.A && query.name.endsWith('.test')
      ? dnsAnswer(query, { records: addresses.map((data) => ({ name: query.name, type: 'A' as const, data })) })
      : dnsAnswer(query),
  ]);

export function staged(
  asked: string,
  servers: readonly { readonly close: () => Promise<void> }[],
  options: Omit<NodeOptions, 'image'>,
  names: Readonly<Record<string, string>>,
): Staged {
  return { options: { ...options, image: asked }, close: servers.map((server) => () => server.close()), names };
}
