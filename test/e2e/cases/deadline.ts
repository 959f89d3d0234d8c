import type { DiagnoseCase } from '../../kit/diagnose-case.ts';
import type { Stage } from '../../kit/diagnose-stage.ts';
import { app } from './shared.ts';

const allSilent = async (stage: Stage): Promise<readonly string[]> => [
  ...(await stage.nameserver({ 'registry.test': { silent: true }, 'proxy.test': { silent: true } })),
  ...(await stage.proxyEnv(`HTTPS_PROXY=http://proxy.test:${await stage.silentPort()}\n`)),
];

const silentRegistry = async (stage: Stage) => {
  const registry = await stage.registry();
  registry.override = { status: 200, manner: 'silent' };
  return registry;
};

/** Ends in time, and says what it does not know. */
export const cases: readonly DiagnoseCase[] = [1, 2, 3].flatMap((seconds): DiagnoseCase[] => {
  const within = ['--deadline', String(seconds)];
  return [
    {
      name: `${seconds} s: everything is silent`,
      prepare: async (stage) => app(await silentRegistry(stage), [...within, ...(await allSilent(stage))]),
      verdict: ['inconclusive', 'faulty'],
      cause: [null, 'proxy-unreachable', 'dns-timeout'],
      notRuledOut: ['dns', 'tcp', 'tls', 'proxy', 'registry', 'manifest', 'blob'],
    },
    {
      name: `${seconds} s: a silent nameserver`,
      prepare: async (stage) =>
        app(await stage.registry(), [...within, ...(await stage.nameserver({ 'registry.test': { silent: true } }))]),
      verdict: ['inconclusive', 'faulty'],
      cause: [null, 'dns-timeout'],
      notRuledOut: ['dns', 'tcp'],
    },
    {
      name: `${seconds} s: a nameserver that refuses and a silent one`,
      prepare: async (stage) =>
        app(await stage.registry(), [
          ...within,
          ...(await stage.nameserver({ 'registry.test': { rcode: 5 } })),
          ...(await stage.nameserver({ 'registry.test': { silent: true } })),
        ]),
      verdict: ['inconclusive', 'faulty'],
      cause: [null, 'dns-timeout', 'dns-refused'],
    },
    {
      name: `${seconds} s: a good nameserver and a silent one`,
      prepare: async (stage) =>
        app(await stage.registry(), [
          ...within,
          ...(await stage.nameserver()),
          ...(await stage.nameserver({ 'registry.test': { silent: true } })),
        ]),
      verdict: ['healthy', 'degraded', 'inconclusive'],
      cause: [null, 'dns-inconsistent'],
    },
    {
      name: `${seconds} s: a silent proxy`,
      prepare: async (stage) =>
        app(await stage.registry(), [
          ...within,
          ...(await stage.proxyEnv(`HTTPS_PROXY=http://proxy.test:${await stage.silentPort()}\n`)),
          ...(await stage.nameserver({ 'registry.test': { rcode: 3 } })),
        ]),
      verdict: ['inconclusive', 'faulty'],
      cause: [null, 'proxy-unreachable'],
      ruledOut: ['dns'],
    },
    {
      name: `${seconds} s: a silent registry`,
      prepare: async (stage) => app(await silentRegistry(stage), within),
      verdict: ['inconclusive', 'faulty'],
      cause: [null, 'registry-timeout'],
      ruledOut: ['dns', 'tcp', 'tls'],
      notRuledOut: ['registry', 'manifest', 'blob'],
    },
    {
      name: `${seconds} s: a dead mirror, and an upstream that is silent`,
      async prepare(stage) {
        const upstream = await silentRegistry(stage);
        await stage.hosts(
          'reg.example',
          `server = "https://registry.test:${upstream.port}"\n[host."https://mirror.test:1"]\n`,
        );
        return { image: 'reg.example/team/app:1', args: within };
      },
      // The mirror's fault is shown; whether the upstream serves is not known, so neither is the verdict.
      verdict: ['inconclusive', 'faulty'],
      cause: [null, 'tcp-refused', 'registry-timeout'],
    },
    {
      name: `${seconds} s: a silent mirror, and an upstream that serves`,
      async prepare(stage) {
        const mirror = await silentRegistry(stage);
        const upstream = await stage.registry();
        await stage.hosts(
          'reg.example',
          `server = "https://registry.test:${upstream.port}"\n[host."https://mirror.test:${mirror.port}"]\n`,
        );
        return { image: 'reg.example/team/app:1', args: within };
      },
      verdict: ['degraded', 'healthy', 'inconclusive'],
      cause: [null, 'mirror-failed'],
    },
    {
      name: `${seconds} s: nothing wrong`,
      prepare: async (stage) => app(await stage.registry(), within),
      // A busy machine may need more than a second for it.
      verdict: seconds < 3 ? ['healthy', 'inconclusive'] : 'healthy',
      cause: null,
    },
  ];
});
