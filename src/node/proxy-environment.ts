import { redactText } from '../lib/redact.ts';
import type { Secret } from '../lib/secret.ts';
import type { Problem } from '../model/problem.ts';
import { parseLiteralEnvironment } from './environment-file.ts';
import { noProxyProblems, type ProxySettings, proxySettings } from './go-proxy.ts';
import type { HostFiles } from './host-files.ts';
import {
  type KnownProxy,
  knownProxies,
  type PlacedVariable,
  variablesOfFiles,
  variablesOfUnits,
} from './known-proxies.ts';
import {
  type EnvironmentFailure,
  type Listener,
  type ListenerFailure,
  readProcessEnvironment,
  searchListener,
  serviceOf,
} from './runtime-process.ts';
import { candidateUnits, otherUnits, type RuntimeUnit, runtimeUnits } from './runtime-units.ts';
import { readUnit, readUnitFolders, type Unit } from './systemd-unit.ts';

/** What `readProxyEnvironment` is told. */
export interface ProxyEnvironmentOptions {
  /** The runtime's socket as the node names it; null when there is none. */
  readonly socketPath: string | null;
  readonly runtime: 'containerd' | 'cri-o' | null;
  /** `--proxy-env`: taken as the runtime's whole environment. `source` is the file as the user named it. */
  readonly overrideText?: { readonly text: string; readonly source: string } | null;
}

/** The runtime's environment, as far as it decides how images are pulled. */
export interface ProxyEnvironment {
  readonly settings: ProxySettings;
  /** Where the environment was taken from, for a person. */
  readonly origin: string;
  /** `override`: `--proxy-env`. `process`: the running runtime. `units`: what the next start would have. */
  readonly from: 'override' | 'process' | 'units' | 'none';
  /** The runtime's process; null when none was found or none was looked for. */
  readonly process: Listener | null;
  /** The few other variables that change a pull: SSL_CERT_FILE, SSL_CERT_DIR, GODEBUG, RES_OPTIONS and the like. Never a proxy. */
  readonly environment: Readonly<Record<string, string>>;
  /** Broken unit files, NO_PROXY entries that match nothing, a runtime that wants a restart. What is wrong with a proxy itself is in `ProxyDecision.problem`. */
  readonly problems: readonly Problem[];
  /** Every proxy that is set somewhere on this node, the runtime's own included. */
  readonly known: readonly KnownProxy[];
  /** The systemd service that the process belongs to; null when it is none, or not known. */
  readonly service: string | null;
  /** What a restart of the running process would change. */
  readonly differences: readonly EnvironmentDifference[];
}

/** A variable of the running process that is not what its unit sets. Without secrets; null: not set. */
export interface EnvironmentDifference {
  readonly name: string;
  readonly configured: string | null;
  readonly running: string | null;
  /** `etc/systemd/system/containerd.service.d/proxy.conf:3`; the unit's name when its files do not set it. */
  readonly source: string;
}

/** Variables besides the proxies that change what a runtime's client does; none of them holds a secret. */
const otherVariables = [
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'GODEBUG',
  'LOCALDOMAIN',
  'RES_OPTIONS',
  'HOSTALIASES',
  'CONTAINERS_REGISTRIES_CONF',
  'REGISTRY_AUTH_FILE',
];

const proxyNames = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'NO_PROXY', 'no_proxy'];

/**
 * Finds the environment of the runtime: `--proxy-env` when given, else that of the process that listens at the
 * socket, else what its systemd unit sets. Only the runtime's own environment counts (pull-facts, section 9), not the
 * kubelet's and not the shell's.
 */
export async function readProxyEnvironment(
  host: HostFiles,
  options: ProxyEnvironmentOptions,
): Promise<ProxyEnvironment> {
  const override = options.overrideText ?? null;
  const [units, files, running] = await Promise.all([
    readUnits(host),
    variablesOfFiles(host),
    override === null && options.socketPath !== null ? findRunning(host, options.socketPath) : null,
  ]);
  const chosen = chooseUnit(units, options, running);
  const unitVariables = chosen === null ? [] : unitEnvironment(chosen);
  const elsewhere = [...variablesOfUnits([...units.values()]), ...files];

  if (override !== null) {
    const parsed = parseLiteralEnvironment(override.text);
    const variables = parsed.entries.map((entry) => ({ ...entry, source: `${override.source}:${entry.line}` }));
    const ignored = parsed.ignored.map(
      (item): Problem => ({
        severity: 'warning',
        cause: 'proxy-misconfigured',
        source: `${override.source}:${item.line}`,
        message: `The line sets no variable: ${item.why}.`,
      }),
    );
    return assemble({
      from: 'override',
      origin: override.source,
      process: null,
      variables,
      problems: ignored,
      elsewhere,
    });
  }
  if (running !== null && running.failure === null && running.environment.ok) {
    const { listener, environment } = running;
    const variables = environment.value.map(({ name, value }) => placed(name, value, unitVariables, listener.pid));
    const comparable = chosen !== null && running.service !== null;
    const differences = comparable ? differencesOf(chosen, unitVariables, variables) : [];
    const problems = [...(chosen?.unit.problems ?? []), ...differences.map((one) => restartProblem(chosen, one))];
    const origin = `the environment of process ${listener.pid}${typeof running.service === 'string' && running.service !== 'unknown' ? ` (${running.service})` : ''}`;
    const service = running.service === 'unknown' ? null : running.service;
    return assemble({
      from: 'process',
      origin,
      process: listener,
      variables,
      problems,
      elsewhere,
      service,
      differences,
    });
  }
  const why = running === null ? '' : ` (${whyNotRunning(running)})`;
  const listener = running?.listener ?? null;
  if (chosen === null) {
    return assemble({
      from: 'none',
      origin: `no runtime process and no unit was found${why}`,
      process: listener,
      variables: [],
      problems: [],
      elsewhere,
    });
  }
  const origin = `${chosen.unit.name} and its drop-ins${why}`;
  return assemble({
    from: 'units',
    origin,
    process: listener,
    variables: unitVariables,
    problems: chosen.unit.problems,
    elsewhere,
  });
}

interface ChosenUnit {
  readonly unit: Unit;
  readonly traits: RuntimeUnit | null;
}

type Running =
  | {
      readonly listener: Listener;
      readonly failure: null;
      readonly environment: Awaited<ReturnType<typeof readProcessEnvironment>>;
      /** Null: it runs outside of systemd's services. */
      readonly service: string | null | 'unknown';
    }
  | {
      readonly listener: null;
      readonly failure: ListenerFailure;
      readonly environment: { readonly ok: false };
      readonly service: null;
    };

async function findRunning(host: HostFiles, socketPath: string): Promise<Running> {
  const found = await searchListener(host, socketPath);
  if (!found.ok) return { listener: null, failure: found.error, environment: { ok: false }, service: null };
  const [environment, service] = await Promise.all([
    readProcessEnvironment(host, found.value.pid),
    serviceOf(host, found.value.pid),
  ]);
  return { listener: found.value, failure: null, environment, service };
}

async function readUnits(host: HostFiles): Promise<ReadonlyMap<string, Unit>> {
  const folders = await readUnitFolders(host);
  const names = [...runtimeUnits.map((unit) => unit.name), ...otherUnits];
  const units = await Promise.all(names.map((name) => readUnit(host, name, folders)));
  return new Map(units.map((unit) => [unit.name, unit]));
}

/** The unit that the process runs in, else the first likely one that exists. */
function chooseUnit(
  units: ReadonlyMap<string, Unit>,
  options: ProxyEnvironmentOptions,
  running: Running | null,
): ChosenUnit | null {
  const named = running?.service == null ? undefined : units.get(running.service);
  if (named !== undefined) return { unit: named, traits: runtimeUnits.find(({ name }) => name === named.name) ?? null };
  for (const traits of candidateUnits(options.socketPath, options.runtime)) {
    const unit = units.get(traits.name);
    if (unit !== undefined && (unit.fragment !== null || unit.dropIns.length > 0 || unit.environment.length > 0)) {
      return { unit, traits };
    }
  }
  return null;
}

/** A unit's variables as its runtime gets them. */
function unitEnvironment(chosen: ChosenUnit): PlacedVariable[] {
  const { environment } = chosen.unit;
  if (chosen.traits?.embeds !== true) return [...environment];
  const prefix = 'CONTAINERD_';
  const passed = environment
    .filter(({ name }) => name.startsWith(prefix))
    .map((variable) => ({ ...variable, name: variable.name.slice(prefix.length) }));
  const names = new Set(passed.map(({ name }) => name));
  return [...environment.filter(({ name }) => !names.has(name)), ...passed];
}

/** A process's variable with the file that set it, where one of its unit has the same value. */
function placed(name: string, value: Secret, unit: readonly PlacedVariable[], pid: number): PlacedVariable {
  const set = unit.find((variable) => variable.name === name && variable.value.reveal() === value.reveal());
  return { name, value, source: set?.source ?? `proc/${pid}/environ` };
}

/** Proxies, and what moves the trust store: a running process has them as they were when it started. */
const startNames = [...proxyNames, 'SSL_CERT_FILE', 'SSL_CERT_DIR'];

/** A running process whose variables are not those of its unit: the unit was changed and the runtime not restarted. */
function differencesOf(
  chosen: ChosenUnit,
  unit: readonly PlacedVariable[],
  process: readonly PlacedVariable[],
): EnvironmentDifference[] {
  if (chosen.traits?.comparable !== true) return [];
  const embeds = chosen.traits.embeds;
  return startNames.flatMap((name) => {
    if (embeds && /^no_proxy$/i.test(name)) return [];
    const wanted = unit.find((variable) => variable.name === name);
    const held = process.find((variable) => variable.name === name);
    if ((wanted?.value.reveal() ?? '') === (held?.value.reveal() ?? '')) return [];
    return [{ name, configured: shown(wanted), running: shown(held), source: wanted?.source ?? chosen.unit.name }];
  });
}

function shown(variable: PlacedVariable | undefined): string | null {
  if (variable === undefined) return null;
  const value = variable.value.reveal();
  const safe = redactText(value);
  // Redaction writes a URL in its full form; one without a secret is told as it stands.
  return safe === `${value}/` ? value : safe;
}

function restartProblem(chosen: ChosenUnit | null, difference: EnvironmentDifference): Problem {
  const { name, configured, running, source } = difference;
  const unit = chosen?.unit.name ?? 'its unit';
  const how =
    configured === null
      ? `has ${name}, which ${unit} does not set`
      : `${running === null ? 'lacks' : 'has another value of'} ${name}, which ${unit} sets`;
  return {
    severity: 'warning',
    cause: 'runtime-misconfigured',
    source,
    message: `The running runtime ${how}; a change takes effect after: systemctl daemon-reload && systemctl restart ${unit.replace(/\.service$/, '')}.`,
  };
}

interface Parts {
  readonly from: ProxyEnvironment['from'];
  readonly origin: string;
  readonly process: Listener | null;
  readonly variables: readonly PlacedVariable[];
  readonly problems: readonly Problem[];
  readonly elsewhere: readonly PlacedVariable[];
  readonly service?: string | null;
  readonly differences?: readonly EnvironmentDifference[];
}

function assemble(parts: Parts): ProxyEnvironment {
  // A name set twice: the last one counts.
  const byName = new Map(parts.variables.map((variable) => [variable.name, variable]));
  const record = Object.fromEntries(proxyNames.map((name) => [name, byName.get(name)?.value.reveal()]));
  const settings = proxySettings(record, (name) => byName.get(name)?.source ?? parts.origin);
  const environment: Record<string, string> = {};
  for (const name of otherVariables) {
    const value = byName.get(name)?.value.reveal();
    if (value !== undefined) environment[name] = value;
  }
  return {
    settings,
    origin: parts.origin,
    from: parts.from,
    process: parts.process,
    environment,
    problems: [...parts.problems, ...noProxyProblems(settings)],
    known: knownProxies([...parts.variables, ...parts.elsewhere]),
    service: parts.service ?? null,
    differences: parts.differences ?? [],
  };
}

function whyNotRunning(running: Running): string {
  if (running.failure !== null) {
    const words: Readonly<Record<ListenerFailure, string>> = {
      'no-socket': 'nothing listens at its socket',
      denied: 'which process listens at its socket takes root to see',
      'no-process': 'the process at its socket is not to be seen in /proc',
    };
    return words[running.failure];
  }
  if (running.environment.ok) return '';
  const words: Readonly<Record<EnvironmentFailure, string>> = {
    denied: `the environment of process ${running.listener.pid} takes root to read`,
    gone: `process ${running.listener.pid} ended meanwhile`,
    'too-large': `the environment of process ${running.listener.pid} is too large`,
    failed: `the environment of process ${running.listener.pid} cannot be read`,
  };
  return words[running.environment.error];
}
