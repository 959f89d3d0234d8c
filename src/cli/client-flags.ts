import { type Command, Option } from 'commander';
import { redactUrl } from '../lib/redact.ts';
import type { AgentClient } from './agent-client.ts';
import type { Peer } from './agent-lost.ts';
import { complain } from './output.ts';

/** How an agent or a collector is reached. */
export interface ClientFlags {
  /** Its address, by one of the two names. */
  readonly agent?: string;
  readonly collector?: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

const addresses = {
  agent: { variable: 'PULLWHY_AGENT', usual: 'http://127.0.0.1:9440' },
  collector: { variable: 'PULLWHY_COLLECTOR', usual: 'http://127.0.0.1:9450' },
} as const;

/** Adds the flags by which it is reached. */
export function addClientFlags(command: Command, { name, flag }: Peer): Command {
  const { variable, usual } = addresses[name];
  return command
    .addOption(new Option(`${flag} <URL>`, `where the ${name} answers`).env(variable).default(usual))
    .addOption(new Option('--token-file <FILE>', 'its bearer token').env('PULLWHY_TOKEN_FILE'))
    .option('--ca-file <FILE>', "the authority of its certificate (default: this machine's)")
    .option('--cert-file <FILE>', 'a client certificate')
    .option('--key-file <FILE>', 'the key of it');
}

/** Opens the client that the flags name; null when they cannot be used, which was said then. `command`: `node`, `fleet`. */
export async function clientOf(
  flags: ClientFlags,
  peer: Peer,
  command: string,
  signal: AbortSignal,
): Promise<AgentClient | null> {
  const { flag, name } = peer;
  const given = flags[name] ?? '';
  const url = URL.parse(given);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    complain(flag, `${redactUrl(given)} is no address such as ${addresses[name].usual}.`);
    return null;
  }
  if (url.username !== '' || url.password !== '') {
    const who = name === 'agent' ? 'An agent' : 'A collector';
    complain(flag, `${who} takes no user and password in its address: use --token-file.`);
    return null;
  }
  const { openAgentClient } = await import('./agent-client.ts');
  const client = await openAgentClient({
    peer,
    url,
    tokenFile: flags.tokenFile ?? null,
    caFile: flags.caFile ?? null,
    certFile: flags.certFile ?? null,
    keyFile: flags.keyFile ?? null,
    signal,
  });
  if (client.ok) return client.value;
  complain(command, client.error);
  return null;
}
