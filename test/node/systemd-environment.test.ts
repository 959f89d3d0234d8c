import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import {
  intendedVariable,
  type ParsedEnvironment,
  parseAssignments,
  parseEnvironmentFile,
  parseLiteralEnvironment,
  parseProcessEnvironment,
} from '../../src/node/environment-file.ts';
import { hostFiles } from '../../src/node/host-files.ts';
import { parseUnitFile, readUnit } from '../../src/node/systemd-unit.ts';

const plain = (parsed: ParsedEnvironment) =>
  parsed.entries.map((entry) => `${entry.line}:${entry.name}=${entry.value.reveal()}`);
const ignored = (parsed: ParsedEnvironment) => parsed.ignored.map((item) => `${item.line}: ${item.why}`);

describe('parseEnvironmentFile', () => {
  const cases: readonly [text: string, expected: string[]][] = [
    ['A=1\nB = two words  \n', ['1:A=1', '2:B=two words']],
    ['# no=1\n  ; no=2\nA=#1;2', ['3:A=#1;2']],
    ['A=\'x y\'\nB="x \\"y\\" \\n"\n', ['1:A=x y', '2:B=x "y" \\n']],
    ['A=\'a\' "b"c\n', ['1:A=abc']],
    ['A=a"b"\n', ['1:A=a"b"']],
    ['A=one\\\ntwo\nB=3', ['1:A=onetwo', '3:B=3']],
    ['A="one\ntwo"\nB=3', ['1:A=one\ntwo', '3:B=3']],
    ['A=\nB=', ['1:A=', '2:B=']],
    ['A=a\\ \n', ['1:A=a ']],
    ['A=1\r\nB=2\r\n', ['1:A=1', '2:B=2']],
    ['\ufeffA=1', ['1:A=1']],
    ['HTTPS_PROXY=http://u:p%40@proxy:3128 # ours', ['1:HTTPS_PROXY=http://u:p%40@proxy:3128 # ours']],
  ];
  for (const [text, expected] of cases) {
    it(`reads ${JSON.stringify(text)}`, () => assert.deepEqual(plain(parseEnvironmentFile(text)), expected));
  }

  it('ignores what systemd ignores, and says why', () => {
    const text = 'export HTTPS_PROXY=http://proxy:3128\n“A=1”\nnothing\n1A=2\nB=1\n';
    const parsed = parseEnvironmentFile(text);
    assert.deepEqual(plain(parsed), ['5:B=1']);
    assert.match(
      ignored(parsed).join('\n'),
      /^1: "export".*\n2: it has typographic.*\n3: it has no "=".*\n4: its name/,
    );
    assert.deepEqual(plain(parseEnvironmentFile(text, true)).slice(0, 1), ['1:HTTPS_PROXY=http://proxy:3128']);
  });
});

describe('parseAssignments', () => {
  const cases: readonly [text: string, expected: string[]][] = [
    ['"HTTPS_PROXY=http://proxy:3128" NO_PROXY=a,b', ['1:HTTPS_PROXY=http://proxy:3128', '1:NO_PROXY=a,b']],
    ['HTTPS_PROXY="http://proxy:3128"', ['1:HTTPS_PROXY=http://proxy:3128']],
    ['\'A=x y\' B=\\x41\\t\\101 C=""', ['1:A=x y', '1:B=A\tA', '1:C=']],
    ['A=100%% B=50%', ['1:A=100%', '1:B=50%']],
    ['A=%%40', ['1:A=%40']],
    ['A="x=y"', ['1:A=x=y']],
  ];
  for (const [text, expected] of cases) {
    it(`reads ${text}`, () => {
      assert.deepEqual(plain(parseAssignments(text)), expected);
      assert.deepEqual(parseAssignments(text).ignored, []);
    });
  }

  it('ignores a word with an undoubled percent sign, as systemd does', () => {
    const parsed = parseAssignments('HTTPS_PROXY=http://u:p%40x@proxy:3128 A=1 B=%%%H');
    assert.deepEqual(plain(parsed), ['1:A=1']);
    assert.match(ignored(parsed).join('\n'), /"%4" is taken for a specifier.*\n.*"%H"/);
  });

  it('ignores typographic quotes (kubernetes/website#33770) and the rest of a line with open quotes', () => {
    const quotes = parseAssignments('“HTTPS_PROXY=http://proxy:3128” A=1');
    assert.deepEqual(plain(quotes), ['1:A=1']);
    assert.match(ignored(quotes)[0] ?? '', /typographic/);
    const open = parseAssignments('A=1 "B=2 C=3');
    assert.deepEqual(plain(open), ['1:A=1']);
    assert.match(ignored(open)[0] ?? '', /do not match/);
    assert.deepEqual(plain(parseAssignments('A=\\q B=1')), []);
  });
});

describe('parseLiteralEnvironment', () => {
  it('keeps values as they are', () => {
    const parsed = parseLiteralEnvironment('#x=1\nA="q" # no comment\n\n #B=2\nC=a=b\nD= \r\nE\n');
    assert.deepEqual(plain(parsed), ['2:A="q" # no comment', '5:C=a=b', '6:D= ']);
    assert.deepEqual(
      parsed.ignored.map((item) => item.line),
      [4, 7],
    );
  });
});

describe('parseProcessEnvironment', () => {
  it('takes the first of two equal names', () => {
    const entries = parseProcessEnvironment('A=1\0B=x=y\0A=2\0=odd\0C=\0');
    assert.deepEqual(
      entries.map((entry) => `${entry.name}=${entry.value.reveal()}`),
      ['A=1', 'B=x=y', 'C='],
    );
  });
});

describe('intendedVariable', () => {
  it('finds the proxy that a broken assignment meant', () => {
    assert.deepEqual(intendedVariable('“HTTPS_PROXY=http://proxy:3128”'), {
      name: 'HTTPS_PROXY',
      value: 'http://proxy:3128',
    });
    assert.deepEqual(intendedVariable('export http_proxy = "p:1"'), { name: 'http_proxy', value: 'p:1' });
    assert.equal(intendedVariable('FOO=bar'), null);
  });
});

describe('parsers of environments', () => {
  it('never throw, and keep every value out of JSON', () => {
    const piece = fc.constantFrom(
      'A=',
      'SECRETVALUE',
      '"',
      "'",
      '\\',
      '\n',
      ' ',
      '%',
      '=',
      '#',
      '“',
      '\\x4',
      '\0',
      '\t',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece, { maxLength: 12 }).map((parts) => parts.join('')),
        ),
        (text) => {
          const all = [
            parseEnvironmentFile(text),
            parseEnvironmentFile(text, true),
            parseAssignments(text),
            parseLiteralEnvironment(text),
          ];
          for (const parsed of all) {
            const values = parsed.entries.map((entry) => ({ ...entry, name: '' }));
            assert.doesNotMatch(JSON.stringify([values, parsed.ignored]), /SECRETVALUE/);
            for (const entry of [...parsed.entries, ...parsed.ignored]) assert.ok(entry.line >= 1);
          }
          parseUnitFile(text);
        },
      ),
    );
  });
});

describe('readUnit', () => {
  let root = '';
  const put = async (path: string, text: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  const read = async (name = 'containerd.service') => {
    const unit = await readUnit(hostFiles(root), name);
    return { ...unit, variables: unit.environment.map((item) => `${item.name}=${item.value.reveal()} ${item.source}`) };
  };
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'pullwhy-unit-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('reads the strongest unit file and the drop-ins by file name, with their lines', async () => {
    await put('usr/lib/systemd/system/containerd.service', '[Unit]\nEnvironment=X=1\n[Service]\nEnvironment=A=lib\n');
    await put(
      'etc/systemd/system/containerd.service',
      '[Service]\n# comment\nEnvironment=A=etc\nEnvironment="B=1" C=2\n',
    );
    await put('etc/systemd/system/containerd.service.d/20-b.conf', '[Service]\nEnvironment=B=20\n');
    await put('usr/lib/systemd/system/containerd.service.d/30-c.conf', '[Service]\nEnvironment=C=30\n');
    await put('run/systemd/system/containerd.service.d/20-b.conf', '[Service]\nEnvironment=B=hidden\n');
    await put('etc/systemd/system/containerd.service.d/99-off.conf.disabled', '[Service]\nEnvironment=B=off\n');
    const unit = await read();
    assert.equal(unit.fragment, 'etc/systemd/system/containerd.service');
    assert.deepEqual(unit.dropIns, [
      'etc/systemd/system/containerd.service.d/20-b.conf',
      'usr/lib/systemd/system/containerd.service.d/30-c.conf',
    ]);
    assert.deepEqual(unit.variables.sort(), [
      'A=etc etc/systemd/system/containerd.service:3',
      'B=20 etc/systemd/system/containerd.service.d/20-b.conf:2',
      'C=30 usr/lib/systemd/system/containerd.service.d/30-c.conf:2',
    ]);
  });

  it('takes drop-ins of the type and of name prefixes, the unit’s own first where names are equal', async () => {
    await put('etc/systemd/system/service.d/10-proxy.conf', '[Service]\nEnvironment=A=type\n');
    await put('etc/systemd/system/service.d/20-other.conf', '[Service]\nEnvironment=B=type\n');
    await put('etc/systemd/system/k3s-.service.d/30-x.conf', '[Service]\nEnvironment=C=prefix\n');
    await put('run/systemd/system/k3s-agent.service.d/10-proxy.conf', '[Service]\nEnvironment=A=own\n');
    const unit = await read('k3s-agent.service');
    assert.deepEqual(
      unit.variables.map((text) => text.split(' ')[0]),
      ['A=own', 'B=type', 'C=prefix'],
    );
    assert.equal(unit.fragment, null);
  });

  it('honours masks: a link to /dev/null hides the weaker file', async () => {
    await put('usr/lib/systemd/system/containerd.service', '[Service]\nEnvironment=A=1\n');
    await put('usr/lib/systemd/system/containerd.service.d/p.conf', '[Service]\nEnvironment=B=1\n');
    await mkdir(join(root, 'etc/systemd/system/containerd.service.d'), { recursive: true });
    await symlink('/dev/null', join(root, 'etc/systemd/system/containerd.service.d/p.conf'));
    assert.deepEqual((await read()).variables, ['A=1 usr/lib/systemd/system/containerd.service:2']);
    await symlink('/dev/null', join(root, 'etc/systemd/system/containerd.service'));
    assert.equal((await read()).fragment, null);
  });

  it('resets on an empty assignment, unsets, and lets environment files win', async () => {
    await put('etc/systemd/system/containerd.service', '[Service]\nEnvironment=A=1 B=1\nEnvironmentFile=/etc/old\n');
    await put(
      'etc/systemd/system/containerd.service.d/a.conf',
      '[Service]\nEnvironment=\nEnvironment=C=1 D=1 E=1\nEnvironmentFile=\nEnvironmentFile=-/etc/none\nEnvironmentFile=/etc/default/*.env\nUnsetEnvironment=E\n',
    );
    await put('etc/default/x.env', '\nC="from file"\n');
    await put('etc/default/x.txt', 'D=no\n');
    const unit = await read();
    assert.deepEqual(unit.variables, [
      'D=1 etc/systemd/system/containerd.service.d/a.conf:3',
      'C=from file etc/default/x.env:2',
    ]);
    assert.deepEqual(unit.problems, []);
    assert.deepEqual(
      unit.environmentFiles.map(({ path, found }) => [path, found]),
      [
        ['etc/none', false],
        ['etc/default/x.env', true],
      ],
    );
  });

  it('says when a required environment file is missing', async () => {
    await put('etc/systemd/system/containerd.service', '[Service]\nEnvironmentFile=/etc/none\n');
    const [problem] = (await read()).problems;
    assert.equal(problem?.source, 'etc/systemd/system/containerd.service:2');
    assert.match(problem?.message ?? '', /\/etc\/none/);
  });

  it('joins lines, and keeps the line on which each assignment stands', async () => {
    await put(
      'etc/systemd/system/containerd.service',
      '[Service]\nEnvironment="A=1" \\\n# between\n  "B=2" \\\n  “C=3”\nEnvironment=D=4\n',
    );
    const unit = await read();
    assert.deepEqual(
      unit.variables.map((text) => text.replace(/ .*:/, ' ')),
      ['A=1 2', 'B=2 4', 'D=4 6'],
    );
    assert.equal(unit.problems[0]?.source, 'etc/systemd/system/containerd.service:5');
  });

  it('puts the manager’s DefaultEnvironment below everything, and a unit’s reset does not remove it', async () => {
    await put('etc/systemd/system.conf', '[Manager]\nDefaultEnvironment=A=manager B=manager\n');
    await put(
      'etc/systemd/system.conf.d/10-mco-default-env.conf',
      '[Manager]\nDefaultEnvironment=HTTPS_PROXY=http://proxy:3128\n',
    );
    await put('etc/systemd/system/containerd.service', '[Service]\nEnvironment=\nEnvironment=B=unit\n');
    assert.deepEqual((await read()).variables, [
      'A=manager etc/systemd/system.conf:2',
      'HTTPS_PROXY=http://proxy:3128 etc/systemd/system.conf.d/10-mco-default-env.conf:2',
      'B=unit etc/systemd/system/containerd.service:3',
    ]);
  });

  it('makes an ignored HTTPS_PROXY an error while nothing else sets it', async () => {
    await put(
      'etc/systemd/system/containerd.service.d/p.conf',
      '[Service]\nEnvironment=“HTTPS_PROXY=http://app:SECRET@proxy:3128”\nEnvironment=“NO_PROXY=corp”\n',
    );
    const first = await read();
    assert.deepEqual(
      first.problems.map((item) => [item.severity, item.cause, item.source.at(-1)]),
      [
        ['error', 'proxy-misconfigured', '2'],
        ['warning', 'proxy-misconfigured', '3'],
      ],
    );
    assert.doesNotMatch(JSON.stringify(first), /SECRET/);
    await put(
      'etc/systemd/system/containerd.service.d/q.conf',
      '[Service]\nEnvironment=https_proxy=http://proxy:3128\n',
    );
    assert.equal((await read()).problems[0]?.severity, 'warning');
  });
});
