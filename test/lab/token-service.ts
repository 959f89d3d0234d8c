import { fileURLToPath } from 'node:url';
import type { Pair } from './authority.ts';
import { type Service, startService } from './commands.ts';
import type { Network } from './network.ts';
import { listening } from './registry.ts';

/** Whom the token service knows. A user may pull what lies below one of the repository prefixes. */
export interface TokenSettings {
  readonly address: string;
  readonly port: number;
  readonly tls: Pair;
  /** Key and certificate that sign the tokens; docker-registry trusts the certificate. */
  readonly signing: Pair;
  readonly issuer: string;
  readonly service: string;
  /** Null: it gives no token to nobody in particular. */
  readonly anonymous: { readonly repositories: readonly string[] } | null;
  readonly users: readonly {
    readonly name: string;
    readonly password: string;
    readonly repositories: readonly string[];
  }[];
}

/** Starts the token service at the party `auth`. */
export async function startTokenService(
  network: Network,
  name: string,
  folder: string,
  settings: TokenSettings,
): Promise<Service> {
  const script = fileURLToPath(new URL('./token-server.ts', import.meta.url));
  const [command, args] = network.at('auth', process.execPath, [script, JSON.stringify(settings)]);
  const service = await startService(name, command, args, `${folder}/${name}.log`);
  await listening(network, 'auth', service, `${settings.address}:${settings.port}`);
  return service;
}
