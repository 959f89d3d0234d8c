import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import type { Pair } from './authority.ts';
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
  /** It opens TLS and signs anew (`ssl_bump`), which takes the squid of the package squid-openssl. */
  readonly inspects?: {
    /** Where that package is unpacked. */
    readonly package: string;
    /** The authority that signs, with its key. */
    readonly authority: Pair;
    /** The authority that squid itself trusts at the registries. */
    readonly trusts: string;
  };
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
  const { inspects } = setup;
  const inspecting = inspects === undefined ? null : await inspection(home, inspects);
  await writeFile(
    file,
    [
      `http_port 10.77.0.30:${setup.port}${inspecting?.port ?? ''}`,
      ...(inspecting?.lines ?? []),
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
  const [command, args] = network.at('proxy', `${inspects?.package ?? ''}/usr/sbin/squid`, [
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

/** What squid's configuration needs to sign in the registries' place. */
async function inspection(
  home: string,
  { package: unpacked, authority, trusts }: NonNullable<ProxySetup['inspects']>,
): Promise<{ port: string; lines: string[] }> {
  // Squid and its signing helper give root up, and would not reach into root's own folders.
  const pem = `${home}/signing.pem`;
  const helper = `${home}/certgen`;
  const made = `${home}/made`;
  await writeFile(pem, `${await readFile(authority.cert, 'utf8')}${await readFile(authority.key, 'utf8')}`);
  await copyFile(`${unpacked}/usr/lib/squid/security_file_certgen`, helper);
  await must(helper, ['-c', '-s', made, '-M', '4MB']);
  await must('chown', ['-R', 'proxy:proxy', made, pem]);
  return {
    port: ` ssl-bump generate-host-certificates=on dynamic_cert_mem_cache_size=4MB tls-cert=${pem}`,
    lines: [
      `sslcrtd_program ${helper} -s ${made} -M 4MB`,
      'sslcrtd_children 1',
      `tls_outgoing_options cafile=${trusts}`,
      'ssl_bump bump all',
    ],
  };
}
