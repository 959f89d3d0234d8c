import { mkdir, writeFile } from 'node:fs/promises';
import { type Service, startService } from './commands.ts';
import type { Network, Party } from './network.ts';
import { listening } from './registry.ts';

/** One nginx. */
export interface FrontSetup {
  readonly name: string;
  readonly folder: string;
  readonly party: Party;
  /** The `server { … }` blocks, in nginx's words. */
  readonly servers: string;
  /** An address that it listens at, to wait for. */
  readonly listen: string;
  /** More of its environment: a library that gives it another clock. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts an nginx and waits until it listens. */
export async function startFront(network: Network, setup: FrontSetup): Promise<Service> {
  const home = `${setup.folder}/${setup.name}`;
  await mkdir(home, { recursive: true });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  await writeFile(
    `${home}/nginx.conf`,
    [
      'daemon off;',
      'master_process off;', // one process: it ends when it is told to, or with the tests
      'user root;',
      `pid ${home}/pid;`,
      `error_log ${home}/error.log info;`,
      'events { worker_connections 128; }',
      'http {',
      `  access_log ${home}/access.log;`,
      '  client_max_body_size 0;',
      '  absolute_redirect on;',
      ...temporary.map((kind) => `  ${kind}_temp_path ${home}/${kind};`),
      setup.servers,
      '}',
      '',
    ].join('\n'),
  );
  const args = ['-p', home, '-e', `${home}/error.log`, '-c', `${home}/nginx.conf`];
  const [command, line] = network.at(setup.party, 'nginx', args);
  const service = await startService(setup.name, command, line, `${home}/out.log`, setup.env);
  await listening(network, setup.party, service, setup.listen);
  return service;
}
