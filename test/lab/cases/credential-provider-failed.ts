import { chmod } from 'node:fs/promises';
import type { LabCase, Situation } from '../case.ts';
import type { Lab } from '../lab.ts';

/** The configuration of one plugin, as a node has it. */
const providers = (pattern: string, more = ''): string => `apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
  - name: lab-provider
    apiVersion: credentialprovider.kubelet.k8s.io/v1
    matchImages: ["${pattern}"]
    defaultCacheDuration: 1h
${more}`;

interface Plugin {
  readonly config?: string;
  readonly program?: { readonly text: string; readonly mode: number };
  readonly host?: string;
}

let serial = 0;

/** An image that wants a password, and a kubelet that is set to ask a plugin for it. */
function plugin({ config = providers('*.lab'), program, host = 'private.lab' }: Plugin) {
  return async (lab: Lab): Promise<Situation> => {
    const repository = `provider/case-${serial++}`;
    await lab.push(repository, '1.0');
    const flags = '--image-credential-provider-config=/etc/default/lab-providers.yaml';
    await lab.nodeFile(
      'default/kubelet',
      `KUBELET_EXTRA_ARGS="${flags} --image-credential-provider-bin-dir=/etc/default/lab-bin"\n`,
    );
    await lab.nodeFile('default/lab-providers.yaml', config);
    await lab.nodeFile('default/lab-bin/README', 'plugins\n');
    if (program !== undefined) {
      await lab.nodeFile('default/lab-bin/lab-provider', program.text);
      await chmod(`${lab.network.etc('node')}/default/lab-bin/lab-provider`, program.mode);
    }
    return { image: `${host}/${repository}:1.0` };
  };
}

const script = { text: '#!/bin/sh\nexit 1\n', mode: 0o755 };

const failed = {
  verdict: 'faulty',
  cause: 'credential-provider-failed',
  confidence: 'proven',
  nearMissOf: ['credentials-missing'],
  alsoFound: ['credentials-missing'],
  pull: 'fails',
} as const;

export const cases: readonly LabCase[] = [
  {
    ...failed,
    name: 'the plugin for this registry is not there',
    alsoNames: [/lab-provider does not exist/],
    prepare: plugin({}),
  },
  {
    ...failed,
    name: 'the plugin for this registry may not be executed',
    alsoNames: [/not executable \(mode 0644\)/],
    prepare: plugin({ program: { ...script, mode: 0o644 } }),
  },
  {
    ...failed,
    name: 'the plugin needs an interpreter that is not there',
    alsoNames: [/needs \/bin\/nowhere-shell to run/],
    prepare: plugin({ program: { text: '#!/bin/nowhere-shell\n', mode: 0o755 } }),
  },
  {
    ...failed,
    name: 'the configuration of the plugins is refused',
    confidence: 'likely',
    alsoNames: [/is not valid YAML/],
    prepare: plugin({ config: providers('*.lab', '  - [\n'), program: script }),
  },
  {
    name: 'the plugin that is not there is for another registry',
    verdict: 'faulty',
    cause: 'credentials-missing',
    confidence: 'proven',
    nearMissOf: ['credential-provider-failed'],
    pull: 'fails',
    prepare: plugin({ config: providers('*.dkr.ecr.*.amazonaws.com') }),
  },
  {
    name: 'the plugin that is not there is for an image that needs no password',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['credential-provider-failed'],
    pull: 'works',
    prepare: plugin({ host: 'registry.lab' }),
  },
  {
    ...failed,
    name: 'the plugin for this registry fails when it is run',
    alsoNames: [/lab-provider ends with exit status 3: no role/],
    prepare: plugin({ program: { text: '#!/bin/sh\necho no role >&2\nexit 3\n', mode: 0o755 } }),
  },
  {
    name: 'nothing shows to be wrong with the plugin: it is not to be run, and so the rest is open',
    verdict: 'inconclusive',
    cause: 'credentials-missing',
    confidence: 'possible',
    nearMissOf: ['credential-provider-failed'],
    pull: 'not-tried', // the runtime alone has no plugin
    prepare: async (lab) => ({
      ...(await plugin({ program: script })(lab)),
      args: ['--credential-providers', 'off'],
    }),
  },
];
