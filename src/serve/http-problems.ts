import { isLoopback, listenAddress } from '../settings/values.ts';

/** A setting that cannot be with the others, and what to do. */
export interface SettingProblem {
  /** `http.listen`. */
  readonly setting: string;
  readonly message: string;
}

/** The settings of `http` that every server has. */
export interface HttpSettings {
  readonly listen: string;
  readonly tls: { readonly cert: string | null; readonly key: string | null; readonly clientCa: string | null };
  readonly auth: {
    readonly mode: 'none' | 'token' | 'kubernetes' | 'mtls';
    readonly tokenFile: string | null;
    readonly clientNames: readonly string[];
    /** Whom tokens of Kubernetes must be for; empty or not there: its API server. */
    readonly audiences?: readonly string[];
  };
}

/**
 * What cannot be of them together, each right by itself: whoever sets up authentication must not find it off. `who`: `agent`;
 * `port`: its usual one.
 */
export function httpProblems(
  { listen: text, tls, auth }: HttpSettings,
  { who, port }: { readonly who: string; readonly port: number },
): readonly SettingProblem[] {
  const problems: SettingProblem[] = [];
  const say = (setting: string, message: string): void => void problems.push({ setting, message });
  const { mode } = auth;
  const listen = listenAddress(text);
  if (listen === null)
    say('http.listen', `${text} is no address with a port, such as 127.0.0.1:${port} or [::]:${port}.`);
  else if (mode === 'none' && !isLoopback(listen)) {
    say(
      'http.listen',
      `Without authentication the ${who} listens on loopback only, and ${text} is not. Set http.auth.mode (token, kubernetes or mtls), or listen at 127.0.0.1:${listen.port}.`,
    );
  }
  if (tls.cert !== null && tls.key === null) say('http.tls.cert', 'It needs http.tls.key, the file of its key.');
  if (tls.cert === null && tls.key !== null)
    say('http.tls.key', 'It needs http.tls.cert, the file of the certificate.');
  if (mode === 'mtls') {
    const missing = Object.entries(tls).flatMap(([name, value]) => (value === null ? [`http.tls.${name}`] : []));
    if (missing.length > 0) say('http.auth.mode', `mtls needs ${missing.join(' and ')}.`);
  } else {
    if (tls.clientCa !== null) say('http.tls.clientCa', 'Nothing looks at it unless http.auth.mode is mtls: set that.');
    if (auth.clientNames.length > 0)
      say('http.auth.clientNames', 'Nothing looks at them unless http.auth.mode is mtls: set that.');
  }
  if (mode === 'token' && auth.tokenFile === null) say('http.auth.mode', 'token needs http.auth.tokenFile.');
  if (mode !== 'token' && auth.tokenFile !== null)
    say('http.auth.tokenFile', 'Nothing looks at it unless http.auth.mode is token: set that.');
  return problems;
}
