import type { LabCase } from '../case.ts';
import { runtimeLines } from '../containerd-versions.ts';
import type { Lab } from '../lab.ts';
import { errors } from './fronts.ts';
import { silent, type WholeWay, wholeWay } from './whole-way.ts';

/** The image comes in the end, and the verdict names the mirror that costs time. */
const costs = {
  verdict: 'degraded',
  cause: 'mirror-failed',
  confidence: 'proven',
  pull: 'works',
  runtimes: 'one',
} as const;

const first = (name: string, fault: Partial<WholeWay>) => (lab: Lab) =>
  wholeWay(lab, { name: `first-${name}`, mirrored: true, ...fault });

const expired = async (lab: Lab, host: string): Promise<Lab['pair']> =>
  lab.authority.issue(`expired-${host}`, [host], {
    from: new Date(Date.now() - 4e9),
    to: new Date(Date.now() - 2e8),
  });

const down = 'return 503;';

export const cases: readonly LabCase[] = [
  {
    name: 'the whole way: two nameservers, a proxy, two mirrors, a token service, a content host',
    verdict: 'healthy',
    cause: null,
    pull: 'works',
    nearMissOf: ['mirror-failed', 'auth-service-unreachable', 'blob-unreachable', 'proxy-unreachable'],
    prepare: (lab) => wholeWay(lab, { name: 'well', mirrored: true }),
  },
  {
    name: 'the whole way past mirrors without the image',
    verdict: 'healthy',
    cause: null,
    pull: 'works',
    nearMissOf: ['mirror-failed', 'repository-not-found'],
    prepare: (lab) => wholeWay(lab, { name: 'past', mirrored: false }),
  },
  {
    ...costs,
    name: 'the first mirror’s port refuses',
    runtimes: runtimeLines, // whether it goes on is the runtime's own matter
    underlying: 'tcp-refused',
    names: 'mirror.lab',
    alsoNames: ['containerd goes on to second.lab at once'],
    prepare: first('refused', { mirror: null }),
  },
  {
    ...costs,
    name: 'packets to the first mirror vanish',
    underlying: 'tcp-timeout',
    names: 'mirror.lab',
    // HEAD, manifest, config, layer.
    alsoNames: ['containerd goes on to second.lab after 30 s at each request, about 120 s in one pull'],
    pull: 'not-tried',
    prepare(lab) {
      return Promise.all([
        wholeWay(lab, { name: 'first-dropped', mirrored: true, mirror: null }),
        lab.filter('mirror', 'input', ['tcp dport 443 drop']),
      ]).then(([situation]) => situation);
    },
  },
  {
    ...costs,
    name: 'the first mirror’s certificate has expired',
    underlying: 'tls-certificate-expired',
    names: 'mirror.lab',
    nearMissOf: ['tls-certificate-expired'],
    async prepare(lab) {
      return first('expired', { pairs: { mirror: await expired(lab, 'mirror.lab') } })(lab);
    },
  },
  {
    ...costs,
    name: 'the first mirror answers 503',
    runtimes: runtimeLines, // whether it goes on is the runtime's own matter
    underlying: 'registry-error',
    names: 'mirror.lab',
    nearMissOf: ['registry-error'],
    prepare: first('down', { mirror: down }),
  },
  {
    ...costs,
    name: 'the first mirror’s name does not exist',
    underlying: 'dns-name-not-found',
    names: 'mirror-gone.lab',
    nearMissOf: ['dns-name-not-found'],
    prepare: first('nameless', { mirrors: ['https://mirror-gone.lab', 'https://second.lab'] }),
  },
  {
    ...costs,
    name: 'the first mirror wants a password',
    underlying: 'credentials-missing',
    names: 'mirror.lab',
    nearMissOf: ['credentials-missing'],
    prepare: first('password', {
      mirror: `location / { add_header Www-Authenticate 'Basic realm="mirror"' always; default_type application/json;
        return 401 ${errors('UNAUTHORIZED', 'authentication required')}; }`,
    }),
  },
  {
    ...costs,
    name: 'the first mirror gives the manifest and its storage fails',
    runtimes: runtimeLines, // whether it goes on is the runtime's own matter
    underlying: 'blob-unreachable',
    names: 'mirror.lab',
    nearMissOf: ['blob-unreachable'],
    prepare: first('storage', {
      mirror: `location / { proxy_pass http://10.77.0.10:5000; } location ~ /blobs/ { ${down} }`,
    }),
  },
  {
    name: 'the first mirror answers everything with a page, and containerd goes no further',
    verdict: 'faulty',
    cause: 'registry-invalid-response',
    names: 'mirror.lab',
    alsoNames: ['containerd goes no further after that, although second.lab serves the image'],
    nearMissOf: ['mirror-failed'],
    pull: 'fails',
    prepare: first('portal', {
      mirror: `location / { default_type text/html; return 200 '<title>Log in</title>'; }`,
    }),
  },
  {
    name: 'the first mirror takes the request and never answers: this containerd waits for ever',
    verdict: 'faulty',
    cause: 'registry-timeout',
    names: 'mirror.lab',
    alsoNames: ['goes no further'],
    nearMissOf: ['mirror-failed'],
    pull: 'not-tried',
    prepare: first('silent', { mirror: silent }),
  },
  {
    ...costs,
    name: 'the second mirror’s port refuses',
    underlying: 'tcp-refused',
    names: 'second.lab',
    alsoNames: ['it is asked only where mirror.lab before it fails, too'],
    prepare: (lab) => wholeWay(lab, { name: 'second-refused', mirrored: true, second: null }),
  },
  {
    ...costs,
    name: 'the second mirror answers 503',
    underlying: 'registry-error',
    names: 'second.lab',
    prepare: (lab) => wholeWay(lab, { name: 'second-down', mirrored: true, second: down }),
  },
  {
    ...costs,
    name: 'the second mirror’s certificate has expired',
    underlying: 'tls-certificate-expired',
    names: 'second.lab',
    async prepare(lab) {
      const second = await expired(lab, 'second.lab');
      return wholeWay(lab, { name: 'second-expired', mirrored: true, pairs: { second } });
    },
  },
];
