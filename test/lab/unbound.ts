import { writeFile } from 'node:fs/promises';
import { type Service, startService } from './commands.ts';
import type { Network } from './network.ts';
import { listening } from './registry.ts';

/** One nameserver. */
export interface NameserverSetup {
  readonly name: string;
  readonly folder: string;
  /** Addresses of the party `dns`. */
  readonly listen: readonly string[];
  /** Records of the zone `lab.`, whose other names do not exist: `registry.lab. A 10.77.0.10`. Without any it has no such zone. */
  readonly records: readonly string[];
  /** More lines of the `server:` clause: `local-zone: "refused.lab." always_refuse`. */
  readonly server?: readonly string[];
  /** Clauses of their own: a forward zone whose server is dead makes SERVFAIL. */
  readonly clauses?: readonly string[];
}

/** Starts an unbound and waits until it listens. It has no way to any other nameserver. */
export async function startNameserver(network: Network, setup: NameserverSetup): Promise<Service> {
  const file = `${setup.folder}/${setup.name}.conf`;
  const lines = [
    'server:',
    '  username: ""',
    '  chroot: ""',
    '  directory: ""',
    '  pidfile: ""',
    '  use-syslog: no',
    '  do-daemonize: no',
    '  num-threads: 1',
    '  module-config: "iterator"', // no DNSSEC: there is no root here
    '  do-not-query-localhost: no',
    '  infra-host-ttl: 1',
    '  access-control: 0.0.0.0/0 allow',
    '  access-control: ::/0 allow',
    ...setup.listen.map((address) => `  interface: ${address}`),
    ...(setup.records.length > 0 ? ['  local-zone: "lab." static'] : []),
    ...setup.records.map((record) => `  local-data: "${record}"`),
    ...(setup.server ?? []).map((line) => `  ${line}`),
    ...(setup.clauses ?? []),
    'remote-control:',
    '  control-enable: no',
    '',
  ];
  await writeFile(file, lines.join('\n'));
  const [command, args] = network.at('dns', 'unbound', ['-d', '-p', '-c', file]);
  const service = await startService(setup.name, command, args, `${setup.folder}/${setup.name}.log`);
  for (const address of setup.listen) {
    await listening(network, 'dns', service, `${address.includes(':') ? `[${address}]` : address}:53`, 'udp');
  }
  return service;
}
