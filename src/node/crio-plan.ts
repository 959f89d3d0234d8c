import { type ImageReference, kubeletImage, repositoryName } from '../image/reference.ts';
import type { Problem } from '../model/problem.ts';
import { readCrioCredentials } from './crio-auth.ts';
import { type HostCertificates, readHostCertificates } from './crio-certs.ts';
import { type CrioConfig, readCrioConfig } from './crio-config.ts';
import { misconfigured, suspicious } from './crio-files.ts';
import { checkSignaturePolicy } from './crio-signatures.ts';
import { crioMinor, crioVersionProblem, insecureRegistriesUntil } from './crio-version.ts';
import type { HostFiles } from './host-files.ts';
import { type RegistriesConf, readAliasCache, readRegistriesConf } from './registries-conf-files.ts';
import { findRegistry, isBlocked, type PullSource, pullSources } from './registries-conf-match.ts';
import type { RuntimeEndpoint, RuntimePlan } from './runtime-plan.ts';
import { invalidImage, resolveShortName } from './short-names.ts';

/** What `planCrio` is told. */
export interface CrioPlanOptions {
  /** CRI-O's version, `1.36.3`; null: the rules of the newest known. */
  readonly version: string | null;
  /** The pod's namespace, for signature_policy_dir; null or absent: none. */
  readonly namespace?: string | null;
}

/**
 * What CRI-O's files say about pulling one image: short name, places to ask in order, certificates, credentials,
 * signature policy. `input` is the image as the pod spec says it. Nothing here fails: what is wrong is in `problems`,
 * and `endpoints` is empty when nothing can be asked.
 */
export async function planCrio(host: HostFiles, input: string, options: CrioPlanOptions): Promise<RuntimePlan> {
  const config = await readCrioConfig(host, options.version);
  const conf = await readRegistriesConf(host);
  const files = [...config.files, ...conf.files];
  // registries.conf is kept in memory until SIGHUP (cri-o pkg/config/reload.go); certs.d, policy.json and auth files are read on each pull.
  const startFiles = [...files];
  const unknownVersion = crioVersionProblem(options.version);
  const problems: Problem[] = [
    ...(unknownVersion === null ? [] : [unknownVersion]),
    ...config.problems,
    ...conf.problems,
  ];
  const plan = {
    runtime: 'cri-o' as const,
    startFiles,
    sandboxImage: { reference: config.pauseImage.value, source: config.pauseImage.source },
  };

  const handed = kubeletImage(input);
  const cache = await readAliasCache(host);
  const resolved = handed.ok
    ? resolveShortName(handed.value, { mode: config.shortNameMode, conf: searchable(conf), cache })
    : { shortName: null, candidates: [], problems: [invalidImage(input, handed.error.message)] };
  // The recorded aliases are opened for short names alone.
  if (resolved.shortName !== null && cache.file !== null) files.push(cache.file);
  // A broken registries.conf ends every resolution before it can have a result.
  if (conf.usable || !handed.ok) problems.push(...resolved.problems);

  const verdict = await checkSignaturePolicy(host, config, resolved.candidates, options.namespace ?? null);
  files.push(...verdict.files);
  problems.push(...verdict.problems);

  const places = conf.usable ? placesFor(resolved.candidates, conf, problems) : [];
  const insecureAnyway = insecureByCrio(config, options.version);
  const certificates = new Map<string, HostCertificates>();
  const endpoints: RuntimeEndpoint[] = [];
  for (const { place, candidate } of places) {
    const registry = place.reference.domain;
    const found = certificates.get(registry) ?? (await readHostCertificates(host, registry));
    certificates.set(registry, found);
    endpoints.push(endpointFor(place, isBlocked(conf.registries, place.reference), found, insecureAnyway(candidate)));
  }
  for (const found of certificates.values()) files.push(...found.files);
  problems.push(...localFailures(endpoints, certificates, conf));

  const auth = await readCrioCredentials(
    host,
    config,
    places.map(({ place }) => place.reference),
  );
  files.push(...auth.files);
  problems.push(...auth.problems);
  return { ...plan, files, endpoints, shortName: resolved.shortName, credentials: auth.credentials, problems };
}

/** With a broken file nothing of registries.conf counts. */
function searchable(conf: RegistriesConf): RegistriesConf {
  return conf.usable ? conf : { ...conf, search: null, aliases: new Map() };
}

interface Place {
  readonly place: PullSource;
  readonly candidate: ImageReference;
}

function placesFor(candidates: readonly ImageReference[], conf: RegistriesConf, problems: Problem[]): readonly Place[] {
  const places: Place[] = [];
  const failures: Problem[] = [];
  for (const candidate of candidates) {
    const entry = findRegistry(conf.registries, repositoryName(candidate));
    const sources = pullSources(entry, candidate);
    if (sources.ok) {
      const upstream = sources.value.at(-1)?.reference ?? candidate;
      if (entry?.blocked === true && !isBlocked(conf.registries, upstream)) {
        const message = `blocked = true for ${entry.prefix} has no effect: CRI-O looks up the rewritten name ${upstream.normalized}, which is not blocked.`;
        problems.push(suspicious(entry.blockedSource, message));
      }
      places.push(...sources.value.map((place) => ({ place, candidate })));
      continue;
    }
    const { source, location, rewritten } = sources.error;
    const message = `the location "${location}" turns ${candidate.normalized} into "${rewritten}", which is no complete image name (a host has a dot or a port or is localhost; Docker Hub's official images lie below docker.io/library); CRI-O asks none of the registry's places.`;
    failures.push(misconfigured(source, message));
  }
  problems.push(
    ...(places.length === 0 ? failures : failures.map((problem) => ({ ...problem, severity: 'warning' as const }))),
  );
  return places;
}

function endpointFor(
  place: PullSource,
  blocked: boolean,
  certificates: HostCertificates,
  insecureAnyway: boolean,
): RuntimeEndpoint {
  const insecure = place.insecure || insecureAnyway;
  return {
    info: {
      url: urlOf(place.reference.domain),
      reference: place.reference.normalized,
      role: place.role,
      source: place.source,
      capabilities: place.digestOnly ? ['pull'] : ['pull', 'resolve'],
      skipVerify: false,
      insecure,
      // docker_client.go detectProperties: http after any failure of https, and only when insecure.
      httpFallback: insecure,
      ca: certificates.ca,
      client: certificates.client,
      dialTimeoutMs: null,
      headers: [],
      blocked,
    },
    caPem: certificates.caPem,
    clientPairs: certificates.clientPairs,
    headerValues: {},
    ...(place.fromImage ? { fromImage: true as const } : {}),
  };
}

/** `https://host[:port]/v2`; Docker Hub's registry has another name than its images. */
function urlOf(domain: string): string {
  const host = domain === 'docker.io' ? 'registry-1.docker.io' : domain.replace(/:443$/, '');
  return `https://${host}/v2`;
}

/**
 * What keeps CRI-O from asking an endpoint at all: blocked, or certificates that cannot be loaded. It goes on to the
 * next one, so these are errors only when none is left.
 */
function localFailures(
  endpoints: readonly RuntimeEndpoint[],
  certificates: ReadonlyMap<string, HostCertificates>,
  conf: RegistriesConf,
): readonly Problem[] {
  const unusable = new Set<string>();
  for (const [registry, found] of certificates) {
    if (found.problems.some((problem) => problem.severity === 'error')) unusable.add(urlOf(registry));
  }
  const left = endpoints.some(({ info }) => !info.blocked && !unusable.has(info.url));
  const problems: Problem[] = [];
  const soften = (problem: Problem): Problem => (left ? { ...problem, severity: 'warning' } : problem);
  for (const found of certificates.values()) problems.push(...found.problems.map(soften));
  const told = new Set<string>();
  for (const { info } of endpoints) {
    if (!info.blocked) continue;
    const name = info.reference.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
    const entry = findRegistry(conf.registries, name);
    const source = entry?.blockedSource ?? info.source;
    if (told.has(source)) continue;
    told.add(source);
    const rest = left ? '; CRI-O asks its mirrors alone.' : ', so CRI-O refuses the pull.';
    const message = `registries.conf blocks ${entry?.prefix ?? name} (blocked = true)${rest}`;
    problems.push(soften({ severity: 'error', cause: 'registry-blocked', source, message }));
  }
  return problems;
}

/**
 * Up to 1.34 CRI-O took TLS verification off for every place of an image whose registry is in insecure_registries, or
 * is a loopback address (internal/storage/image.go, isSecureIndex). Names that merely resolve into a listed range are
 * not known here.
 */
function insecureByCrio(config: CrioConfig, version: string | null): (image: ImageReference) => boolean {
  if (crioMinor(version) >= insecureRegistriesUntil) return () => false;
  const listed = new Set(config.insecureRegistries?.value ?? []);
  return ({ domain }) => listed.has(domain) || /^(localhost|127\.\d+\.\d+\.\d+)(:\d+)?$/.test(domain);
}
