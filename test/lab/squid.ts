import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { must, type Service, startService } from './commands.ts';
import type { Network } from './network.ts';
import { listening } from './registry.ts';

/** One CONNECT proxy at the party `proxy`. */
export interface ProxySetup {
  readonly name: string;
  readonly folder: string;
  readonly port: number;
  /** Basic authentication: the only user who may pass. */
  readonly user?: { readonly name: string; readonly password: string };
  /** Access rules before the last one, which allows: `acl bad dstdomain registry.lab`, `http_access deny bad`. */
  readonly rules?: readonly string[];
}

/** Starts a squid and waits until it listens. */
export async function startProxy(network: Network, setup: ProxySetup): Promise<Service> {
  const home = `${setup.folder}/${setup.name}`;
  await mkdir(home, { recursive: true });
  await chmod(home, 0o777); // squid gives root up
  const file = `${home}/squid.conf`;
  const auth: string[] = [];
  if (setup.user !== undefined) {
    const users = `${home}/users`;
    await must('htpasswd', ['-bcm', users, setup.user.name, setup.user.password]);
    await chmod(users, 0o644);
    auth.push(
      `auth_param basic program /usr/lib/squid/basic_ncsa_auth ${users}`,
      'auth_param basic children 1',
      'auth_param basic realm lab proxy',
      'acl known proxy_auth REQUIRED',
      'http_access deny !known',
    );
  }
  await writeFile(
    file,
    [
      `http_port 10.77.0.30:${setup.port}`,
      'visible_hostname proxy.lab',
      `pid_filename ${home}/pid`,
      `coredump_dir ${home}`,
      `cache_log ${home}/cache.log`,
      `access_log stdio:${home}/access.log`,
      'netdb_filename none',
      'pinger_enable off',
      'cache deny all',
      'cache_mem 8 MB',
      'shutdown_lifetime 0 seconds',
      'connect_timeout 2 seconds',
      'forward_max_tries 1',
      'dns_timeout 2 seconds',
      ...auth,
      ...(setup.rules ?? []),
      'http_access allow all',
      '',
    ].join('\n'),
  );
  const [command, args] = network.at('proxy', 'squid', [
    '-N',
    '-n',
    `${setup.name}${network.name('proxy')}`.replace(/\W/g, ''), // names its shared memory, which no namespace divides
    '-f',
    file,
  ]);
  const service = await startService(setup.name, command, args, `${home}/out.log`);
  await listening(network, 'proxy', service, `10.77.0.30:${setup.port}`);
  return service;
}
