import { probesOf } from '../evidence/view.ts';
import { checkUnixSocket } from '../wire/unix-socket.ts';
import type { Probe, ProbeInput } from './probe.ts';

interface SnapshotterInput extends ProbeInput {
  readonly name: string;
  readonly path: string;
}

const prefix = 'io.containerd.snapshotter.v1.';
const connectMs = 1000;

/** The socket of a snapshotter that is another program than containerd (stargz, soci, nydus): containerd finds out at a pull only. */
export const snapshotterProbe: Probe<'snapshotter', SnapshotterInput> = {
  kind: 'snapshotter',
  title: 'Snapshotter of another program',
  cost: 'free',
  budgetMs: connectMs + 500,
  proves: {
    ok: 'the program that unpacks images listens',
    failed: 'the runtime cannot reach the program that unpacks images',
  },
  inputs: (view) =>
    probesOf(view, 'runtime')
      .flatMap(({ facts }) => facts.plugins ?? [])
      .flatMap(({ name, address }) => {
        const path = address?.replace(/^unix:\/\//, '') ?? '';
        return name.startsWith(prefix) && path.startsWith('/') ? [{ name: name.slice(prefix.length), path }] : [];
      })
      .slice(0, 4)
      .map(({ name, path }) => ({
        key: `snapshotter ${name}`,
        target: `${name} at ${path}`,
        hop: 'node',
        endpoint: null,
        counterfactual: false,
        name,
        path,
      })),
  run: async ({ name, path }, context, signal) => {
    const place = await context.locate(path);
    if (place === null) return { status: 'skipped', message: `${path} cannot be looked at from here.` };
    const checked = await checkUnixSocket(place, connectMs, signal);
    const facts = { name, address: path };
    if (checked.ok) return { status: 'ok', error: null, facts: { ...facts, failure: null } };
    const { kind, message } = checked.error;
    if (kind === 'canceled') return { status: 'skipped', message };
    const code = kind === 'refused' || kind === 'not-permitted' ? kind : kind === 'silent' ? 'timeout' : 'rpc';
    return { status: 'failed', error: { code, message }, facts: { ...facts, failure: kind } };
  },
};
