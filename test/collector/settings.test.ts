import assert from 'node:assert/strict';
import { settingProblems } from '../../src/collector/setting-problems.ts';
import { CollectorSettings } from '../../src/collector/settings.ts';
import { type LoadedSettings, loadSettings } from '../../src/settings/load.ts';
import { settingsDocument, settingsText } from '../../src/settings/show.ts';

function load(yaml: string, environment: Record<string, string> = {}) {
  return loadSettings(CollectorSettings, { file: { path: 'c.yaml', text: yaml }, environment, flags: new Map() });
}
function loaded(yaml: string, environment: Record<string, string> = {}): LoadedSettings<typeof CollectorSettings> {
  const settings = load(yaml, environment);
  assert.ok(settings.ok, settings.ok ? '' : JSON.stringify(settings.error));
  return settings.value;
}

describe('collector: settings', () => {
  it('are those of the contract', () => {
    const { value } = loaded(`
http: { listen: 0.0.0.0:9450, tls: { cert: c, key: k }, auth: { mode: token, tokenFile: t } }
store: postgres://pullwhy@db/pullwhy
retention: { maxAge: 30d, maxBytes: 10GiB }
notify:
  - { type: alertmanager, url: http://alertmanager:9093 }
  - { type: webhook, url: https://hooks.corp.example/x, secretFile: /s }
  - { type: slack, urlFile: /slack }
report: { schedule: daily, directory: /reports }
log: { level: debug, format: text }
`);
    assert.equal(value.notify.length, 3);
    assert.deepEqual(settingProblems(value), []);
    assert.equal(loaded('').value.http.listen, '127.0.0.1:9450');
    assert.deepEqual(settingProblems(loaded('').value), []);
    assert.equal(loaded('', { PULLWHY_HTTP_LISTEN: '[::1]:1' }).value.http.listen, '[::1]:1');
  });

  it('are shown without what is secret in them', () => {
    const { inForce } = loaded(`
store: postgres://pullwhy:hunter2@db.corp.example/pullwhy?sslmode=verify-full
notify:
  - { type: slack, url: https://hooks.slack.example/services/T0/B0/hunter2 }
  - { type: webhook, url: "https://app:hunter2@hooks.corp.example/hunter2", proxy: "http://u:hunter2@proxy:3128" }
`);
    for (const shown of [settingsText(inForce), JSON.stringify(settingsDocument(inForce))]) {
      assert.doesNotMatch(shown, /hunter2/);
      assert.match(shown, /db\.corp\.example/);
    }
  });

  it('that cannot be are told with the setting', () => {
    for (const [yaml, setting, words] of [
      ['http: { listen: 0.0.0.0:9450 }', 'http.listen', /collector listens on loopback only/],
      ['http: { listen: "[::]:9450" }', 'http.listen', /loopback only/],
      ['http: { auth: { mode: token } }', 'http.auth.mode', /tokenFile/],
      ['http: { auth: { tokenFile: t } }', 'http.auth.tokenFile', /mode is token/],
      [
        'http: { auth: { mode: mtls } }',
        'http.auth.mode',
        /http\.tls\.cert and http\.tls\.key and http\.tls\.clientCa/,
      ],
      ['http: { tls: { cert: c } }', 'http.tls.cert', /http\.tls\.key/],
      ['http: { auth: { audiences: [x] } }', 'http.auth.audiences', /kubernetes/],
      ['http: { auth: { anyNode: [x] } }', 'http.auth.anyNode', /kubernetes/],
      ['http: { publicUrl: "ftp://x" }', 'http.publicUrl', /http/],
      ['store: /var/lib/x.db', 'store', /sqlite:\/\/\//],
      ['store: mysql://x', 'store', /postgres/],
      ['{ store: "sqlite:///x", storeFile: y }', 'storeFile', /store is set too/],
      ['report: { schedule: daily }', 'report.schedule', /report\.directory/],
      ['notify: [ { type: webhook } ]', 'notify', /url or urlFile/],
    ] as const) {
      const problems = settingProblems(loaded(yaml).value);
      assert.ok(
        problems.some((one) => one.setting === setting && words.test(one.message)),
        `${yaml}: ${JSON.stringify(problems)}`,
      );
    }
    for (const [yaml, place] of [
      ['http: { listen: localhost:9450 }', 'c.yaml:1'],
      ['retention:\n  maxAge: 30 days', 'c.yaml:2'],
      ['retention:\n  maxBytes: lots', 'c.yaml:2'],
      ['stroe: x', 'c.yaml:1'],
      ['notify:\n  - type: pager', 'c.yaml:2'],
    ] as const) {
      const settings = load(yaml);
      assert.ok(!settings.ok && settings.error[0]?.place === place, `${yaml}: ${JSON.stringify(settings)}`);
    }
  });
});
