import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Bench } from 'tinybench';
import { conclude } from '../../src/engine/conclude.ts';
import { parseReference } from '../../src/image/reference.ts';
import { systemEnv } from '../../src/lib/env.ts';
import { explainMessage } from '../../src/messages/explain.ts';
import { rules } from '../../src/messages/rules.ts';
import { planContainerd } from '../../src/node/containerd-plan.ts';
import { hostFiles } from '../../src/node/host-files.ts';
import { queryDns } from '../../src/wire/dns.ts';
import { dnsAnswer, startDnsServer } from '../kit/dns-server.ts';
import { Scene } from '../kit/view.ts';
import { type Figure, figure, type Part } from './figure.ts';
import { type World, writeRoot } from './world.ts';

const references = [
  'nginx',
  'nginx:1.27.3-alpine',
  'registry.corp.example:5000/team/app@sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1',
  'ghcr.io/owner/project/very/deep/path/image:v1.2.3',
  'Not:An:Image',
];

/** Parts of the product within this process, in calls per second, each beside something of Node's own. */
export async function functions(world: World): Promise<Part> {
  const root = join(world.folder, 'functions');
  await writeRoot(root, {
    'etc/containerd/certs.d/registry.example/hosts.toml':
      'server = "https://registry.example"\n[host."https://mirror.example"]\n  capabilities = ["pull", "resolve"]\n',
  });
  const host = hostFiles(root);
  const parsed = parseReference('registry.example/team/app:1.0');
  if (!parsed.ok) throw new Error('the reference of this benchmark does not parse');

  const scene = new Scene({
    endpoints: [{ url: 'https://mirror.test/v2', role: 'mirror' }, { url: 'https://registry.test/v2' }],
  });
  scene.tcp('mirror.test', '192.0.2.20', 'timeout', { endpoint: 0 });
  scene.serve({ endpoint: 1 });
  const view = scene.view();
  // As a replay or the collector reads a saved one.
  const saved = JSON.stringify(view);

  const texts = rules.flatMap(({ examples }) => examples.map(({ text }) => text));
  const quoted = texts.map((text) => JSON.stringify(text));
  const server = await startDnsServer((query) => [
    dnsAnswer(query, { records: [{ name: query.name, type: 'A', data: '192.0.2.10' }] }),
  ]);
  const { address, port } = server;
  const resolver = new Resolver();
  resolver.setServers([`${address}:${port}`]);
  const dns = { timeoutMs: 2000, attempts: 1, useTcp: false, signal: new AbortController().signal, env: systemEnv };
  try {
    const url = await rate('  new URL', () => void new URL('https://registry.example/v2/team/app'));
    const json = await rate('  JSON.parse of its view', () => void JSON.parse(saved), { batch: 10 });
    const text = await rate('  JSON.parse of each', (turn) => void JSON.parse(quoted[turn % quoted.length] ?? '""'));
    const resolve = await asyncRate("  Node's own resolver", () => resolver.resolve4('registry.example'));
    const read = await asyncRate('  fs.readFile of its config.toml', () =>
      readFile(join(root, 'etc/containerd/config.toml')),
    );
    return {
      figures: [
        await rate('parseReference', (turn) => void parseReference(references[turn % references.length] ?? ''), {
          reference: url,
        }),
        url,
        await asyncRate(
          'plan of containerd from its files',
          () => planContainerd(host, parsed.value, { version: '2.1.9' }),
          {
            reference: read,
          },
        ),
        read,
        await rate('conclude, a dead mirror', () => void conclude(view), { reference: json, batch: 10 }),
        json,
        await rate('explain a message', (turn) => void explainMessage(texts[turn % texts.length] ?? ''), {
          reference: text,
        }),
        text,
        await asyncRate(
          'DNS question to a server of this process',
          async () => {
            const answer = await queryDns({ address, port }, { name: 'registry.example', type: 'A' }, dns);
            if (!answer.ok) throw new Error(answer.error.message);
          },
          { reference: resolve },
        ),
        resolve,
      ],
      notes: [],
    };
  } finally {
    await server.close();
  }
}

/** How a function is measured. */
interface RateOptions {
  readonly reference?: Figure;
  /** Calls that are timed together, so that the clock's own cost and steps do not count. */
  readonly batch?: number;
}

/** Calls per second: of the median turn, of its slowest percent, and of its fastest. */
async function rate(name: string, call: (turn: number) => void, options: RateOptions = {}): Promise<Figure> {
  const { batch = 100 } = options;
  let turn = 0;
  return measured(name, batch, options, () => {
    for (let at = 0; at < batch; at++) call(turn++);
  });
}

/** The same of a function that waits, one call at a time. */
function asyncRate(name: string, call: () => Promise<unknown>, options: RateOptions = {}): Promise<Figure> {
  return measured(name, 1, options, call);
}

async function measured(name: string, calls: number, options: RateOptions, run: () => unknown): Promise<Figure> {
  const bench = new Bench({ time: 600, warmupTime: 200, throws: true });
  bench.add(name, run);
  const [task] = await bench.run();
  const result = task?.result;
  if (result?.state !== 'completed') throw new Error(`${name} did not complete`);
  const { p50, p99, min, samplesCount } = result.latency;
  const perSecond = (ms: number): number => (calls * 1000) / ms;
  return figure(
    { name, unit: '/s', median: perSecond(p50), least: perSecond(p99), most: perSecond(min), samples: samplesCount },
    options,
  );
}
