import { isIP } from 'node:net';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { PlanRequest } from '../engine/request.ts';
import { parsePlatform } from '../image/platform.ts';

/** The values of the flags that `diagnose`, `plan` and `pull` share. */
export interface SharedFlags {
  readonly runtimeEndpoint?: string;
  readonly runtime?: 'containerd' | 'cri-o';
  readonly hostRoot: string;
  readonly runtimeVersion?: string;
  readonly proxyEnv?: string;
  readonly nameserver?: readonly { readonly address: string; readonly port: number }[];
  readonly authFile?: string;
  readonly pullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
  readonly platform?: string;
  /** Of `diagnose` and `pull`. */
  readonly credentialProviders?: 'auto' | 'on' | 'off';
  readonly deadline: number;
  readonly pullDeadline: number;
  readonly output: 'text' | 'json' | 'markdown';
}

/** Adds the shared flags to a command (contract.md, section 2). */
export function addSharedFlags(command: Command): Command {
  return command
    .option(
      '-r, --runtime-endpoint <URL>',
      'CRI socket, unix:///PATH (default: PULLWHY_RUNTIME_ENDPOINT, else the first that answers)',
    )
    .addOption(
      new Option('--runtime <NAME>', "how to read the node's registry configuration when no runtime answers").choices([
        'containerd',
        'cri-o',
      ]),
    )
    .option('--host-root <DIR>', "where the node's file system is", '/')
    .option(
      '--runtime-version <VERSION>',
      'whose rules apply when no runtime answers (default: the newest known)',
      checkVersion,
    )
    .option('--proxy-env <FILE>', "KEY=value lines, used as the runtime's environment (default: discovered)")
    .option(
      '--nameserver <ADDRESS[:PORT]>',
      'replaces the nameservers of resolv.conf; repeatable',
      (value: string, before: { address: string; port: number }[] | undefined) => [
        ...(before ?? []),
        parseNameserver(value),
      ],
    )
    .option('--auth-file <FILE>', 'a .dockerconfigjson; its secrets appear in no output')
    .addOption(
      new Option('--pull-policy <POLICY>', "the pod's imagePullPolicy (default: the kubelet's for the tag)").choices([
        'Always',
        'IfNotPresent',
        'Never',
      ]),
    )
    .option('--platform <OS/ARCH[/VARIANT]>', "the platform to pull for (default: this node's)", checkPlatform)
    .option('--deadline <SECONDS>', 'for the whole investigation', seconds, 10)
    .option('--pull-deadline <SECONDS>', 'for a real pull', seconds, 120)
    .addOption(
      new Option('-o, --output <FORMAT>', 'how to print').choices(['text', 'json', 'markdown']).default('text'),
    );
}

/** Adds the flag of commands that do what the kubelet does before it pulls. */
export function addProviderFlag(command: Command): Command {
  return command.addOption(
    new Option('--credential-providers <WHEN>', "run the kubelet's credential plugins; auto: when the host root is /")
      .choices(['auto', 'on', 'off'])
      .default('auto'),
  );
}

/** The request that the flags make. */
export function planRequest(image: string, flags: SharedFlags): PlanRequest {
  return {
    image,
    runtimeEndpoint: flags.runtimeEndpoint ?? null,
    runtime: flags.runtime ?? null,
    hostRoot: flags.hostRoot,
    runtimeVersion: flags.runtimeVersion ?? null,
    proxyEnvFile: flags.proxyEnv ?? null,
    nameservers: flags.nameserver ?? [],
    authFile: flags.authFile ?? null,
    pullPolicy: flags.pullPolicy ?? null,
    platform: flags.platform ?? null,
  };
}

/** `10.0.0.2`, `10.0.0.2:5353`, `2001:db8::1`, `[2001:db8::1]:5353`, `fe80::1%eth0`. */
export function parseNameserver(value: string): { address: string; port: number } {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(value);
  const plain = /^([^:]+):(\d{1,5})$/.exec(value);
  const address = bracketed?.[1] ?? plain?.[1] ?? value;
  const port = Number(bracketed?.[2] ?? plain?.[2] ?? 53);
  if (isIP(address.replace(/%[\w.-]+$/, '')) === 0 || port < 1 || port > 65535) {
    throw new InvalidArgumentError(
      'It must be an IP address with an optional port: 10.0.0.2, 10.0.0.2:53 or [2001:db8::1]:53.',
    );
  }
  return { address, port };
}

function checkVersion(value: string): string {
  if (!/^v?\d+\.\d+/.test(value)) throw new InvalidArgumentError('It must be a version, for example 1.7.24 or 2.1.');
  return value;
}

function checkPlatform(value: string): string {
  const parsed = parsePlatform(value);
  if (!parsed.ok) throw new InvalidArgumentError(parsed.error.message);
  return value;
}

function seconds(value: string): number {
  const number = Number(value);
  if (!/^\d+(\.\d+)?$/.test(value) || number <= 0 || number > 86_400) {
    throw new InvalidArgumentError('It must be a number of seconds, more than 0 and at most 86400.');
  }
  return number;
}
