import assert from 'node:assert/strict';
import { Type } from '../../src/api/schema.ts';
import { loadSettings, type SettingSources } from '../../src/settings/load.ts';
import { settingsDocument, settingsExample, settingsText } from '../../src/settings/show.ts';
import { bytes, duration, flag, oneOf, optionalText, text, texts, whole } from '../../src/settings/values.ts';

const schema = Type.Object({
  http: Type.Object({
    listen: text({ description: 'where it listens', default: '127.0.0.1:9440' }),
    tls: Type.Object({ clientCa: optionalText({ description: 'the CA of clients' }) }),
    allowTargets: texts({ description: 'targets that are let through' }),
  }),
  retry: Type.Object({
    mode: oneOf(['off', 'on'], { description: 'whether', default: 'on', live: true }),
    concurrency: whole({ description: 'at a time', default: 2, minimum: 1, maximum: 64 }),
    eager: flag({ description: 'at once', default: false }),
  }),
  health: Type.Object({ interval: duration({ description: 'between checks', default: '60s' }) }),
  spool: Type.Object({ maxBytes: bytes({ description: 'at most', default: '64MiB' }) }),
  store: text({ description: 'where it is kept', default: 'sqlite:///x.db' }),
  key: optionalText({ description: 'a key', secret: true }),
  notify: Type.Array(
    Type.Object({ type: Type.Enum(['a', 'b']), url: Type.String() }, { additionalProperties: false }),
    {
      description: 'who is told',
      expects: 'a list of type and url',
      default: [],
    },
  ),
});

function load(file: string | null, more: Partial<SettingSources> = {}) {
  return loadSettings(schema, {
    file: file === null ? null : { path: 'agent.yaml', text: file },
    environment: {},
    flags: new Map(),
    ...more,
  });
}

function problems(file: string | null, more: Partial<SettingSources> = {}): string[] {
  const loaded = load(file, more);
  assert.ok(!loaded.ok);
  return loaded.error.map(({ place, message }) => `${place}: ${message}`);
}

describe('settings: load', () => {
  it('takes a flag before the environment, that before the file, that before the default', () => {
    const file = 'http:\n  listen: 1.1.1.1:1\n';
    const environment = { PULLWHY_HTTP_LISTEN: '2.2.2.2:2' };
    const flags = new Map([['http.listen', { flag: '--listen', value: '3.3.3.3:3' }]]);
    const cases = [
      [load(null), '127.0.0.1:9440', 'default'],
      [load(file), '1.1.1.1:1', 'agent.yaml:2'],
      [load(file, { environment }), '2.2.2.2:2', 'PULLWHY_HTTP_LISTEN'],
      [load(file, { environment, flags }), '3.3.3.3:3', '--listen'],
    ] as const;
    for (const [loaded, value, source] of cases) {
      assert.ok(loaded.ok);
      assert.equal(loaded.value.value.http.listen, value);
      assert.equal(loaded.value.inForce[0]?.source, source);
    }
  });

  it('reads numbers, switches and lists from the environment', () => {
    const loaded = load(null, {
      environment: {
        PULLWHY_RETRY_CONCURRENCY: '7',
        PULLWHY_RETRY_EAGER: 'true',
        PULLWHY_HTTP_ALLOW_TARGETS: '10.0.0.1, mirror.lab:5000',
        PULLWHY_HTTP_TLS_CLIENT_CA: '/ca.pem',
        PULLWHY_NOTIFY: '[{"type":"a","url":"http://x"}]',
        PULLWHY_STORE: '',
        PULLWHY_AGENT_SERVICE_HOST: '10.96.0.3',
        PULLWHY_AGENT_PORT_9440_TCP_ADDR: '10.96.0.3',
      },
    });
    assert.ok(loaded.ok, JSON.stringify(loaded));
    const { retry, http, notify, store } = loaded.value.value;
    assert.deepEqual(retry, { mode: 'on', concurrency: 7, eager: true });
    assert.deepEqual(http.allowTargets, ['10.0.0.1', 'mirror.lab:5000']);
    assert.equal(http.tls.clientCa, '/ca.pem');
    assert.deepEqual(notify, [{ type: 'a', url: 'http://x' }]);
    assert.equal(store, 'sqlite:///x.db');
  });

  it('names the line and the fix of what is wrong, all of it at once', () => {
    const file = [
      'http:',
      '  listn: 1.1.1.1:1',
      'retry:',
      '  mode: sometimes',
      '  concurrency: 0',
      '  eager: "yes"',
      'health: 60s',
      'spool:',
      '  maxBytes: 64 MB',
      'notify:',
      '  - type: a',
      '    url: http://x',
      '  - type: c',
      '    url: http://y',
      'colector:',
      '  url: x',
    ].join('\n');
    assert.deepEqual(problems(file), [
      'agent.yaml:2: http.listn is no setting. Did you mean http.listen?',
      'agent.yaml:7: health is a section: its settings stand below it, indented.',
      'agent.yaml:15: colector is no setting.',
      'agent.yaml:4: retry.mode must be one of off, on.',
      'agent.yaml:5: retry.concurrency must be a whole number from 1 to 64.',
      'agent.yaml:6: retry.eager must be true or false.',
      'agent.yaml:9: spool.maxBytes must be a size such as 64MiB, 10GiB or 500MB.',
      'agent.yaml:13: notify must be a list of type and url (at 1.type: must be equal to one of the allowed values).',
    ]);
  });

  it('takes an empty file and empty sections for nothing said', () => {
    for (const file of ['', '# nothing\n', 'http:\nretry:\n']) assert.ok(load(file).ok, file);
  });

  it('refuses what is no YAML, no mapping, and variables that are misspelt', () => {
    assert.match(problems('http: {')[0] ?? '', /^agent\.yaml:\d+: It is not YAML: /);
    assert.match(problems('- a\n')[0] ?? '', /^agent\.yaml:1: It is no mapping/);
    assert.deepEqual(problems(null, { environment: { PULLWHY_HTTP_LISTN: 'x' } }), [
      'PULLWHY_HTTP_LISTN: It is no setting. Did you mean PULLWHY_HTTP_LISTEN?',
    ]);
    assert.deepEqual(problems(null, { environment: { PULLWHY_RETRY_CONCURRENCY: 'two' } }), [
      'PULLWHY_RETRY_CONCURRENCY: retry.concurrency must be a whole number from 1 to 64.',
    ]);
  });

  it('suggests the name of a setting that a flag misspells', () => {
    const flags = new Map([['http.lisen', { flag: '--set http.lisen', value: 'x' }]]);
    assert.deepEqual(problems(null, { flags }), [
      '--set http.lisen: http.lisen is no setting. Did you mean http.listen?',
    ]);
  });

  it('shows what is in force, with its source and without secrets', () => {
    const loaded = load('key: hunter2\nstore: postgres://pullwhy:hunter2@db/pullwhy\n');
    assert.ok(loaded.ok);
    const shown = settingsText(loaded.value.inForce);
    assert.match(shown, /^http\.listen: 127\.0\.0\.1:9440 +# default$/m);
    assert.match(shown, /^key: \[secret\] +# agent\.yaml:1$/m);
    assert.match(shown, /^store: postgres:.*# agent\.yaml:2$/m);
    assert.doesNotMatch(shown + JSON.stringify(settingsDocument(loaded.value.inForce)), /hunter2/);
  });

  it('writes an example that loads, and means the defaults', () => {
    const defaults = load(null);
    assert.ok(defaults.ok);
    const again = load(settingsExample(defaults.value.inForce));
    assert.ok(again.ok, JSON.stringify(again));
    assert.deepEqual(again.value.value, defaults.value.value);
  });
});
