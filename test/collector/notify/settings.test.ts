import assert from 'node:assert/strict';
import { Type } from '../../../src/api/schema.ts';
import {
  type NotifySetting,
  NotifySettings,
  notifyProblems,
  targetName,
} from '../../../src/collector/notify/settings.ts';
import { loadSettings } from '../../../src/settings/load.ts';
import { settingsText } from '../../../src/settings/show.ts';

const schema = Type.Object({ notify: NotifySettings });

function load(text: string) {
  return loadSettings(schema, { file: { path: 'c.yaml', text }, environment: {}, flags: new Map() });
}

function entries(text: string): readonly NotifySetting[] {
  const loaded = load(text);
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return loaded.value.value.notify;
}

function problems(text: string): string[] {
  return notifyProblems(entries(text)).map(({ message }) => message);
}

describe('collector: notify settings', () => {
  it('need a type and a place, and have a default for all else', () => {
    const [one] = entries('notify:\n  - { type: webhook, url: "https://x/y" }\n');
    assert.deepEqual(
      { ...one, url: '', type: '' },
      {
        type: '',
        name: null,
        url: '',
        urlFile: null,
        secretFile: null,
        tokenFile: null,
        username: null,
        passwordFile: null,
        caFile: null,
        proxy: null,
        minScope: 'node',
        severities: ['fault', 'degraded'],
        causes: [],
        faults: ['workload', 'node', 'network', 'registry', 'nobody'],
        delay: '10s',
        degradedDelay: '30s',
        repeat: '4h',
        window: '5s',
      },
    );
    assert.deepEqual(notifyProblems(entries('notify:\n  - { type: webhook, url: "https://x/y" }\n')), []);
  });

  it('name the line of a misspelt key', () => {
    const loaded = load('notify:\n  - type: slack\n    urlfile: /x\n');
    assert.ok(!loaded.ok);
    assert.deepEqual(loaded.error, [
      { place: 'c.yaml:3', message: 'notify[0].urlfile is no setting. Did you mean urlFile?' },
    ]);
  });

  it('say what does not go together', () => {
    const cases: readonly [string, RegExp | null][] = [
      ['{ type: slack }', /^notify\[0\]: it needs url or urlFile\.$/],
      ['{ type: slack, url: "http://x", urlFile: /x }', /one of them is meant/],
      ['{ type: slack, url: "hooks.slack.com" }', /url must be a URL/],
      ['{ type: slack, urlFile: /x, tokenFile: /t }', /the URL is the password/],
      ['{ type: slack, urlFile: /x, secretFile: /t }', /secretFile signs/],
      ['{ type: webhook, urlFile: /x, secretFile: /t, tokenFile: /t }', null],
      ['{ type: webhook, urlFile: /x, username: u }', /go together/],
      ['{ type: webhook, urlFile: /x, username: u, passwordFile: /p, tokenFile: /t }', /one of them is meant/],
      ['{ type: webhook, urlFile: /x, causes: [dns-timout] }', /causes has dns-timout, which is no cause/],
      ['{ type: webhook, urlFile: /x, name: "a b" }', /name must have/],
      ['{ type: webhook, urlFile: /x, window: 1h }', /window must be at most 10m/],
      ['{ type: webhook, urlFile: /x, proxy: "socks5://x" }', /proxy must be/],
    ];
    for (const [entry, words] of cases) {
      const said = problems(`notify:\n  - ${entry}\n`);
      assert.equal(said.length, words === null ? 0 : 1, `${entry}: ${said}`);
      if (words !== null) assert.match(said[0] ?? '', words);
    }
  });

  it('have a name each that stays, also over another order, and gives the URL not away', () => {
    const [a, b] = entries(
      'notify:\n  - { type: slack, url: "https://x/a" }\n  - { type: slack, url: "https://x/b" }\n',
    );
    assert.ok(a !== undefined && b !== undefined);
    assert.notEqual(targetName(a), targetName(b));
    assert.match(targetName(a), /^slack-[0-9a-f]{10}$/);
    assert.equal(targetName({ ...a, name: 'ops' }), 'ops');
    const twice = problems(
      'notify:\n  - { type: slack, url: "https://x/a" }\n  - { type: slack, url: "https://x/a" }\n',
    );
    assert.deepEqual(twice.length, 1);
    assert.match(twice[0] ?? '', /^notify\[1\]: notify\[0\] has the same name/);
  });

  it('are shown without the URL, which is a password of some', () => {
    const loaded = load('notify:\n  - { type: slack, url: "https://hooks.slack.com/services/T0/B0/hunter2" }\n');
    assert.ok(loaded.ok);
    assert.doesNotMatch(settingsText(loaded.value.inForce), /hunter2|T0/);
  });
});
