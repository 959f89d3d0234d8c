import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { apiVersion, behind, errors, faultyAddress, tls } from '../cases/fronts.ts';
import { users, wrongPassword } from '../lab.ts';
import { type FrontSetup, startFront } from '../nginx.ts';
import { startRegistry } from '../registry.ts';
import { startProxy } from '../squid.ts';
import { startNameserver } from '../unbound.ts';
import type { LiveFault } from './fault.ts';

const day = 86_400_000;
const ownNameserver = '10.77.0.54';
const records = ['registry.lab. A 10.77.0.10', 'faulty.lab. A 10.77.0.20', 'proxy.lab. A 10.77.0.30'];
let serial = 0;

/** Seconds after which the rate limit says that it ends; a little more than it takes to be found out and to end. */
const resetS = 5;

/** A `.dockerconfigjson` with one entry. */
function configJson(host: string, user: string, password: string): string {
  return JSON.stringify({ auths: { [host]: { auth: Buffer.from(`${user}:${password}`).toString('base64') } } });
}

/** The classes of faults that a node meets, one each. */
export const liveFaults: readonly LiveFault[] = [
  {
    name: 'registry down',
    cause: 'tcp-refused',
    async prepare(lab) {
      await lab.push('live/down', '1.0');
      const { folder, storage, network, pair } = lab;
      const setup = { folder, storage, party: 'reg' as const, listen: `${faultyAddress}:443`, tls: pair };
      let registry = await startRegistry(network, { ...setup, name: `live-${serial++}` });
      lab.defer(() => registry.stop());
      return {
        image: 'faulty.lab/live/down:1.0',
        fail: () => registry.stop(),
        async mend() {
          registry = await startRegistry(network, { ...setup, name: `live-${serial++}` });
        },
      };
    },
  },
  {
    name: 'nameserver stopped',
    cause: 'dns-refused',
    async prepare(lab) {
      await lab.push('live/nameserver', '1.0');
      const setup = { folder: lab.folder, listen: [ownNameserver], records };
      let server = await startNameserver(lab.network, { ...setup, name: `live-${serial++}` });
      lab.defer(() => server.stop());
      await lab.resolvers([`nameserver ${ownNameserver}`]);
      return {
        image: 'registry.lab/live/nameserver:1.0',
        fail: () => server.stop(),
        async mend() {
          server = await startNameserver(lab.network, { ...setup, name: `live-${serial++}` });
        },
      };
    },
  },
  {
    name: 'DNS record missing',
    cause: 'dns-name-not-found',
    async prepare(lab) {
      await lab.push('live/record', '1.0');
      const setup = { folder: lab.folder, listen: [ownNameserver] };
      let server = await startNameserver(lab.network, {
        ...setup,
        name: `live-${serial++}`,
        records: ['other.lab. A 10.77.0.11'],
      });
      lab.defer(() => server.stop());
      await lab.resolvers([`nameserver ${ownNameserver}`]);
      return {
        image: 'registry.lab/live/record:1.0',
        fail: async () => undefined,
        async mend() {
          await server.stop();
          server = await startNameserver(lab.network, { ...setup, name: `live-${serial++}`, records });
        },
      };
    },
  },
  {
    name: 'firewall',
    cause: 'tcp-timeout',
    async prepare(lab) {
      await lab.push('live/firewall', '1.0');
      let remove: () => Promise<void> = async () => undefined;
      lab.defer(() => remove());
      const image = 'registry.lab/live/firewall:1.0';
      return {
        image,
        // As containerd says it, after its 30 seconds.
        error: `failed to pull and unpack image "${image}": failed to resolve reference "${image}": failed to do request: Head "https://registry.lab/v2/live/firewall/manifests/1.0": dial tcp 10.77.0.10:443: i/o timeout`,
        async fail() {
          remove = await lab.network.filter('reg', 'input', ['ip daddr 10.77.0.10 tcp dport 443 drop']);
        },
        async mend() {
          await remove();
          remove = async () => undefined;
        },
      };
    },
  },
  {
    name: 'proxy stopped',
    cause: 'proxy-unreachable',
    async prepare(lab) {
      await lab.push('live/proxy', '1.0');
      const setup = { folder: lab.folder, port: 3128 };
      let proxy = await startProxy(lab.network, { ...setup, name: `live-${serial++}` });
      lab.defer(() => proxy.stop());
      await lab.runtime({ HTTPS_PROXY: 'http://proxy.lab:3128' });
      return {
        image: 'registry.lab/live/proxy:1.0',
        fail: () => proxy.stop(),
        async mend() {
          proxy = await startProxy(lab.network, { ...setup, name: `live-${serial++}` });
        },
      };
    },
  },
  {
    name: 'certificate expired',
    cause: 'tls-certificate-expired',
    async prepare(lab) {
      await lab.push('live/certificate', '1.0');
      const validity = { from: new Date(Date.now() - 400 * day), to: new Date(Date.now() - 3 * day) };
      const expired = await lab.authority.issue('live-expired', ['faulty.lab'], validity);
      const front = (pair: typeof expired): FrontSetup => ({
        name: `live-${serial++}`,
        folder: lab.folder,
        party: 'reg',
        listen: `${faultyAddress}:443`,
        servers: `server { ${tls(pair)} location / { ${behind} } }`,
      });
      let server = await startFront(lab.network, front(expired));
      lab.defer(() => server.stop());
      return {
        image: 'faulty.lab/live/certificate:1.0',
        fail: async () => undefined,
        async mend() {
          await server.stop();
          server = await startFront(lab.network, front(lab.pair));
        },
      };
    },
  },
  {
    name: 'rate limit with a reset',
    cause: 'rate-limited',
    async prepare(lab) {
      await lab.push('live/limit', '1.0');
      const limited = `location / { ${behind} }
        location ~ /manifests/ { ${apiVersion} add_header Retry-After ${resetS} always; default_type application/json;
          return 429 ${errors('TOOMANYREQUESTS', 'You have reached your pull rate limit.')}; }`;
      const front = (locations: string): FrontSetup => ({
        name: `live-${serial++}`,
        folder: lab.folder,
        party: 'reg',
        listen: `${faultyAddress}:443`,
        servers: `log_format at '$msec $request_method $uri $status';
          server { ${tls(lab.pair)} access_log ${lab.folder}/live-limit.log at; ${locations} }`,
      });
      let server = await startFront(lab.network, front(limited));
      lab.defer(() => server.stop());
      return {
        image: 'faulty.lab/live/limit:1.0',
        fail: async () => undefined,
        async mend() {
          await server.stop();
          server = await startFront(lab.network, front(`location / { ${behind} }`));
        },
        async after() {
          const lines = (await readFile(`${lab.folder}/live-limit.log`, 'utf8')).trim().split('\n');
          const asked = lines.map((line) => ({ at: Number(line.split(' ')[0]), line }));
          const last = asked.findLast(({ line }) => line.endsWith(' 429'))?.at ?? 0;
          const early = asked.filter(
            ({ at, line }) => at > last + 0.5 && at < last + resetS - 0.1 && line.includes('/manifests/'),
          );
          assert.deepEqual(early, [], `asked before the reset:\n${lines.join('\n')}`);
        },
      };
    },
  },
  {
    name: 'tag pushed late',
    cause: 'tag-not-found',
    async prepare(lab) {
      await lab.push('live/late', '0.9');
      return {
        image: 'registry.lab/live/late:1.0',
        fail: async () => undefined,
        mend: () => lab.push('live/late', '1.0'),
      };
    },
  },
  {
    name: 'credentials repaired',
    cause: 'credentials-rejected',
    async prepare(lab) {
      await lab.push('live/secret', '1.0');
      return {
        image: 'private.lab/live/secret:1.0',
        credentials: { name: users.app.name, password: wrongPassword },
        fail: (agent) => agent.varFile('kubelet/config.json', configJson('private.lab', users.app.name, wrongPassword)),
        mend: (agent) =>
          agent.varFile('kubelet/config.json', configJson('private.lab', users.app.name, users.app.password)),
      };
    },
  },
];
