import { fail, ok, type Result } from '../lib/result.ts';

/** An image's platform, in the words of Go and of the OCI image specification. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  /** `v7`; null where the architecture alone says it (amd64 for v1, arm64 for v8). */
  readonly variant: string | null;
  /** Windows: `10.0.17763.1`. */
  readonly osVersion?: string | null;
}

/** Whose rules decide which platform of an index fits. */
export type PlatformRules = 'containerd' | 'cri-o';

const knownOs = new Set(
  'aix android darwin dragonfly freebsd hurd illumos ios js linux netbsd openbsd plan9 solaris windows zos'.split(' '),
);

const knownArchitectures = new Set(
  '386 amd64 arm arm64 ppc64 ppc64le loong64 mips mipsle mips64 mips64le riscv64 s390x sparc64 wasm'.split(' '),
);

/**
 * Parses `OS/ARCH[/VARIANT]`, `OS(VERSION)/ARCH` or a known architecture alone (of Linux), and normalizes it
 * (containerd/platforms, platforms.go Parse and Normalize): `linux/aarch64` and `linux/arm64/v8` are `linux/arm64`.
 */
export function parsePlatform(text: string): Result<Platform, { readonly message: string }> {
  const form = 'write it as OS/ARCH[/VARIANT], for example linux/arm64';
  const parts = text.split('/');
  const first = /^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.-]*)\))?$/.exec(parts[0] ?? '');
  const bad = parts.find((part, index) => (index === 0 ? first === null : !/^[A-Za-z0-9_.-]+$/.test(part)));
  if (first === null || bad !== undefined || parts.length > 3) {
    const what =
      parts.length > 3
        ? 'has more than three parts'
        : bad === ''
          ? 'has an empty part'
          : `has the invalid part "${bad}"`;
    return fail({ message: `The platform "${text}" ${what}; ${form}.` });
  }
  const [, architecture, variant] = parts;
  if (architecture === undefined) {
    const alone = normalizePlatform({ os: 'linux', architecture: text, variant: null });
    if (knownArchitectures.has(alone.architecture)) return ok(alone);
    const os = knownOs.has(text.toLowerCase()) ? 'names no architecture' : 'is neither an architecture nor complete';
    return fail({ message: `The platform "${text}" ${os}; ${form}.` });
  }
  const os = first[1] ?? '';
  const osVersion = first[2] === undefined || first[2] === '' ? {} : { osVersion: first[2] };
  return ok(normalizePlatform({ os, architecture, variant: variant ?? null, ...osVersion }));
}

/** `linux/arm/v7`; a Windows version is left out, as containerd does. */
export function formatPlatform(platform: Platform): string {
  const parts = [platform.os, platform.architecture, platform.variant ?? ''];
  return parts.filter((part) => part !== '').join('/');
}

/** Other names of an architecture in Go's words, and variants that go without saying (containerd/platforms, database.go). */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase();
  const [architecture, variant] = normalizeArchitecture(
    platform.architecture.toLowerCase(),
    (platform.variant ?? '').toLowerCase(),
  );
  return { ...platform, os: os === 'macos' ? 'darwin' : os, architecture, variant: variant === '' ? null : variant };
}

function normalizeArchitecture(architecture: string, variant: string): [string, string] {
  switch (architecture) {
    case 'i386':
      return ['386', ''];
    case 'x86_64':
    case 'x86-64':
    case 'amd64':
      return ['amd64', variant === 'v1' ? '' : variant];
    case 'aarch64':
    case 'arm64':
      if (['8', 'v8', 'v8.0'].includes(variant)) return ['arm64', ''];
      return ['arm64', ['9', '9.0', 'v9.0'].includes(variant) ? 'v9' : variant];
    case 'armhf':
      return ['arm', 'v7'];
    case 'armel':
      return ['arm', 'v6'];
    case 'arm':
      if (variant === '' || variant === '7') return ['arm', 'v7'];
      return ['arm', ['5', '6', '8'].includes(variant) ? `v${variant}` : variant];
    default:
      return [architecture, variant];
  }
}

/** Go's words for Node's `process.arch` and `process.platform`; what is not here is the same in both. */
const nodeArchitectures: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  mipsel: 'mipsle',
  ppc64: 'ppc64le',
};
const nodeSystems: Readonly<Record<string, string>> = { win32: 'windows', sunos: 'solaris' };

/**
 * The platform of the machine that this process runs on, from Node's `process.arch` and `process.platform`.
 * `armVariant` (`v7`, from /proc/cpuinfo or `uname -m`) counts on 32-bit arm only; null is taken for v7.
 */
export function hostPlatform(nodeArch: string, nodePlatform: string, armVariant: string | null = null): Platform {
  return normalizePlatform({
    os: nodeSystems[nodePlatform] ?? nodePlatform,
    architecture: nodeArchitectures[nodeArch] ?? nodeArch,
    variant: nodeArch === 'arm' ? armVariant : null,
  });
}

/**
 * The variant of a 32-bit arm machine as containerd finds it (containerd/platforms, cpuinfo_linux.go): `CPU
 * architecture` of /proc/cpuinfo, and v6 for the Raspberry Pi whose kernel says 7; else from `uname -m`. Null: unknown.
 */
export function armVariant(cpuinfo: string, machine: string): string | null {
  const value = (name: string) => new RegExp(`^${name}\\s*:\\s*(.*?)\\s*$`, 'im').exec(cpuinfo)?.[1]?.toLowerCase();
  const fromMachine = /^armv([3-8])/.exec(machine.toLowerCase())?.[1] ?? (machine === 'aarch64' ? '8' : undefined);
  const cpu = value('cpu architecture') ?? fromMachine;
  if (cpu === '7' && value('model name')?.startsWith('armv6-compatible') === true) return 'v6';
  if (cpu === undefined) return null;
  if (cpu === 'aarch64') return 'v8';
  if (/^(?:7m|\?\(1[2-7]\))$/.test(cpu)) return 'v7';
  const digit = /^([3-8])(?:t|te|tej)?$/.exec(cpu)?.[1];
  return digit === undefined ? null : `v${digit}`;
}

/**
 * The platforms that a node takes from an index, best first.
 * containerd (platforms.Only, compare.go): amd64 goes down through its levels and ends with 386; arm64 goes on with
 * 32-bit arm; arm goes down to v5. CRI-O (containers/image, platform_matcher.go) stays within the architecture.
 */
export function acceptedPlatforms(platform: Platform, rules: PlatformRules = 'containerd'): string[] {
  return vector(platform, rules).map(formatPlatform);
}

/**
 * The index of the platform in `available` that the runtime takes, or null when none fits. Null in `available` is an
 * entry whose index names no platform: it fits, after all that are named (containerd, core/images Manifest).
 */
export function matchPlatform(
  wanted: Platform,
  available: readonly (Platform | null)[],
  rules: PlatformRules = 'containerd',
): number | null {
  // CRI-O compares an index's words as they are; containerd normalizes them.
  const offers = available.map((offer) =>
    offer === null || rules === 'cri-o' ? offer : normalizePlatform(named(offer, wanted)),
  );
  for (const accepted of vector(wanted, rules)) {
    const found = offers.findIndex((offer) => offer !== null && samePlatform(accepted, offer));
    if (found >= 0) return found;
  }
  const unnamed = offers.indexOf(null);
  return unnamed < 0 ? null : unnamed;
}

/** An index entry without an OS is taken for the node's own. */
function named(offer: Platform, wanted: Platform): Platform {
  return offer.os === '' ? { ...offer, os: wanted.os } : offer;
}

function samePlatform(accepted: Platform, offer: Platform): boolean {
  const same =
    accepted.os === offer.os &&
    accepted.architecture === offer.architecture &&
    (accepted.variant ?? '') === (offer.variant ?? '');
  return same && (accepted.os !== 'windows' || windowsFits(accepted.osVersion ?? '', offer.osVersion ?? ''));
}

function vector(platform: Platform, rules: PlatformRules): Platform[] {
  const own = normalizePlatform(platform);
  const variants = rules === 'cri-o' ? crioVariants(own) : containerdVariants(own);
  return variants.map(([architecture, variant]) => ({
    ...own,
    architecture,
    variant: variant === '' ? null : variant,
  }));
}

type Variant = readonly [architecture: string, variant: string];

function containerdVariants({ architecture, variant }: Platform): Variant[] {
  switch (architecture) {
    case 'amd64':
      return [...downward('amd64', variant ?? '', 1), ['386', '']];
    case 'arm':
      return downward('arm', variant ?? '', 5);
    case 'arm64': {
      const levels = arm64Levels(variant ?? 'v8');
      const below: Variant[] = levels.length === 0 ? [] : downward('arm', 'v8', 5);
      // A variant unknown to containerd leaves only a 32-bit arm of that name, which nothing has.
      return levels.length === 0 ? [['arm', variant ?? '']] : [...levels, ...below];
    }
    default:
      return [[architecture, variant ?? '']];
  }
}

/** `v3`, `v2`, … down to `v<last>`, in normalized words; a variant that is no number stands alone. */
function downward(architecture: string, variant: string, last: number): Variant[] {
  const level = /^v?([0-9]{1,3})$/.exec(variant)?.[1];
  const levels: Variant[] = [[architecture, variant]];
  for (let next = Number(level ?? 0) - 1; next >= last; next--) {
    levels.push(normalizeArchitecture(architecture, `v${next}`));
  }
  return levels;
}

/** arm64/v9.x runs what v8.(x+5) runs; v8.9 is the last of its line (compare.go, arm64variantToVersion). */
function arm64Levels(variant: string): Variant[] {
  const match = /^v([89])(?:\.([0-9]))?$/.exec(variant);
  const minor = Number(match?.[2] ?? 0);
  if (match === null || (match[1] === '9' && minor > 7)) return [];
  const levels: Variant[] = [];
  if (match[1] === '9') for (let at = minor; at >= 0; at--) levels.push(['arm64', at === 0 ? 'v9' : `v9.${at}`]);
  const top = match[1] === '9' ? Math.min(minor + 5, 9) : minor;
  for (let at = top; at >= 0; at--) levels.push(['arm64', at === 0 ? '' : `v8.${at}`]);
  return levels;
}

function crioVariants({ architecture, variant }: Platform): Variant[] {
  const order = architecture === 'arm' ? ['v8', 'v7', 'v6', 'v5'] : architecture === 'arm64' ? ['v8'] : [];
  // On a node CRI-O finds v8 for arm64 by itself, where the normalized platform has no variant.
  const own = variant ?? (architecture === 'arm64' ? 'v8' : '');
  if (own === '') return [[architecture, '']];
  const from = order.indexOf(own);
  return [...(from < 0 ? [own] : order.slice(from)), ''].map((each) => [architecture, each] as const);
}

/**
 * Windows runs the images of its own build; from Server 2022 (20348) on also those back to the long-term release before
 * it (platform_windows_compat.go). An unknown version on either side fits.
 */
function windowsFits(host: string, image: string): boolean {
  const own = /^([0-9]+)\.([0-9]+)\.([0-9]+)/.exec(host);
  if (own === null || image === '') return true;
  const other = /^([0-9]+)\.([0-9]+)\.([0-9]+)/.exec(image);
  if (other === null || own[1] !== other[1] || own[2] !== other[2]) return false;
  const [build, wanted] = [Number(own[3]), Number(other[3])];
  if (build < 20348) return build === wanted;
  const oldest = build > 26100 ? 26100 : 20348;
  return wanted >= oldest && wanted <= build;
}
