import type { PlanDocument } from '../../model/investigation.ts';
import type { EndpointInfo, RuntimeInfo } from '../../model/plan.ts';
import type { Style } from './style.ts';
import { problemLines } from './text.ts';
import { count, duration, listed, visible, wrap } from './words.ts';

/** One thing that the plan says: a label, and its words. */
export interface PlanFact {
  readonly label: string;
  readonly words: string;
}

/** The column at which a plan's words begin. */
const labelWidth = 15;

/** The plan as a person reads it: what is pulled from where in which order, and which file says so. Pure. */
export function renderPlanText(document: PlanDocument, style: Style): string {
  const { image, cause, summary, endpoints, problems } = document;
  const name = image.normalized ?? image.input;
  const stopped =
    cause === null
      ? []
      : [style.bad(`${style.symbols.bad} ${visible(image.input)} cannot be pulled as this node is set up`)];
  const title = cause === null ? wrap(name, style.width).map(style.bold) : stopped;
  const blocks = [
    [
      ...title,
      ...(cause === null ? [] : [...wrap(summary ?? '', style.width, '  '), `  cause: ${cause}`]),
      ...factLines(imageFacts(document), style),
    ],
    ...endpoints.map((endpoint, index) => [
      style.bold(`${index + 1}. ${endpoint.role} ${visible(endpoint.url)}${endpoint.blocked ? ': blocked' : ''}`),
      ...factLines(endpointFacts(endpoint, document), style),
    ]),
    factLines(nodeFacts(document), style),
    problemLines(
      problems.filter(({ message }) => summary?.includes(message) !== true),
      style,
    ),
  ];
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => line.trimEnd()).join('\n'))
    .join('\n\n')}\n`;
}

function factLines(facts: readonly PlanFact[], { width }: Style): string[] {
  return facts.flatMap(({ label, words }) => {
    const [first = '', ...rest] = wrap(words, width, ' '.repeat(labelWidth + 2));
    return [`  ${label.padEnd(labelWidth)}${first.trimStart()}`, ...rest];
  });
}

/** What is asked for, and by whose rules. */
export function imageFacts({ image, platform, pullPolicy, shortName, runtime }: PlanDocument): PlanFact[] {
  const facts: PlanFact[] = [];
  if (image.normalized !== null && image.normalized !== image.input) {
    facts.push({ label: 'asked for', words: image.input });
  }
  if (shortName !== null) {
    const candidates = listed(shortName.candidates, 8) || 'nothing';
    facts.push({ label: 'short name', words: `stands for ${candidates} (${shortName.mode}, ${shortName.source})` });
  }
  facts.push({ label: 'runtime', words: runtimeFact(runtime) });
  facts.push({
    label: 'platform',
    words:
      platform.accepts.length > 1
        ? `${platform.normalized}, or ${listed(platform.accepts.slice(1))}`
        : platform.normalized,
  });
  facts.push({ label: 'pull policy', words: `${pullPolicy.policy} (${pullPolicy.source})` });
  return facts;
}

function runtimeFact({ name, version, endpoint }: RuntimeInfo): string {
  const what = [name ?? 'none found', version].filter((part) => part !== null).join(' ');
  return endpoint === null ? `${what}; no socket of one was found` : `${what} at ${endpoint}`;
}

/** Everything that is set for one endpoint. */
export function endpointFacts(endpoint: EndpointInfo, { hosts, image }: PlanDocument): PlanFact[] {
  const { source, capabilities, reference, skipVerify, insecure, httpFallback, ca, client } = endpoint;
  const facts: PlanFact[] = [{ label: 'set by', words: source === 'default' ? "the runtime's default" : source }];
  if (reference !== '' && reference !== image.normalized && reference !== image.input)
    facts.push({ label: 'asks for', words: reference });
  if (capabilities.length > 0) facts.push({ label: 'serves', words: listed(capabilities, 6) });
  const tls = [
    ...(endpoint.url.startsWith('http:')
      ? ['none, plain HTTP']
      : skipVerify || insecure
        ? ['not verified']
        : ['verified']),
    ...(ca.length === 0 ? [] : [`also with ${listed(ca)}`]),
    ...client.map(([certificate]) => `client certificate ${certificate}`),
    ...(httpFallback ? ['plain HTTP when TLS fails'] : []),
  ];
  facts.push({ label: 'TLS', words: tls.join('; ') });
  const way = endpoint.proxy === null ? 'none' : endpoint.proxy;
  facts.push({ label: 'proxy', words: `${way} (${endpoint.proxyReason})` });
  const lookups = lookupsOf(endpoint, hosts);
  if (lookups.length > 0) facts.push({ label: 'looked up', words: lookups.join(', then ') });
  if (endpoint.headers.length > 0) facts.push({ label: 'headers', words: listed(endpoint.headers, 8) });
  if (endpoint.dialTimeoutMs !== null) facts.push({ label: 'dial timeout', words: duration(endpoint.dialTimeoutMs) });
  return facts;
}

/** The names asked for the party that is connected to: the proxy, where one is used. */
function lookupsOf({ url, proxy }: EndpointInfo, hosts: PlanDocument['hosts']): readonly string[] {
  const target = proxy ?? url;
  if (!URL.canParse(target)) return [];
  const name = new URL(target).hostname.replace(/^\[|\]$/gu, '');
  return hosts.find(({ host }) => host === name)?.lookups ?? [];
}

/** What holds for every endpoint. */
export function nodeFacts(document: PlanDocument): PlanFact[] {
  const { nameservers, searchDomains, resolver, trustStore, credentials, credentialHosts, knownProxies } = document;
  const { ndots, timeoutMs, attempts, rotate, useTcp, singleRequest } = resolver;
  const options = [
    ...(rotate ? ['rotate'] : []),
    ...(useTcp ? ['over TCP'] : []),
    ...(singleRequest ? ['one request at a time'] : []),
  ];
  const servers = nameservers.map(
    ({ address, port, source }) => `${address}${port === 53 ? '' : ` port ${port}`} (${source})`,
  );
  const facts: PlanFact[] = [
    { label: 'nameservers', words: servers.length === 0 ? 'none' : servers.join(', then ') },
    {
      label: 'resolver',
      words: [
        searchDomains.length === 0 ? 'no search domain' : `search ${searchDomains.join(' ')}`,
        `ndots ${ndots}`,
        `${duration(timeoutMs)} a try`,
        count(attempts, 'try', 'tries'),
        ...options,
      ].join(', '),
    },
    {
      label: 'trust store',
      words: `${count(trustStore.certificates, 'certificate')}${trustStore.files.length === 0 ? '' : ` of ${listed(trustStore.files)}`}`,
    },
    ...(credentials === null
      ? [{ label: 'credentials', words: noCredentials(credentialHosts) }]
      : credentials.matches.map(({ key, source, username }, index) => ({
          label: index === 0 ? 'credentials' : 'then',
          words: `user ${username} for ${key} (${source})`,
        }))),
  ];
  facts.push({ label: 'kubelet', words: kubeletWords(document.kubelet) });
  if (knownProxies.length > 0) {
    const known = knownProxies.map(({ url, source }) => `${url} (${source})`);
    facts.push({ label: 'other proxies', words: `set elsewhere on this node: ${listed(known)}` });
  }
  return facts;
}

/** What of the kubelet's settings decides over pulls; of the rarer ones only what somebody has set. */
function kubeletWords(kubelet: PlanDocument['kubelet']): string {
  const { serializeImagePulls: serial, maxParallelImagePulls: parallel } = kubelet;
  const place = (source: string): string => (source === 'default' ? 'the default' : source);
  const most =
    parallel.value === null
      ? 'any number of images at a time'
      : `${count(parallel.value, 'image')} at a time (${place(parallel.source)})`;
  const { registryPullQPS: rate, registryBurst: burst, imagePullCredentialsVerificationPolicy: policy } = kubelet;
  return [
    serial.value ? `pulls one image at a time (${place(serial.source)})` : `pulls ${most}`,
    ...(rate.source === 'default' ? [] : [`registryPullQPS ${rate.value} (${rate.source})`]),
    ...(burst.source === 'default' ? [] : [`registryBurst ${burst.value} (${burst.source})`]),
    ...(policy.source === 'default'
      ? []
      : [`imagePullCredentialsVerificationPolicy ${policy.value} (${policy.source})`]),
  ].join(', ');
}

function noCredentials(files: PlanDocument['credentialHosts']): string {
  if (files.length === 0) return 'none';
  const others = files.map(({ source, hosts }) => `${source} has entries for ${listed(hosts, 6) || 'no registry'}`);
  return `none for this image; ${others.join('; ')}`;
}
