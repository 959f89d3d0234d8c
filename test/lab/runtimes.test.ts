import { strict as assert } from 'node:assert';
import { configurationOf } from './containerd-config.ts';
import type { RuntimeLine } from './containerd-versions.ts';
import { mirrorIn } from './debian-package.ts';

describe('lab: Debian’s mirror, as the machine’s own sources name it', () => {
  it('is read from a deb822 file', () => {
    const text = [
      '# comment',
      'Types: deb',
      '# another',
      'URIs: http://mirror.corp/debian-security',
      'Suites: bookworm-security',
      'Signed-By: /one.gpg',
      '',
      'Types: deb',
      'URIs: http://mirror.corp/debian/',
      'Suites: bookworm',
      'Signed-By: /two.gpg',
      '',
    ].join('\n');
    assert.deepEqual(mirrorIn(text), { uri: 'http://mirror.corp/debian/', keyring: '/two.gpg' });
  });

  it('is read from a file of lines', () => {
    const text = [
      '# deb http://no.corp/debian bookworm main',
      'deb https://deb.nodesource.com/node_20.x nodistro main',
      'deb [arch=amd64 signed-by=/usr/share/k.gpg] http://mirror.corp/debian bookworm main',
      '',
    ].join('\n');
    assert.deepEqual(mirrorIn(text), { uri: 'http://mirror.corp/debian', keyring: '/usr/share/k.gpg' });
    assert.deepEqual(mirrorIn('deb http://mirror.corp/debian bookworm main\n'), {
      uri: 'http://mirror.corp/debian',
      keyring: null,
    });
  });

  it('is not what is no mirror of Debian', () => {
    assert.equal(mirrorIn('deb https://deb.nodesource.com/node_20.x nodistro main\n'), null);
    assert.equal(mirrorIn('Types: deb\nURIs: https://packages.corp/debian-tools\n'), null);
    assert.equal(mirrorIn(''), null);
  });
});

describe('lab: the configuration of a containerd', () => {
  const of = (line: RuntimeLine, more: { firstLines?: string[]; misplaced?: boolean } = {}): string =>
    configurationOf(
      {
        name: 'x',
        folder: '/f',
        root: '/r',
        state: '/s',
        config: { inside: '/c', outside: '/c' },
        containerd: { line, program: '/p', version: '0' },
        ...more,
      },
      '/s/containerd.sock',
    );

  it('is of version 3 for 2.x, with the way of pulling of its line', () => {
    assert.match(of('2.x'), /^version = 3\n/);
    assert.match(of('2.x'), /use_local_image_pull = false/);
    assert.match(of('2.x local'), /use_local_image_pull = true/);
    assert.match(of('2.x'), /\[plugins\."io\.containerd\.cri\.v1\.images"\.registry\]\n {2}config_path/);
  });

  it('is of version 2 for 1.x, and where the first lines say so', () => {
    for (const text of [of('1.6'), of('1.7'), of('2.x', { firstLines: ['version = 2'] })]) {
      assert.equal(text.match(/^version = 2$/gm)?.length, 1);
      assert.match(text, /\[plugins\."io\.containerd\.grpc\.v1\.cri"\.registry\]\n {2}config_path/);
      assert.doesNotMatch(text, /cri\.v1\.images/);
    }
  });

  it('can have its registry settings where its version does not look', () => {
    assert.match(
      of('2.x', { misplaced: true }),
      /\[plugins\."io\.containerd\.grpc\.v1\.cri"\.registry\]\n {2}config_path/,
    );
  });
});
