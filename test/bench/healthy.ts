import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canMakeNamespaces } from '../kit/network-namespace.ts';
import { makeAuthority } from '../lab/authority.ts';
import { startRuntime } from '../lab/containerd.ts';
import { startRegistry } from '../lab/registry.ts';
import { bareNode, type Command, peaks, pullwhy, timed } from './command.ts';
import { type Figure, figureOf, type Part } from './figure.ts';
import { freePort, image, machineAuthorities, registryName, type World, writeRoot, writeTrustStore } from './world.ts';

/** A healthy image is told within this, start included: a person at a shell does not wait. */
const healthyMs = 500;
const runs = 15;
const peakRuns = 3;
const curlName = 'curl, its manifest';
const manifestPath = `/v2/${image.repository}/manifests/${image.tag}`;
const accept = ['-H', 'Accept: application/vnd.oci.image.manifest.v1+json'];

/** Why what needs network namespaces is left out. */
export function noNamespaces(what: string): string {
  return `left out: ${what}: it takes root, iproute2 and nftables, for network namespaces of its own`;
}

/** A healthy image on a registry of this machine, without TLS. */
export async function healthy(world: World): Promise<Part> {
  if (!existsSync('/usr/bin/docker-registry')) return { figures: [], notes: [missing('healthy', 'docker-registry')] };
  const port = await world.plainRegistry();
  const root = join(world.folder, 'plain-root');
  const name = `${registryName}:${port}`;
  await writeRoot(root, {
    [`etc/containerd/certs.d/${name}/hosts.toml`]: `server = "http://${name}"\n`,
  });
  const command = pullwhy('diagnose, healthy, http', [
    ...['diagnose', '--host-root', root, '--runtime', 'containerd', '--platform', 'linux/amd64', '-o', 'json'],
    ...(await world.nameserver()),
    `${name}/${image.repository}:${image.tag}`,
  ]);
  const version = pullwhy('pullwhy --version', ['--version']);
  const times = await compare(command, [bareNode, version, curl([`http://127.0.0.1:${port}${manifestPath}`])]);
  const memory = figureOf('  its peak memory', 'MB', await peaks(command, peakRuns), {
    reference: figureOf('node -e 0', 'MB', await peaks(bareNode, peakRuns)),
  });
  return { figures: [...times, memory], notes: [] };
}

/** The same with TLS, on a node with as many authorities as this machine has. */
export async function trusted(world: World): Promise<Part> {
  if (!existsSync('/usr/bin/docker-registry')) return { figures: [], notes: [missing('TLS', 'docker-registry')] };
  const authorities = await machineAuthorities();
  if (authorities === null) return { figures: [], notes: [missing('TLS', 'ca-certificates')] };
  await world.plainRegistry(); // has pushed the image
  const port = await freePort();
  const name = `${registryName}:${port}`;
  const authority = await makeAuthority(join(world.folder, 'ca'), 'Bench CA');
  const tls = await authority.issue('bench', [registryName]);
  const { folder, storage } = world;
  await startRegistry(null, { name: 'tls', folder, storage, listen: `127.0.0.1:${port}`, party: null, tls });
  const root = join(folder, 'tls-root');
  await writeRoot(root, {});
  await writeTrustStore(root, [...authorities, await readFile(authority.certFile, 'utf8')]);
  const command = pullwhy(`diagnose, healthy, https, ${authorities.length + 1} authorities`, [
    ...['diagnose', '--host-root', root, '--runtime', 'containerd', '--platform', 'linux/amd64', '-o', 'json'],
    ...(await world.nameserver()),
    `${name}/${image.repository}:${image.tag}`,
  ]);
  const bundle = join(root, 'etc/ssl/certs/ca-certificates.crt');
  const fetched = curl(['--resolve', `${name}:127.0.0.1`, '--cacert', bundle, `https://${name}${manifestPath}`]);
  const memory = figureOf('  its peak memory', 'MB', await peaks(command, peakRuns));
  return { figures: [...(await compare(command, [bareNode, fetched])), memory], notes: [] };
}

/** With a containerd that serves CRI, and this machine's own root: its trust store, its units, its processes. */
export async function withRuntime(world: World): Promise<Part> {
  const what = 'containerd';
  for (const program of ['containerd', 'docker-registry']) {
    if (!existsSync(`/usr/bin/${program}`)) return { figures: [], notes: [missing(what, program)] };
  }
  if (!(await canMakeNamespaces())) return { figures: [], notes: [noNamespaces(what)] };
  await world.plainRegistry(); // has pushed the image
  const network = await world.network();
  const { folder, storage } = world;
  const name = '127.0.0.1:5000'; // loopback goes without TLS, and needs no configuration for it
  await startRegistry(network, { name: 'namespace', folder, storage, listen: name, party: 'node' });
  const etc = `${network.etc('node')}/containerd`;
  await mkdir(etc, { recursive: true });
  const runtime = await startRuntime(network, {
    name: 'containerd',
    folder,
    root: join(folder, 'containerd'),
    state: join(folder, 'run'),
    config: { inside: '/etc/containerd/config.toml', outside: `${etc}/config.toml` },
  });
  const reference = `${name}/${image.repository}:${image.tag}`;
  const inside = (command: Command): Command => {
    const [file, args] = network.at('node', command.file, command.args);
    return { ...command, file, args };
  };
  const args = ['diagnose', '-r', runtime.endpoint, '--platform', 'linux/amd64', '-o', 'json', reference];
  const command = inside(pullwhy("diagnose, healthy, http, containerd, this machine's root", args));
  const figures = await compare(command, [inside(bareNode), inside(curl([`http://${name}${manifestPath}`]))]);
  await runtime.service.stop();
  return { figures, notes: [] };
}

/** The command and what it is compared with; its first reference is the one that its ratio is of. */
async function compare(command: Command, wanted: readonly Command[]): Promise<Figure[]> {
  const references = wanted.filter(({ name }) => name !== curlName || existsSync('/usr/bin/curl'));
  const times = await timed([...references, command], runs);
  const found = references.map((reference) => figureOf(`  ${reference.name}`, 'ms', times.get(reference) ?? []));
  const made = found.map((reference) =>
    figureOf(command.name, 'ms', times.get(command) ?? [], {
      reference,
      atMost: healthyMs,
    }),
  );
  const [first] = made;
  return first === undefined ? found : [first, ...found];
}

function curl(args: readonly string[]): Command {
  return { name: curlName, file: 'curl', args: ['-sSf', '-o', '/dev/null', ...accept, ...args] };
}

function missing(what: string, debianPackage: string): string {
  return `left out: ${what}: ${debianPackage} is not installed`;
}
