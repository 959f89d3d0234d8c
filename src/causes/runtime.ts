import { probesOf, type View } from '../evidence/view.ts';
import { lookUp } from '../lib/look-up.ts';
import { causeIds } from '../model/cause-id.ts';
import type { DoneProbe } from '../model/investigation.ts';
import { type Cause, type CauseArgs, type Match, remedy, sentence } from './cause.ts';

const unreachable: Readonly<Record<string, string>> = {
  'socket-absent': 'there is no socket',
  'not-a-socket': 'that path is not a socket',
  refused: 'nothing listens on the socket',
  'not-permitted': 'this user may not open the socket',
  silent: 'it takes the connection and does not answer',
};

function matchRuntime(view: View, reading: (probe: DoneProbe<'runtime'>) => string | null): Match[] {
  return probesOf(view, 'runtime').flatMap((probe): Match[] => {
    const detail = reading(probe);
    if (detail === null) return [];
    const path = probe.facts.endpoint.replace(/^unix:\/\//, '');
    return [
      {
        confidence: 'proven',
        severity: 'fault',
        evidence: [probe.id],
        endpoint: null,
        host: null,
        args: { path, detail },
      },
    ];
  });
}

/** containerd's plugins that did not load; the first that belongs to CRI has the reason. */
type Plugins = NonNullable<DoneProbe<'runtime'>['facts']['plugins']>;

function unloaded({ facts }: DoneProbe<'runtime'>): Plugins {
  return facts.failure === 'not-served' ? (facts.plugins ?? []).filter(({ error }) => error !== null) : [];
}

/** The snapshotter that CRI's plugin names as missing, in containerd's words: failed to find snapshotter "stargz". */
function missingSnapshotter(plugins: Plugins): { readonly name: string; readonly words: string } | null {
  for (const { error } of plugins) {
    const name = /snapshotter "([^"]+)"/.exec(error ?? '')?.[1];
    if (name === undefined) continue;
    const own = plugins.find((plugin) => plugin.name === `io.containerd.snapshotter.v1.${name}`);
    return { name, words: own?.error ?? error ?? '' };
  }
  return null;
}

/** Why CRI is not served, as far as containerd itself says. */
function unserved(probe: DoneProbe<'runtime'>): string | null {
  const plugins = unloaded(probe);
  // Another cause's.
  if (missingSnapshotter(plugins) !== null) return null;
  const what = 'answers, and does not serve CRI: ';
  // A plugin that another one keeps from loading says less than that one.
  const reason =
    plugins.find(({ error }) => !/dependency|plugin: not found|no plugins registered/.test(error ?? '')) ?? plugins[0];
  return `${what}${reason === undefined ? 'its CRI plugin is disabled or did not load' : `its plugin ${reason.name} did not load (${reason.error})`}`;
}

/** Causes in the container runtime. */
export const runtimeCauses: readonly Cause[] = [
  {
    id: 'runtime-unreachable',
    layer: 'runtime',
    scenario: 7,
    title: 'The container runtime does not answer',
    fixedBy: 'node',
    proof:
      'The CRI socket is looked at and connected to before a call is made: absent, refused, not permitted and silent are told apart.',
    say: ({ path, detail }) =>
      `The container runtime cannot be reached at ${path ?? 'its CRI socket'}: ${detail ?? 'it does not answer'}.`,
    remedies: ({ detail, path }) =>
      detail === unreachable['not-permitted']
        ? [
            remedy(
              'Run this as root, or as a user who may open the socket:',
              `sudo pullwhy diagnose … ; ls -l ${path ?? '/run/containerd/containerd.sock'}`,
            ),
          ]
        : [
            remedy(
              "Look at the runtime's service and its log:",
              'systemctl status containerd crio; journalctl -u containerd -u crio -n 50',
            ),
            remedy('If the socket lies elsewhere, name it with -r unix:///PATH.'),
          ],
    match: (view) => matchRuntime(view, ({ facts }) => lookUp(unreachable, facts.failure) ?? null),
  },
  {
    id: 'runtime-misconfigured',
    layer: 'runtime',
    scenario: 7,
    title: "The container runtime's configuration stands in the way",
    fixedBy: 'node',
    proof:
      'The runtime answers and does not serve CRI, or a registry configuration file is read as the runtime reads it and cannot be used.',
    say: ({ path, detail, source }) =>
      source === undefined
        ? `The runtime at ${path ?? 'its socket'} ${detail ?? 'is not set up for pulls'}.`
        : `${source}: ${sentence(detail ?? 'the runtime cannot use this')}`,
    remedies: ({ source }) =>
      source === undefined
        ? [
            remedy(
              'Take "cri" out of disabled_plugins in the runtime\'s configuration, or correct what keeps the plugin from loading, and restart it.',
              'containerd config dump >/dev/null; journalctl -u containerd | grep -i "cri"; systemctl restart containerd',
            ),
          ]
        : [remedy(`Correct ${source} on the node.`)],
    match: (view) => [
      ...matchRuntime(view, (probe) => {
        const { facts } = probe;
        return facts.failure === 'not-served'
          ? unserved(probe)
          : facts.ready === false
            ? `says that it is not ready (${facts.conditions.find(({ type }) => type === 'RuntimeReady')?.message || 'no reason given'})`
            : facts.failure === 'rpc'
              ? 'answers its version with an error'
              : null;
      }),
    ],
  },
  {
    id: 'snapshotter-unavailable',
    layer: 'runtime',
    scenario: 7,
    title: "The runtime's snapshotter is not there",
    fixedBy: 'node',
    proof:
      'The runtime is asked for its plugins: the snapshotter that CRI is set to did not load, or is another program and nothing listens at its socket.',
    say: ({ detail }) => `The runtime's snapshotter is not available${detail === undefined ? '' : `: ${detail}`}.`,
    remedies: ({ path }) => [
      ...(path === undefined
        ? []
        : [
            remedy(
              'Start the program that serves this socket, or look why it ended:',
              `ls -l ${path}; fuser -v ${path}`,
            ),
          ]),
      remedy(
        'Look at the plugins that loaded, and at the snapshotter set in config.toml:',
        'ctr plugins ls | grep -i snapshotter; containerd config dump | grep -iE -A3 "snapshotter|proxy_plugins"',
      ),
    ],
    match: (view) => [...unloadedSnapshotter(view), ...silentSnapshotter(view)],
  },
  {
    id: 'sandbox-image-unavailable',
    layer: 'runtime',
    scenario: 7,
    title: 'The pause image cannot be pulled',
    fixedBy: 'node',
    proof:
      "The runtime is asked for its pause image, and where that is not on the node its way is probed as the runtime would go it: without anybody's pull secret.",
    say: ({ image, underlying, source }) =>
      `The runtime cannot get the pause image${image === undefined ? '' : ` ${image}`}${source === undefined ? '' : ` (set by ${source})`}, so no pod can start here. ${underlying ?? ''}`.trim(),
    remedies: ({ image }) => [
      remedy(
        'Diagnose that image by itself; the runtime pulls it without any secret:',
        `pullwhy diagnose ${image ?? 'registry.k8s.io/pause:3.10'}`,
      ),
      remedy(
        "Where its registry is out of reach, name one that is not in the runtime's configuration (sandbox_image; pinned_images.sandbox in containerd 2.x; pause_image of CRI-O), or bring the image here:",
        `ctr -n k8s.io images import pause.tar`,
      ),
    ],
    match: missingPause,
  },
];

/** CRI does not load without its snapshotter, and containerd says so. */
function unloadedSnapshotter(view: View): Match[] {
  return probesOf(view, 'runtime').flatMap((probe): Match[] => {
    const missing = missingSnapshotter(unloaded(probe));
    if (missing === null) return [];
    const detail = `CRI is set to "${missing.name}", which did not load (${missing.words}), so the runtime serves no pull`;
    return [fault([probe.id], { detail })];
  });
}

/** The pause image is not here, and its way is broken. */
function missingPause(view: View): Match[] {
  return probesOf(view, 'sandbox').flatMap((probe): Match[] => {
    const { image, source, present, pull } = probe.facts;
    if (present || pull?.verdict !== 'faulty') return [];
    const proven = pull.confidence === 'proven';
    const underlying = causeIds.find((id) => id === pull.cause) ?? null;
    return [
      {
        confidence: proven ? 'proven' : 'likely',
        // What is only likely must not make a node faulty whose image comes.
        severity: proven ? 'fault' : 'degraded',
        evidence: [probe.id],
        endpoint: null,
        host: pull.host,
        underlying,
        args: { image, source, underlying: pull.summary },
      },
    ];
  });
}

/** The snapshotter is another program, and it does not listen. */
function silentSnapshotter(view: View): Match[] {
  return probesOf(view, 'snapshotter').flatMap((probe): Match[] => {
    const { name, address, failure } = probe.facts;
    const reading = lookUp(unreachable, failure);
    // That this user may not open it says nothing of the runtime.
    if (reading === undefined || failure === 'not-permitted') return [];
    return [
      fault([probe.id], { path: address, detail: `"${name}" is another program, at ${address}, and ${reading}` }),
    ];
  });
}

function fault(evidence: readonly string[], args: CauseArgs): Match {
  return { confidence: 'proven', severity: 'fault', evidence, endpoint: null, host: null, args };
}
