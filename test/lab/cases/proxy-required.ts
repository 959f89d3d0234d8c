import type { LabCase } from '../case.ts';
import type { Lab } from '../lab.ts';

const proxy = 'http://proxy.lab:3128';

/** The places where a node's proxy is set for others than the runtime (contract.md, section 4), each with how it is written there. */
const places: readonly {
  readonly where: string;
  readonly repository: string;
  readonly file: string;
  readonly text: string;
}[] = [
  { where: '/etc/environment', repository: 'environment', file: 'environment', text: `https_proxy="${proxy}"\n` },
  {
    where: 'a drop-in of the kubelet’s unit',
    repository: 'kubelet',
    file: 'systemd/system/kubelet.service.d/10-proxy.conf',
    text: `[Service]\nEnvironment="HTTPS_PROXY=${proxy}"\n`,
  },
  {
    where: 'a drop-in of the runtime’s unit, and the runtime was not restarted',
    repository: 'unit',
    file: 'systemd/system/containerd.service.d/http-proxy.conf',
    text: `[Service]\nEnvironment=HTTPS_PROXY=${proxy}\n`,
  },
  { where: '/etc/default/kubelet', repository: 'default', file: 'default/kubelet', text: `HTTPS_PROXY=${proxy}\n` },
];

export const cases: readonly LabCase[] = [
  ...places.map(
    ({ where, repository, file, text }): LabCase => ({
      name: `the direct way is closed, and a proxy that gets through stands in ${where}`,
      verdict: 'faulty',
      cause: 'proxy-required',
      confidence: 'proven',
      nearMissOf: ['tcp-refused'],
      pull: 'fails',
      runtimeSays: /connection refused/,
      async prepare(lab) {
        await closedButByProxy(lab);
        await lab.nodeFile(file, text);
        return { image: `registry.lab/proxy/required-${repository}:1.0` };
      },
    }),
  ),
  {
    name: 'the runtime has the proxy for http URLs only',
    verdict: 'faulty',
    cause: 'proxy-required',
    confidence: 'proven',
    nearMissOf: ['tcp-refused', 'proxy-misconfigured'],
    pull: 'fails',
    runtimeSays: /connection refused/,
    async prepare(lab) {
      await closedButByProxy(lab);
      await lab.runtime({ HTTP_PROXY: proxy });
      return { image: 'registry.lab/proxy/http-only:1.0' };
    },
  },
  {
    name: 'the direct way is dropped, and the node knows a proxy that the runtime does not use',
    verdict: 'faulty',
    cause: 'proxy-required',
    confidence: 'proven',
    nearMissOf: ['tcp-timeout'],
    pull: 'not-tried', // containerd waits 30 s
    async prepare(lab) {
      await lab.proxy({ name: 'squid', port: 3128 });
      await lab.filter('reg', 'input', ['ip saddr 10.77.0.2 tcp dport 443 drop']);
      await lab.nodeFile('environment', `HTTPS_PROXY=${proxy}\n`);
      return { image: 'registry.lab/proxy/required:1.0' };
    },
  },
  {
    name: 'the node’s nameserver does not know outside names, the proxy’s does',
    verdict: 'faulty',
    cause: 'proxy-required',
    confidence: 'proven',
    nearMissOf: ['dns-name-not-found'],
    pull: 'fails',
    runtimeSays: /no such host/,
    async prepare(lab) {
      await lab.proxy({ name: 'squid', port: 3128 });
      await lab.nameserver('inside', { listen: ['10.77.0.54'], records: ['proxy.lab. A 10.77.0.30'] });
      await lab.resolvers(['nameserver 10.77.0.54']);
      await lab.nodeFile('environment', `HTTPS_PROXY=${proxy}\n`);
      return { image: 'registry.lab/proxy/inside-names:1.0' };
    },
  },
  {
    name: 'the direct way is closed, and so is the proxy that the node knows',
    verdict: 'faulty',
    cause: 'tcp-refused',
    nearMissOf: ['proxy-required', 'proxy-unreachable'],
    pull: 'fails',
    runtimeSays: /connection refused/,
    async prepare(lab) {
      await lab.filter('reg', 'input', ['ip saddr 10.77.0.2 tcp dport 443 reject with tcp reset']);
      await lab.nodeFile('environment', `HTTPS_PROXY=${proxy}\n`);
      return { image: 'registry.lab/proxy/both-dead:1.0' };
    },
  },
  {
    name: 'the direct way works, and a proxy that the runtime does not use stands in /etc/environment',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['proxy-required'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('proxy/unneeded', '1.0');
      await lab.nodeFile('environment', `HTTPS_PROXY=${proxy}\n`);
      return { image: 'registry.lab/proxy/unneeded:1.0' };
    },
  },
];

/** The registry refuses this node, and not the proxy. */
async function closedButByProxy(lab: Lab): Promise<void> {
  await lab.proxy({ name: 'squid', port: 3128 });
  await lab.filter('reg', 'input', ['ip saddr 10.77.0.2 tcp dport 443 reject with tcp reset']);
}
