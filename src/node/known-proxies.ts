import { Secret } from '../lib/secret.ts';
import { intendedVariable, parseEnvironmentFile } from './environment-file.ts';
import { type ProxyAddress, type ProxySetting, parseProxyValue } from './go-proxy.ts';
import { type HostFiles, sourceName } from './host-files.ts';
import { otherUnits, runtimeUnits } from './runtime-units.ts';
import type { Unit } from './systemd-unit.ts';

/** A proxy that is set somewhere on this node, whether or not the runtime uses it. */
export interface KnownProxy {
  readonly address: ProxyAddress;
  /** `HTTPS_PROXY`, `http_proxy`, `ALL_PROXY`. */
  readonly variable: string;
  /** The first place where it was found. */
  readonly source: string;
}

/** A variable with its place. */
export interface PlacedVariable {
  readonly name: string;
  readonly value: Secret;
  readonly source: string;
}

/** Variables that name a proxy; ALL_PROXY is not read by Go, but tells that one exists. */
const proxyVariable = /^(?:CONTAINERD_)?(?:https?|all)_proxy$/i;

/**
 * Every usable proxy among the variables, each address once, in order. What cannot work as a proxy is left out. The
 * runtime's own proxy is among them: whoever tries another way leaves out the one that is in use.
 */
export function knownProxies(variables: readonly PlacedVariable[]): KnownProxy[] {
  const known = new Map<string, KnownProxy>();
  for (const { name, value, source } of variables) {
    if (!proxyVariable.test(name) || value.reveal() === '') continue;
    const setting: ProxySetting = { variable: name, value, source };
    const { proxy, problem } = parseProxyValue(setting);
    if (proxy === null || problem !== null) continue;
    const key = `${proxy.scheme} ${proxy.host} ${proxy.port} ${proxy.authorization?.reveal() ?? ''}`;
    if (!known.has(key)) known.set(key, { address: proxy, variable: name, source });
  }
  return [...known.values()];
}

/** The variables of the units, among them those that an ignored assignment was meant to set. */
export function variablesOfUnits(units: readonly Unit[]): PlacedVariable[] {
  return units.flatMap((unit) => [
    ...unit.environment,
    ...unit.ignored.flatMap((item) => {
      const meant = intendedVariable(item.text.reveal());
      return meant === null ? [] : [{ name: meant.name, value: new Secret(meant.value), source: item.source }];
    }),
  ]);
}

/** The variables of /etc/environment and of the units' files in /etc/sysconfig and /etc/default (contract.md, end of section 4). */
export async function variablesOfFiles(host: HostFiles): Promise<PlacedVariable[]> {
  const names = [...runtimeUnits.map((unit) => unit.name), ...otherUnits].map((name) => name.replace(/\.service$/, ''));
  const folders = ['/etc/sysconfig', '/etc/default'];
  const listed = await Promise.all(folders.map((folder) => host.list(folder)));
  const paths = folders.flatMap((folder, index) => {
    const present = listed[index];
    return present?.ok ? names.filter((name) => present.value.includes(name)).map((name) => `${folder}/${name}`) : [];
  });
  const texts = await Promise.all(
    ['/etc/environment', ...paths].map(async (path) => ({ path, text: await host.readText(path) })),
  );
  return texts.flatMap(({ path, text }) =>
    text.ok
      ? parseEnvironmentFile(text.value, true).entries.map((entry) => ({
          name: entry.name,
          value: entry.value,
          source: `${sourceName(path)}:${entry.line}`,
        }))
      : [],
  );
}
