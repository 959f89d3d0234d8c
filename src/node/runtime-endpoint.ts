import { fail, ok, type Result } from '../lib/result.ts';

/** An endpoint value that cannot be used as it was given: the command line's fault, so exit status 2. */
export interface EndpointFailure {
  readonly kind: 'endpoint-invalid';
  /** Where it was given: `-r`, `PULLWHY_RUNTIME_ENDPOINT`. */
  readonly given: string;
  readonly value: string;
  /** One sentence: what is wrong, and what to write instead. */
  readonly message: string;
}

/** sun_path of a Unix socket holds 108 bytes with the final NUL (unix(7)). */
const longestSocketPath = 107;

/**
 * The socket's path in `unix:///absolute/path`, the only form that Pullwhy takes. crictl takes a bare path too and
 * warns that it will stop doing so; here the message says how to write it.
 * `given` names the place for the message (`-r`, `PULLWHY_RUNTIME_ENDPOINT`).
 */
export function parseRuntimeEndpoint(value: string, given: string): Result<string, EndpointFailure> {
  const bad = (message: string) =>
    fail<EndpointFailure>({ kind: 'endpoint-invalid', given, value, message: `${given} ${message}` });
  const example = 'unix:///run/containerd/containerd.sock';
  if (value.trim() === '') return bad(`is empty; write the CRI socket as ${example}.`);
  if (value.trim() !== value) return bad(`has a space at an end: "${value}"; write it as ${value.trim()}.`);
  if (value.includes('\0')) return bad('contains a NUL character, which no path can.');
  if (value.startsWith('/')) return bad(`"${value}" has no scheme; write it as unix://${value}.`);
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(value)?.[1];
  if (scheme === undefined) return bad(`"${value}" is neither a URL nor absolute; write it as ${example}.`);
  if (scheme !== 'unix') {
    const detail = scheme.toLowerCase() === 'unix' ? 'the scheme is written in lower case' : `not ${scheme}:`;
    return bad(`"${value}" is not a Unix socket (${detail}); container runtimes on Linux listen at one: ${example}.`);
  }
  if (!value.startsWith('unix:///')) {
    const path = value.slice('unix:'.length).replace(/^\/+/, '');
    return bad(`"${value}" is not absolute; three slashes are needed: unix:///${path}.`);
  }
  const path = value.slice('unix://'.length);
  if (/^\/+$/.test(path)) return bad(`"${value}" names no socket; write it as ${example}.`);
  if (Buffer.byteLength(path) > longestSocketPath) {
    return bad(`"${value}" is longer than a Unix socket's path can be (${longestSocketPath} bytes).`);
  }
  return ok(path);
}
