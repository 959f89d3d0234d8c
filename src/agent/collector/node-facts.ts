import { createHash } from 'node:crypto';
import { release } from 'node:os';
import type { RegistryRow } from '../../api/node.ts';
import type { ReadNode } from '../../engine/plan-node.ts';
import { safeLine } from '../../lib/redact.ts';
import { type FileMarks, openFileMarks } from '../../node/file-marks.ts';
import { type ProxySettings, proxyForUrl } from '../../node/go-proxy.ts';
import { hostFiles } from '../../node/host-files.ts';
import { fingerprintOf, readCertificate } from '../../wire/x509.ts';
import { labelOf } from './label.ts';
import type { Attributes } from './records.ts';
import { registryFiles, short } from './registry-files.ts';

/** What a node is told apart by. */
export interface NodeFacts {
  readonly attributes: Attributes;
  /** Names of the authorities that its runtime trusts, with the beginning of their fingerprints. */
  readonly authorities: readonly string[];
}

/** What gathering them needs. */
export interface NodeFactsNeeds {
  readonly now: () => number;
  readonly hostRoot: string;
  readonly version: string;
  /** The node as its files and its runtime have it: read by the planner, and again only when something of it changed. */
  readonly readNode: () => Promise<ReadNode | null>;
  readonly registries: () => readonly RegistryRow[];
  /** What the API server tells of this node; empty where it is not asked. */
  readonly ofCluster: () => Attributes;
  /** `node.labels`; they count more than what the API server says. */
  readonly labels: readonly string[];
}

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/** Gathers them; what has not changed since the last time is not read again. */
export function openNodeFacts(needs: NodeFactsNeeds): () => Promise<NodeFacts | null> {
  let trust: { readonly of: ReadNode['trust']; readonly mark: string; readonly names: readonly string[] } | null = null;
  let files: {
    readonly key: string;
    readonly marks: FileMarks;
    readonly entries: readonly string[];
    readonly os: string | null;
  } | null = null;

  return async () => {
    const node = await needs.readNode();
    if (node === null) return null;
    if (trust?.of !== node.trust) trust = { of: node.trust, ...trustOf(node.trust.pem) };
    const { runtime, choice, proxies, resolver } = node;
    const kind = /docker/.test(runtime.name ?? '')
      ? 'docker'
      : /^cri-?o$/.test(runtime.name ?? '')
        ? 'cri-o'
        : 'containerd';
    const configFile = kind === 'containerd' ? choice.configFile : null;
    const key = JSON.stringify([kind, runtime.version, configFile]);
    if (files === null || files.key !== key || files.marks.changed()) {
      const marks = openFileMarks(needs.hostRoot, needs.now);
      const host = hostFiles(needs.hostRoot, marks.observe);
      const entries = await registryFiles(host, { runtime: kind, version: runtime.version, configFile });
      const release = await host.readText('/etc/os-release', 64 * 1024);
      const os = release.ok ? prettyName(release.value) : null;
      files = { key, marks, entries, os };
    }
    const attributes: Record<string, readonly string[]> = {
      nameserver: resolver.nameservers.map(({ address, port }) => (port === 53 ? address : `${address}#${port}`)),
      'search-domain': resolver.searchDomains,
      proxy: proxiesOf(proxies.settings),
      'no-proxy': entriesOf(proxies.settings.no?.value.reveal() ?? ''),
      ...needs.ofCluster(),
      'egress-address': sourcesOf(needs.registries()),
      runtime: one(runtime.name),
      'runtime-version': one(runtime.version),
      kernel: [release()],
      os: one(files.os),
      architecture: [architectures[process.arch] ?? process.arch],
      'trust-store': [`${trust.names.length} authorities ${trust.mark}`],
      'registry-configuration': files.entries,
      'agent-version': [needs.version],
    };
    for (const text of needs.labels) {
      const label = labelOf(text);
      if (label !== null) attributes[label.name] = [label.value];
    }
    return { attributes, authorities: trust.names };
  };
}

function one(value: string | null): readonly string[] {
  return value === null || value === '' ? [] : [safeLine(value, 200)];
}

/** One digest for the set of certificates, whatever their order and files; and their names. */
function trustOf(pem: readonly string[]): { readonly mark: string; readonly names: readonly string[] } {
  const prints: string[] = [];
  const names: string[] = [];
  for (const block of pem) {
    const der = Buffer.from(block.replace(/-----[^-]*-----/g, ''), 'base64');
    const certificate = readCertificate(der);
    // Go leaves out what it cannot read, too.
    if (certificate === null) continue;
    const print = fingerprintOf(certificate);
    prints.push(print);
    const name = certificate.commonName ?? certificate.subject;
    names.push(`${safeLine(name === '' ? certificate.serialNumber : name, 200)} ${print.slice(0, 16)}`);
  }
  const hash = createHash('sha256').update(prints.sort().join('\n')).digest('hex');
  return { mark: hash.slice(0, 12), names: names.sort() };
}

/** The proxies of the runtime, for each scheme; never with userinfo. */
function proxiesOf(settings: ProxySettings): readonly string[] {
  return (['https', 'http'] as const).flatMap((scheme) => {
    const setting = settings[scheme];
    if (setting === null) return [];
    // A name that no entry of NO_PROXY is for.
    const { proxy } = proxyForUrl({ ...settings, no: null }, { scheme, host: 'registry.invalid', port: null });
    return [`${scheme} ${proxy === null ? 'unusable' : proxy.url}`];
  });
}

/** In their order made one: it does not count. A long list is told by its digest at the end. */
function entriesOf(text: string): readonly string[] {
  const entries = [...new Set(text.split(',').map((entry) => safeLine(entry, 256)))]
    .filter((entry) => entry !== '')
    .sort();
  return entries.length <= 200
    ? entries
    : [...entries.slice(0, 199), `${entries.length - 199} more ${short(entries.join())}`];
}

/** The addresses that registries say they count. */
function sourcesOf(registries: readonly RegistryRow[]): readonly string[] {
  const sources = registries.map(({ rateLimit }) => rateLimit?.source ?? null).filter((source) => source !== null);
  return [...new Set(sources)].sort().slice(0, 16);
}

/** PRETTY_NAME of os-release(5), quotation marks taken off. */
function prettyName(text: string): string | null {
  const value =
    /^PRETTY_NAME=(.*)$/m
      .exec(text)?.[1]
      ?.trim()
      .replace(/^(["'])(.*)\1$/, '$2') ?? '';
  return value === '' ? null : value;
}
