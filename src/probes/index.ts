import type { View } from '../evidence/view.ts';
import type { ProbeKind } from '../model/facts.ts';
import { authProbe } from './auth.ts';
import { blobProbe } from './blob.ts';
import { clockProbe } from './clock.ts';
import { credentialsProbe } from './credentials.ts';
import { diskProbe } from './disk.ts';
import { dnsProbe } from './dns.ts';
import { imageProbe } from './image.ts';
import { ingestProbe } from './ingest.ts';
import { journalProbe } from './journal.ts';
import { loadedProbe } from './loaded.ts';
import { manifestProbe } from './manifest.ts';
import { namesProbe } from './names.ts';
import { type AnyProbe, type Probe, type ProbeInput, probeTask, type Task } from './probe.ts';
import { proxyProbe } from './proxy.ts';
import { pullProbe } from './pull.ts';
import { recordsProbe } from './records.ts';
import { registryProbe } from './registry.ts';
import { runtimeProbe } from './runtime.ts';
import { sandboxProbe } from './sandbox.ts';
import { smallProbe } from './small.ts';
import { snapshotterProbe } from './snapshotter.ts';
import { tcpProbe } from './tcp.ts';
import { tlsProbe } from './tls.ts';

/** Every probe, in the order of a pull. A new one is a file of this folder and a line here. */
export const probes: readonly AnyProbe[] = [
  erase(runtimeProbe, (input) => probeTask(runtimeProbe, input)),
  erase(loadedProbe, (input) => probeTask(loadedProbe, input)),
  erase(imageProbe, (input) => probeTask(imageProbe, input)),
  erase(recordsProbe, (input) => probeTask(recordsProbe, input)),
  erase(credentialsProbe, (input) => probeTask(credentialsProbe, input)),
  erase(sandboxProbe, (input) => probeTask(sandboxProbe, input)),
  erase(snapshotterProbe, (input) => probeTask(snapshotterProbe, input)),
  erase(diskProbe, (input) => probeTask(diskProbe, input)),
  erase(ingestProbe, (input) => probeTask(ingestProbe, input)),
  erase(journalProbe, (input) => probeTask(journalProbe, input)),
  erase(dnsProbe, (input) => probeTask(dnsProbe, input)),
  erase(tcpProbe, (input) => probeTask(tcpProbe, input)),
  erase(proxyProbe, (input) => probeTask(proxyProbe, input)),
  erase(tlsProbe, (input) => probeTask(tlsProbe, input)),
  erase(smallProbe, (input) => probeTask(smallProbe, input)),
  erase(clockProbe, (input) => probeTask(clockProbe, input)),
  erase(registryProbe, (input) => probeTask(registryProbe, input)),
  erase(authProbe, (input) => probeTask(authProbe, input)),
  erase(manifestProbe, (input) => probeTask(manifestProbe, input)),
  erase(blobProbe, (input) => probeTask(blobProbe, input)),
  erase(namesProbe, (input) => probeTask(namesProbe, input)),
  erase(pullProbe, (input) => probeTask(pullProbe, input)),
];

/** Hides a probe's input type from the engine; `task` ties an input to the probe that made it. */
function erase<K extends ProbeKind, I extends ProbeInput>(probe: Probe<K, I>, task: (input: I) => Task): AnyProbe {
  const { kind, title, cost, budgetMs, proves, available, busy } = probe;
  const here = { ...(available === undefined ? {} : { available }), ...(busy === undefined ? {} : { busy }) };
  return { kind, title, cost, budgetMs, proves, ...here, tasks: (view: View) => probe.inputs(view).map(task) };
}
