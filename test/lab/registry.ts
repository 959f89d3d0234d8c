import { writeFile } from 'node:fs/promises';
import { until } from '../kit/until.ts';
import type { Pair } from './authority.ts';
import { run, type Service, startService } from './commands.ts';
import type { Network, Party } from './network.ts';

/** How one docker-registry is set up. */
export interface RegistrySetup {
  /** Names its configuration and log file. */
  readonly name: string;
  readonly folder: string;
  /** Folder of the images; several instances may serve one. */
  readonly storage: string;
  /** `10.77.0.10:443`, `127.0.0.1:0` will not do: docker-registry does not tell its port. */
  readonly listen: string;
  /** Where it runs; null: beside the tests, for pushing over loopback. */
  readonly party: Party | null;
  readonly tls?: Pair;
  /** Basic authentication with this htpasswd file. */
  readonly htpasswd?: string;
  /** Token authentication. */
  readonly token?: {
    readonly realm: string;
    readonly service: string;
    readonly issuer: string;
    readonly certificate: string;
  };
}

/** Starts a docker-registry and waits until it listens. */
export async function startRegistry(network: Network | null, setup: RegistrySetup): Promise<Service> {
  const file = `${setup.folder}/${setup.name}.yml`;
  const auth =
    setup.htpasswd !== undefined
      ? { htpasswd: { realm: 'lab', path: setup.htpasswd } }
      : setup.token !== undefined
        ? {
            token: {
              realm: setup.token.realm,
              service: setup.token.service,
              issuer: setup.token.issuer,
              rootcertbundle: setup.token.certificate,
            },
          }
        : undefined;
  const settings = {
    version: '0.1',
    log: { level: 'info' },
    storage: { filesystem: { rootdirectory: setup.storage }, delete: { enabled: true } },
    http: {
      addr: setup.listen,
      secret: 'upload state of the lab',
      ...(setup.tls === undefined ? {} : { tls: { certificate: setup.tls.cert, key: setup.tls.key } }),
    },
    ...(auth === undefined ? {} : { auth }),
  };
  await writeFile(file, JSON.stringify(settings)); // JSON is YAML
  const args = ['serve', file];
  const [command, words] =
    network === null || setup.party === null
      ? (['docker-registry', args] as const)
      : network.at(setup.party, 'docker-registry', args);
  const service = await startService(setup.name, command, words, `${setup.folder}/${setup.name}.log`);
  await listening(network, setup.party, service, setup.listen);
  return service;
}

/** Waits until something listens at `address` (`10.77.0.10:443`, `[::]:53`) in the namespace; an ended service is an error. */
export async function listening(
  network: Network | null,
  party: Party | null,
  service: Service,
  address: string,
  protocol: 'tcp' | 'udp' = 'tcp',
): Promise<void> {
  const port = address.slice(address.lastIndexOf(':') + 1);
  const args = [protocol === 'tcp' ? '-Hltn' : '-Hlun', `sport = :${port}`];
  await until(`${service.name} at ${address} (see ${service.logFile})`, async () => {
    if (!service.running()) throw new Error(`${service.name} ended before it listened (see ${service.logFile})`);
    const found = network === null || party === null ? await run('ss', args) : await network.run(party, 'ss', args);
    const host = address.slice(0, address.lastIndexOf(':'));
    return found.stdout.split('\n').some((line) => {
      const local = line.trim().split(/\s+/)[3] ?? '';
      const at = local.slice(0, local.lastIndexOf(':'));
      return at === host || at === '*' || at === '0.0.0.0' || at === '[::]' || host === '';
    });
  });
}
