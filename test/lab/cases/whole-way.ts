import type { Situation } from '../case.ts';
import type { Lab } from '../lab.ts';
import { behind, faultyAddress, tls } from './fronts.ts';

/** A party of the whole way, and a server in its place or a fault at it. */
export interface WholeWay {
  /** Names the image: each case pulls its own. */
  readonly name: string;
  /** The mirrors have the image; else they have nothing, and the upstream is what serves. */
  readonly mirrored: boolean;
  /** `resolv.conf`'s nameservers instead of the two that are well. */
  readonly nameservers?: readonly string[];
  /** The runtime's proxy for everything but the mirrors: `http://proxy.lab:3128` unless told otherwise. */
  readonly proxy?: string;
  /** More lines of squid's configuration. */
  readonly proxyRules?: readonly string[];
  /** The mirrors' addresses in hosts.toml. */
  readonly mirrors?: readonly [string, string];
  /** nginx's words in place of a party's own server block, after its certificate; null: nobody listens there. */
  readonly mirror?: string | null;
  readonly second?: string | null;
  readonly upstream?: string | null;
  readonly realm?: string | null;
  readonly content?: string | null;
  /** The host to which the upstream sends for the content; cdn.lab. */
  readonly contentHost?: string;
  /** The token service that the upstream names; auth.lab. */
  readonly realmHost?: string;
  /** A certificate of this party that is not what it should be. */
  readonly pairs?: Partial<Record<'mirror' | 'second' | 'upstream' | 'realm' | 'content', Lab['pair']>>;
}

/** The second nameserver, beside 10.77.0.53. */
export const secondNameserver = '10.77.0.54';

/** The address of `second.lab`, the second mirror. */
const secondAddress = '10.77.0.21';

/**
 * Every hop that a pull can have: two nameservers, a proxy, two mirrors, an upstream that wants a token of another host
 * (auth.lab) and sends to a third one for the content (cdn.lab). The mirrors are reached directly, the rest by the proxy.
 */
export async function wholeWay(lab: Lab, way: WholeWay): Promise<Situation> {
  const repository = `public/way-${way.name}`;
  const [first, other] = way.mirrors ?? ['https://mirror.lab', 'https://second.lab'];
  // The lab's own registry behind the token service, or one that names another.
  const tokens = way.realmHost === undefined ? '10.77.0.12' : `${faultyAddress}:8443`;
  const content = `https://${way.contentHost ?? 'cdn.lab'}`;
  const held = way.mirrored ? `location / { ${behind} }` : nothing;
  const upstream = `location / { proxy_pass https://${tokens}; proxy_set_header Host $http_host; }
    location ~ /blobs/ { return 307 ${content}$request_uri; }`;
  const pair = (party: keyof NonNullable<WholeWay['pairs']>): Lab['pair'] => way.pairs?.[party] ?? lab.pair;
  const front = async (
    party: keyof NonNullable<WholeWay['pairs']>,
    listen: string,
    locations: string | null,
    at: 'reg' | 'cdn' | 'mirror' | 'auth',
  ): Promise<void> => {
    if (locations !== null) await lab.front(party, listen, `server { ${tls(pair(party), listen)} ${locations} }`, at);
  };
  await Promise.all([
    lab.push(repository, '1.0'),
    lab.nameserver('second', { listen: [secondNameserver] }),
    lab.proxy({ name: 'way', port: 3128, rules: way.proxyRules ?? [] }),
    front('mirror', '10.77.0.60:443', way.mirror === undefined ? held : way.mirror, 'mirror'),
    front('second', `${secondAddress}:443`, way.second === undefined ? held : way.second, 'reg'),
    front('upstream', `${faultyAddress}:443`, way.upstream === undefined ? upstream : way.upstream, 'reg'),
    front('content', '10.77.0.40:443', way.content === undefined ? `location / { ${behind} }` : way.content, 'cdn'),
    ...(way.realmHost === undefined ? [] : [namingRealm(lab, way.realmHost)]),
    ...(way.realm === undefined ? [] : [replaceRealm(lab, way.realm, pair('realm'))]),
    lab.nodeFile('containerd/certs.d/faulty.lab/hosts.toml', `[host."${first}"]\n[host."${other}"]\n`),
  ]);
  const nameservers = way.nameservers ?? ['10.77.0.53', secondNameserver];
  await lab.resolvers([...nameservers.map((address) => `nameserver ${address}`), 'options timeout:1 attempts:1']);
  await lab.runtime({
    HTTPS_PROXY: way.proxy ?? 'http://proxy.lab:3128',
    NO_PROXY: 'mirror.lab,mirror-gone.lab,second.lab',
  });
  return { image: `faulty.lab/${repository}:1.0` };
}

/** A registry that works and has no such repository. */
const nothing = `location / { default_type application/json; add_header Docker-Distribution-Api-Version registry/2.0 always;
    return 404 '{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry"}]}'; }
  location = /v2/ { default_type application/json; add_header Docker-Distribution-Api-Version registry/2.0 always; return 200 '{}'; }`;

/** A server that takes a request and says nothing: what it asks itself lies behind a router that drops. */
export const silent = 'location / { proxy_pass http://10.78.0.10; proxy_connect_timeout 70s; }';

/** A registry that sends to another host for its tokens. */
function namingRealm(lab: Lab, host: string): Promise<void> {
  const token = {
    realm: `https://${host}/token`,
    service: 'token.lab',
    issuer: 'auth.lab',
    certificate: `${lab.folder}/token-ca/ca.crt`,
  };
  return lab.registry('naming', `${faultyAddress}:8443`, { tls: lab.pair, token });
}

/** Another server in the place of the token service; null: its port refuses. */
async function replaceRealm(lab: Lab, locations: string | null, pair: Lab['pair']): Promise<void> {
  if (locations === null) {
    await lab.filter('auth', 'input', ['tcp dport 443 reject with tcp reset']);
    return;
  }
  const listen = '10.77.0.50:8443';
  await lab.front('realm', listen, `server { ${tls(pair, listen)} ${locations} }`, 'auth');
  await lab.translate('auth', ['tcp dport 443 redirect to :8443']);
}
