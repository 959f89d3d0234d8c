import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  acceptedPlatforms,
  armVariant,
  formatPlatform,
  hostPlatform,
  matchPlatform,
  type Platform,
  parsePlatform,
} from '../../src/image/platform.ts';

function platform(text: string): Platform {
  const parsed = parsePlatform(text);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.error.message);
  return parsed.value;
}

describe('parsePlatform', () => {
  const table: [string, string][] = [
    ['linux/amd64', 'linux/amd64'],
    ['linux/x86_64', 'linux/amd64'],
    ['Linux/X86-64', 'linux/amd64'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/amd64/v3', 'linux/amd64/v3'],
    ['linux/i386', 'linux/386'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm64/8', 'linux/arm64'],
    ['linux/arm64/v9.0', 'linux/arm64/v9'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/armhf', 'linux/arm/v7'],
    ['linux/armel', 'linux/arm/v6'],
    ['linux/arm/6', 'linux/arm/v6'],
    ['macos/arm64', 'darwin/arm64'],
    ['windows(10.0.17763)/amd64', 'windows/amd64'],
    ['linux/riscv64', 'linux/riscv64'],
    ['linux/unheard-of', 'linux/unheard-of'],
    ['aarch64', 'linux/arm64'],
    ['armhf', 'linux/arm/v7'],
  ];
  for (const [text, normalized] of table) {
    it(`${text} is ${normalized}`, () => assert.equal(formatPlatform(platform(text)), normalized));
  }

  it('keeps a Windows version', () => {
    assert.equal(platform('windows(10.0.17763)/amd64').osVersion, '10.0.17763');
  });

  for (const text of [
    '',
    '/',
    'linux',
    'linux/',
    '/amd64',
    'linux/amd64/v1/x',
    'linux/am d64',
    'linux/*',
    'nonsense',
    'linux(1/amd64',
  ]) {
    it(`refuses "${text}"`, () => {
      const parsed = parsePlatform(text);
      assert.ok(!parsed.ok);
      assert.match(parsed.error.message, /OS\/ARCH/);
    });
  }
});

describe('acceptedPlatforms', () => {
  const containerd: [string, string[]][] = [
    ['linux/amd64', ['linux/amd64', 'linux/386']],
    ['linux/amd64/v3', ['linux/amd64/v3', 'linux/amd64/v2', 'linux/amd64', 'linux/386']],
    ['linux/386', ['linux/386']],
    ['linux/aarch64', ['linux/arm64', 'linux/arm/v8', 'linux/arm/v7', 'linux/arm/v6', 'linux/arm/v5']],
    [
      'linux/arm64/v8.1',
      ['linux/arm64/v8.1', 'linux/arm64', 'linux/arm/v8', 'linux/arm/v7', 'linux/arm/v6', 'linux/arm/v5'],
    ],
    ['linux/arm/v7', ['linux/arm/v7', 'linux/arm/v6', 'linux/arm/v5']],
    ['linux/arm/v5', ['linux/arm/v5']],
    ['linux/arm/v4', ['linux/arm/v4']],
    ['linux/s390x', ['linux/s390x']],
    ['windows/amd64', ['windows/amd64', 'windows/386']],
  ];
  for (const [text, accepted] of containerd) {
    it(`containerd: ${text}`, () => assert.deepEqual(acceptedPlatforms(platform(text)), accepted));
  }

  it('containerd: arm64/v9.6 goes down through v9, then from v8.9', () => {
    const accepted = acceptedPlatforms(platform('linux/arm64/v9.6'));
    const minors = (major: number, top: number) =>
      Array.from({ length: top }, (_, at) => `linux/arm64/v${major}.${top - at}`);
    const arm = ['v8', 'v7', 'v6', 'v5'].map((variant) => `linux/arm/${variant}`);
    assert.deepEqual(accepted, [...minors(9, 6), 'linux/arm64/v9', ...minors(8, 9), 'linux/arm64', ...arm]);
  });

  const crio: [string, string[]][] = [
    ['linux/amd64', ['linux/amd64']],
    ['linux/arm64', ['linux/arm64/v8', 'linux/arm64']],
    ['linux/arm/v7', ['linux/arm/v7', 'linux/arm/v6', 'linux/arm/v5', 'linux/arm']],
  ];
  for (const [text, accepted] of crio) {
    it(`CRI-O: ${text}`, () => assert.deepEqual(acceptedPlatforms(platform(text), 'cri-o'), accepted));
  }
});

describe('matchPlatform', () => {
  // As an index writes them, not normalized.
  const raw = (text: string): Platform => {
    const [os = '', architecture = '', variant = null] = text.split('/');
    return { os, architecture, variant };
  };
  const table: [string, string[], number | null][] = [
    ['linux/amd64', ['linux/arm64', 'linux/amd64'], 1],
    ['linux/amd64', ['linux/386', 'linux/amd64'], 1],
    ['linux/amd64', ['linux/386'], 0],
    ['linux/amd64', ['linux/amd64/v2'], null],
    ['linux/amd64/v2', ['linux/amd64', 'linux/amd64/v2', 'linux/amd64/v3'], 1],
    ['linux/amd64/v2', ['linux/amd64/v1'], 0],
    ['linux/386', ['linux/amd64'], null],
    ['linux/arm64', ['linux/arm/v7', 'linux/arm64/v8'], 1],
    ['linux/arm64', ['linux/arm/v6', 'linux/arm'], 1],
    ['linux/arm64', ['linux/arm/v4'], null],
    ['linux/arm/v8', ['linux/arm64'], null],
    ['linux/arm/v6', ['linux/arm'], null],
    ['linux/arm/v6', ['linux/arm/v5'], 0],
    ['linux/arm/v7', ['linux/arm/v8'], null],
    ['linux/amd64', ['windows/amd64', 'unknown/unknown'], null],
    ['linux/amd64', ['/x86_64'], 0],
    ['linux/amd64', ['linux/amd64', 'linux/amd64'], 0],
    ['linux/amd64', [], null],
  ];
  for (const [wanted, available, index] of table) {
    it(`${wanted} of ${available.join(' ')}`, () =>
      assert.equal(matchPlatform(platform(wanted), available.map(raw)), index));
  }

  it('an entry without a platform fits, after those that have one', () => {
    assert.equal(matchPlatform(platform('linux/amd64'), [null, raw('linux/386')]), 1);
    assert.equal(matchPlatform(platform('linux/amd64'), [raw('linux/arm64'), null]), 1);
  });

  it('CRI-O stays within the architecture', () => {
    assert.equal(matchPlatform(platform('linux/amd64'), [raw('linux/386')], 'cri-o'), null);
    assert.equal(matchPlatform(platform('linux/arm64'), [raw('linux/arm/v7')], 'cri-o'), null);
    assert.equal(matchPlatform(platform('linux/arm64'), [raw('linux/arm64'), raw('linux/arm64/v8')], 'cri-o'), 1);
    assert.equal(matchPlatform(platform('linux/arm/v7'), [raw('linux/arm')], 'cri-o'), 0);
    assert.equal(matchPlatform(platform('linux/arm64'), [raw('linux/aarch64')], 'cri-o'), null);
  });

  it('Windows versions', () => {
    const fits = (host: string, image: string | null) =>
      matchPlatform(platform(`windows(${host})/amd64`), [
        { os: 'windows', architecture: 'amd64', variant: null, osVersion: image },
      ]) === 0;
    assert.ok(fits('10.0.17763', '10.0.17763.5000'));
    assert.ok(!fits('10.0.17763', '10.0.20348'));
    assert.ok(fits('10.0.26100', '10.0.20348'));
    assert.ok(!fits('10.0.26100', '10.0.17763'));
    assert.ok(!fits('10.0.27000', '10.0.20348'));
    assert.ok(!fits('10.0.20348', '10.0.26100'));
    assert.ok(fits('10.0.20348', null));
  });

  it('takes exactly what acceptedPlatforms lists, the earlier one first', () => {
    const names = [
      'amd64',
      'amd64/v2',
      'amd64/v3',
      '386',
      'arm64',
      'arm64/v8.2',
      'arm64/v9',
      'arm/v5',
      'arm/v6',
      'arm/v7',
      'arm/v8',
      's390x',
    ];
    const one = fc.constantFrom(...names.map((name) => `linux/${name}`));
    fc.assert(
      fc.property(
        one,
        fc.array(one, { maxLength: 6 }),
        fc.constantFrom('containerd', 'cri-o'),
        (wanted, available, rules) => {
          const accepted = acceptedPlatforms(platform(wanted), rules);
          const best = accepted.find((name) => available.includes(name));
          const index = matchPlatform(platform(wanted), available.map(raw), rules);
          assert.equal(index, best === undefined ? null : available.indexOf(best));
        },
      ),
    );
  });
});

describe('hostPlatform', () => {
  const table: [string, string, string | null, string][] = [
    ['x64', 'linux', null, 'linux/amd64'],
    ['ia32', 'linux', null, 'linux/386'],
    ['arm64', 'linux', 'v8', 'linux/arm64'],
    ['arm', 'linux', 'v6', 'linux/arm/v6'],
    ['arm', 'linux', null, 'linux/arm/v7'],
    ['s390x', 'linux', null, 'linux/s390x'],
    ['ppc64', 'linux', null, 'linux/ppc64le'],
    ['riscv64', 'linux', null, 'linux/riscv64'],
    ['x64', 'win32', null, 'windows/amd64'],
  ];
  for (const [arch, system, variant, expected] of table) {
    it(`${arch} ${system} ${variant}`, () =>
      assert.equal(formatPlatform(hostPlatform(arch, system, variant)), expected));
  }

  it('finds the variant of a 32-bit arm', () => {
    assert.equal(
      armVariant('processor\t: 0\nmodel name\t: ARMv7 Processor rev 4 (v7l)\nCPU architecture: 7\n', 'armv7l'),
      'v7',
    );
    assert.equal(
      armVariant('model name\t: ARMv6-compatible processor rev 7 (v6l)\nCPU architecture: 7\n', 'armv6l'),
      'v6',
    );
    assert.equal(armVariant('CPU architecture: 5TEJ\n', 'armv5tejl'), 'v5');
    assert.equal(armVariant('CPU architecture: ?(12)\n', ''), 'v7');
    assert.equal(armVariant('', 'armv6l'), 'v6');
    assert.equal(armVariant('', 'aarch64'), 'v8');
    assert.equal(armVariant('', 'x86_64'), null);
  });
});
