import { clip } from '../lib/limits.ts';
import { Secret } from '../lib/secret.ts';
import type { Problem } from '../model/problem.ts';
import { isLoopback, parseAddress } from './go-address.ts';
import { type GoUrl, parseGoUrl, splitGoHost } from './go-url.ts';
import { ascii, deadEntries, type NoProxyEntry, parseNoProxy } from './no-proxy.ts';

/** One variable of the runtime's environment. Its value may hold a proxy's password. */
export interface ProxySetting {
  /** The name that is in force: `HTTPS_PROXY`, or `https_proxy` when the upper-case one is unset or empty. */
  readonly variable: string;
  readonly value: Secret;
  /** Where it is set: `etc/systemd/system/containerd.service.d/proxy.conf:2`, `proc/812/environ`. */
  readonly source: string;
}

/** The variables that Go's client reads, as they are in force. Null: unset or empty. */
export interface ProxySettings {
  /** For http URLs only. */
  readonly http: ProxySetting | null;
  /** For https URLs only. */
  readonly https: ProxySetting | null;
  readonly no: ProxySetting | null;
}

/** A proxy that Go would connect to. */
export interface ProxyAddress {
  /** As documents show it: scheme, host and the port where one is written; never with userinfo. */
  readonly url: string;
  /** `http`, `https`, `socks5`, `socks5h`; anything else is spoken to as `http` (net/http transport.go). */
  readonly scheme: string;
  /** Without brackets. Empty when the value names none: Go then dials the node itself. */
  readonly host: string;
  /** Go's default for the scheme when the value has none (80, 443, 1080; 0 for an unknown scheme). */
  readonly port: number;
  /** The value of Proxy-Authorization, `Basic …`; null without userinfo. */
  readonly authorization: Secret | null;
  readonly username: string | null;
  /** For SOCKS, which does not take the header. */
  readonly password: Secret | null;
}

/** What Go does for one URL. */
export interface ProxyDecision {
  /** Null: it connects directly. */
  readonly proxy: ProxyAddress | null;
  /** For a person; never with a secret. */
  readonly reason: string;
  /**
   * The proxy value that applies to this URL cannot work as written (`proxy-misconfigured`, severity `error`), or is
   * doubtful (`warning`). With `proxy` null Go ignores the value and connects directly. The same object for every URL
   * that the same setting applies to.
   */
  readonly problem: Problem | null;
}

/** The URL of a request: host without brackets. */
export interface ProxyTarget {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  /** Null: the scheme's default. */
  readonly port: number | null;
}

/** `variables` as a process would hold them. `sourceOf` names the place of each; a string is the place of all. */
export function proxySettings(
  variables: Readonly<Record<string, string | undefined>>,
  sourceOf: string | ((variable: string) => string),
): ProxySettings {
  const pick = (...names: readonly string[]): ProxySetting | null => {
    for (const variable of names) {
      const value = variables[variable];
      if (value === undefined || value === '') continue;
      return {
        variable,
        value: new Secret(value),
        source: typeof sourceOf === 'string' ? sourceOf : sourceOf(variable),
      };
    }
    return null;
  };
  return {
    http: pick('HTTP_PROXY', 'http_proxy'),
    https: pick('HTTPS_PROXY', 'https_proxy'),
    no: pick('NO_PROXY', 'no_proxy'),
  };
}

/** No proxy variable at all. */
export const noProxySettings: ProxySettings = { http: null, https: null, no: null };

/**
 * Which way Go's `http.ProxyFromEnvironment` goes for `target` (golang.org/x/net/http/httpproxy as in Go 1.26):
 * https URLs look at HTTPS_PROXY only and http URLs at HTTP_PROXY only, localhost and loopback addresses are never
 * proxied, names are not resolved for address entries of NO_PROXY.
 */
export function proxyForUrl(settings: ProxySettings, target: ProxyTarget): ProxyDecision {
  const compiled = compile(settings);
  const setting = target.scheme === 'https' ? compiled.https : compiled.http;
  if (setting === null) {
    const other = target.scheme === 'https' ? settings.http : settings.https;
    const reason =
      other === null ? 'no proxy is set' : `no proxy is set for ${target.scheme} URLs (only ${other.variable})`;
    return { proxy: null, reason, problem: null };
  }
  const host = ascii(target.host);
  const port = target.port ?? (target.scheme === 'https' ? 443 : 80);
  if (host === 'localhost') return { proxy: null, reason: 'localhost is never proxied', problem: null };
  const address = parseAddress(host);
  if (address !== null && isLoopback(address.bytes)) {
    return { proxy: null, reason: 'loopback addresses are never proxied', problem: null };
  }
  const wanted = host.trim().toLowerCase();
  const entry = compiled.entries.find((candidate) => candidate.matches(wanted, port, address));
  if (entry !== undefined && settings.no !== null) {
    const { variable, source } = settings.no;
    return { proxy: null, reason: `${variable} entry ${shown(entry.text)} (${source})`, problem: null };
  }
  const { variable, source } = setting.setting;
  const reason =
    setting.proxy === null
      ? `${variable} from ${source} cannot be parsed, so it is ignored`
      : `${variable} from ${source}`;
  return { proxy: setting.proxy, reason, problem: setting.problem };
}

/** NO_PROXY entries that can never match (warnings), for a person to mend; none while no proxy is set. */
export function noProxyProblems(settings: ProxySettings): Problem[] {
  const { no } = settings;
  if (no === null || (settings.http === null && settings.https === null)) return [];
  return deadEntries(no.value.reveal()).map(({ text, why }) => ({
    severity: 'warning',
    cause: 'proxy-misconfigured',
    source: no.source,
    message: `${no.variable} entry "${shown(text)}" matches nothing: ${why}; hosts that it means go through the proxy.`,
  }));
}

/** The proxy that one value means to Go, or null when Go cannot parse it and connects directly. */
export function parseProxyValue(setting: ProxySetting): { proxy: ProxyAddress | null; problem: Problem | null } {
  const value = setting.value.reveal();
  const parsed = parseAsGo(value);
  const problem = (severity: Problem['severity'], fault: string): Problem => ({
    severity,
    cause: 'proxy-misconfigured',
    source: setting.source,
    message: `${setting.variable} is set to ${masked(value)}: ${fault}`,
  });
  if (parsed.url === null) {
    return {
      proxy: null,
      problem: problem('error', `${parsed.why}, so Go ignores it and connects directly. ${advice(value)}`),
    };
  }
  const proxy = addressOf(parsed.url);
  const fault = faultOf(value, parsed.url, proxy, parsed.prefixed);
  if (fault === null) return { proxy, problem: null };
  if (fault.leaks) {
    // A piece of the password ended up as host or port: nothing may be dialled or shown of it.
    const hidden: ProxyAddress = { ...proxy, url: `${proxy.scheme}://[secret]`, host: '[secret]', port: 0 };
    return { proxy: hidden, problem: problem('error', fault.text) };
  }
  return { proxy, problem: problem(fault.severity, fault.text) };
}

interface Compiled {
  readonly http: CompiledProxy | null;
  readonly https: CompiledProxy | null;
  readonly entries: readonly NoProxyEntry[];
}

interface CompiledProxy {
  readonly setting: ProxySetting;
  readonly proxy: ProxyAddress | null;
  readonly problem: Problem | null;
}

/** Parsed once per settings object, as Go does it once per process; so a problem keeps its identity too. */
const compiledSettings = new WeakMap<ProxySettings, Compiled>();

function compile(settings: ProxySettings): Compiled {
  const known = compiledSettings.get(settings);
  if (known !== undefined) return known;
  const one = (setting: ProxySetting | null): CompiledProxy | null =>
    setting === null ? null : { setting, ...parseProxyValue(setting) };
  const compiled: Compiled = {
    http: one(settings.http),
    https: one(settings.https),
    entries: settings.no === null ? [] : parseNoProxy(settings.no.value.reveal()),
  };
  compiledSettings.set(settings, compiled);
  return compiled;
}

/** httpproxy's `parseProxy`: a value that is no URL with a scheme and a host is read again with `http://` before it. */
function parseAsGo(value: string): { url: GoUrl | null; prefixed: boolean; why: string } {
  const first = parseGoUrl(value);
  if (first.ok && first.value.scheme !== '' && first.value.host !== '') {
    return { url: first.value, prefixed: false, why: '' };
  }
  const second = parseGoUrl(`http://${value}`);
  if (second.ok) return { url: second.value, prefixed: true, why: '' };
  if (first.ok) return { url: first.value, prefixed: false, why: '' };
  return {
    url: null,
    prefixed: false,
    why: `it cannot be parsed (${value.includes('://') ? first.error : second.error})`,
  };
}

function addressOf(url: GoUrl): ProxyAddress {
  const { host, port } = splitGoHost(url.host);
  const name = ascii(host);
  const shownHost = name.includes(':') ? `[${name}]` : name;
  const { user } = url;
  const pair = user === null ? null : Buffer.concat([user.name, Buffer.from(':'), user.password ?? Buffer.alloc(0)]);
  return {
    url: `${url.scheme === '' ? '' : `${url.scheme}://`}${shownHost}${port === '' ? '' : `:${port}`}`,
    scheme: url.scheme,
    host: name,
    port: port === '' ? defaultPort(url.scheme) : Number(port),
    authorization: pair === null ? null : new Secret(`Basic ${pair.toString('base64')}`),
    username: user === null ? null : user.name.toString('utf8'),
    password: user?.password == null ? null : new Secret(user.password.toString('utf8')),
  };
}

function defaultPort(scheme: string): number {
  if (scheme === 'https') return 443;
  if (scheme === 'socks5' || scheme === 'socks5h') return 1080;
  return scheme === 'http' ? 80 : 0;
}

interface Fault {
  readonly severity: Problem['severity'];
  readonly text: string;
  readonly leaks: boolean;
}

const schemes = new Set(['http', 'https', 'socks5', 'socks5h']);

/** Why the proxy that Go makes of the value is not the one that its author meant; null when nothing speaks against it. */
function faultOf(value: string, url: GoUrl, proxy: ProxyAddress, prefixed: boolean): Fault | null {
  const fault = (text: string, severity: Problem['severity'] = 'error', leaks = false): Fault => ({
    severity,
    text,
    leaks,
  });
  // `http://http://proxy:3128`: a URL without a port, and the proxy's own name in its path.
  const twice = url.rest.startsWith('//') && schemes.has(proxy.host.toLowerCase());
  if (twice || (prefixed && (value.includes('://') || schemes.has(proxy.host.toLowerCase())))) {
    return fault(
      `Go takes it for a proxy named ${proxy.host || '""'} on port ${proxy.port}, which cannot work. ${advice(value)}`,
    );
  }
  if (url.rest.includes('@')) {
    const text = 'the user name or password has a "/", "?" or "#", which ends the host part for Go; percent-encode it.';
    return fault(text, 'error', true);
  }
  if (proxy.host === '') return fault(`it names no proxy host, so Go dials this node itself. ${advice(value)}`);
  if (proxy.port > 65535 || (proxy.port === 0 && splitGoHost(url.host).port !== '')) {
    return fault(`its port ${proxy.port} is not a port number (1 to 65535).`);
  }
  if (!/^[A-Za-z0-9._-]+$/.test(proxy.host) && parseAddress(proxy.host) === null) {
    return fault(`Go takes it for a proxy named ${proxy.host}, which is no host name. ${advice(value)}`);
  }
  if (!schemes.has(proxy.scheme)) {
    if (proxy.port === 0)
      return fault(`Go does not know the scheme ${proxy.scheme} and so no port; write http://host:port.`);
    const socks = proxy.scheme.startsWith('socks');
    const text = `Go does not know the scheme ${proxy.scheme} and speaks plain HTTP to the proxy; write ${socks ? 'socks5' : 'http'}://host:port.`;
    return fault(text, socks ? 'error' : 'warning');
  }
  return null;
}

/** What is most likely wrong with a value, as a sentence for the one who wrote it. */
function advice(value: string): string {
  if (/[\u2018-\u201f]/.test(value)) return 'It has typographic quotes; remove them.';
  if (/["']/.test(value)) return 'The quotes are part of the value; remove them.';
  if (/\s/.test(value)) return 'It has white space; remove it.';
  if (/\$/.test(value)) return 'Variables are not expanded here; write the value itself.';
  if (/[0-9a-f]*:[0-9a-f]*:[0-9a-f:]*/i.test(value.replace(/^[a-z0-9]+:\/\//i, '').replace(/\[[^\]]*\]/, ''))) {
    return 'An IPv6 address is written in brackets: http://[2001:db8::1]:3128 (runtimes built with Go before 1.26 read this value in another way).';
  }
  if (value.includes('@')) {
    return 'Percent-encode special characters in the user name and password, and check the port; write http://user:password@host:port.';
  }
  return 'Write http://host:port.';
}

/** A value as a message may show it: whatever stands before the last `@` is left out, but for the scheme. */
function masked(value: string): string {
  const at = value.lastIndexOf('@');
  const scheme = /^[^@]{0,12}?:\/\//.exec(value)?.[0] ?? '';
  const text = at < 0 ? value : `${scheme}[secret]@${value.slice(at + 1)}`;
  return `"${clip(text.replace(/[\u0000-\u001f\u007f]/g, '\ufffd'), 200)}"`;
}

/** A NO_PROXY entry in a sentence; someone may have pasted a URL with a password there. */
function shown(entry: string): string {
  return clip(entry.includes('@') ? `[secret]@${entry.slice(entry.lastIndexOf('@') + 1)}` : entry, 200);
}
