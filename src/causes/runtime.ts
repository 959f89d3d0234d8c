import { probesOf, type View } from '../evidence/view.ts';
import type { DoneProbe } from '../model/investigation.ts';
import { type Cause, type Match, remedy, sentence } from './cause.ts';

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
    match: (view) => matchRuntime(view, ({ facts }) => unreachable[facts.failure ?? ''] ?? null),
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
      ...matchRuntime(view, ({ facts }) =>
        facts.failure === 'not-served'
          ? 'answers, and does not serve CRI: its CRI plugin is disabled or did not load'
          : facts.ready === false
            ? `says that it is not ready (${facts.conditions.find(({ type }) => type === 'RuntimeReady')?.message || 'no reason given'})`
            : facts.failure === 'rpc'
              ? 'answers its version with an error'
              : null,
      ),
    ],
  },
  {
    id: 'snapshotter-unavailable',
    layer: 'runtime',
    scenario: 7,
    title: "The runtime's snapshotter is not there",
    fixedBy: 'node',
    proof: "The runtime's own words name the snapshotter.",
    say: ({ detail }) => `The runtime's snapshotter is not available${detail === undefined ? '' : ` (${detail})`}.`,
    remedies: () => [
      remedy(
        'Look at the plugins that loaded, and at the snapshotter set in config.toml:',
        'ctr plugins ls | grep -i snapshotter; journalctl -u containerd | grep -i snapshotter',
      ),
    ],
  },
  {
    id: 'sandbox-image-unavailable',
    layer: 'runtime',
    scenario: 7,
    title: 'The pause image cannot be pulled',
    fixedBy: 'node',
    proof: "The runtime's own words name the sandbox image, which it pulls without the pod's credentials.",
    say: ({ image, underlying, source }) =>
      `The runtime cannot get the pause image${image === undefined ? '' : ` ${image}`}${source === undefined ? '' : ` (set by ${source})`}, so no pod can start here. ${underlying ?? ''}`.trim(),
    remedies: ({ image }) => [
      remedy(
        'Diagnose that image by itself; the runtime pulls it without any secret:',
        `pullwhy diagnose ${image ?? 'registry.k8s.io/pause:3.10'}`,
      ),
    ],
  },
];
