import assert from 'node:assert/strict';
import { Type } from '../../src/api/schema.ts';
import { loadSettings, type SettingSources } from '../../src/settings/load.ts';
import { settingsDocument, settingsExample, settingsText } from '../../src/settings/show.ts';
import { duration, flag, objects, optionalText, requiredOneOf, wordsOf } from '../../src/settings/values.ts';

const schema = Type.Object({
  notify: objects(
    {
      type: requiredOneOf(['chat', 'pager'], { description: 'what it is' }),
      url: optionalText({ description: 'where it is', secret: true }),
      delay: duration({ description: 'before it is told', default: '10s' }),
      loud: flag({ description: 'with a bell', default: false }),
      causes: wordsOf(['fire', 'water'], { description: 'which', default: [] }),
    },
    { description: 'who is told' },
  ),
});

function load(file: string | null, more: Partial<SettingSources> = {}) {
  return loadSettings(schema, {
    file: file === null ? null : { path: 'c.yaml', text: file },
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

const usual = { url: null, delay: '10s', loud: false, causes: [] };

describe('settings: entries of a list', () => {
  it('fills in what is not said, from every source', () => {
    const entry = { type: 'chat', ...usual };
    const flags = new Map([['notify', { flag: '--set notify', value: '[{type: chat}]' }]]);
    const cases: readonly [ReturnType<typeof load>, unknown][] = [
      [load(null), []],
      [load('notify: []\n'), []],
      [load('notify:\n  - type: chat\n'), [entry]],
      [load('notify:\n  - type: chat\n    delay:\n'), [entry]],
      [
        load('notify:\n  - { type: pager, delay: 1m, causes: [fire] }\n  - type: chat\n'),
        [{ type: 'pager', ...usual, delay: '1m', causes: ['fire'] }, entry],
      ],
      [load(null, { environment: { PULLWHY_NOTIFY: '[{"type":"chat"}]' } }), [entry]],
      [load(null, { flags }), [entry]],
    ];
    for (const [loaded, expected] of cases) {
      assert.ok(loaded.ok, JSON.stringify(loaded));
      assert.deepEqual(loaded.value.value.notify, expected);
    }
  });

  it('names the line of everything that is wrong', () => {
    const file = [
      'notify:',
      '  - type: chat',
      '    ulr: http://x',
      '  - delay: soon',
      '    type: pigeon',
      '  - url: http://y',
      '  - just text',
      '  - type: chat',
      '    causes: [fire, air]',
      '    loud: "yes"',
      '    zzzzzzzz: 1',
    ].join('\n');
    assert.deepEqual(problems(file), [
      'c.yaml:3: notify[0].ulr is no setting. Did you mean url?',
      'c.yaml:5: notify[1].type must be one of chat, pager.',
      'c.yaml:4: notify[1].delay must be a duration such as 500ms, 30s, 5m, 1h30m or 7d.',
      'c.yaml:6: notify[2] needs type: one of chat, pager.',
      'c.yaml:7: notify[3] must be a mapping; it may have type, url, delay, loud, causes.',
      'c.yaml:11: notify[4].zzzzzzzz is no setting. It may have type, url, delay, loud, causes.',
      'c.yaml:10: notify[4].loud must be true or false.',
      'c.yaml:9: notify[4].causes must be a list of some of fire, water.',
    ]);
    assert.deepEqual(problems('notify: chat\n'), ['c.yaml:1: notify must be a list, each entry with a dash.']);
    assert.deepEqual(problems(null, { environment: { PULLWHY_NOTIFY: '[{type: x}]' } }), [
      'PULLWHY_NOTIFY: notify[0].type must be one of chat, pager.',
    ]);
    const many = `notify:\n${'  - type: chat\n'.repeat(257)}`;
    assert.deepEqual(problems(many), ['c.yaml:1: notify has more than 256 entries.']);
  });

  it('shows no secret of an entry, and an example that says what an entry may have', () => {
    const loaded = load('notify:\n  - { type: chat, url: "https://hooks.example/services/hunter2" }\n');
    assert.ok(loaded.ok);
    const shown = settingsText(loaded.value.inForce) + JSON.stringify(settingsDocument(loaded.value.inForce));
    assert.doesNotMatch(shown, /hunter2/);
    assert.match(shown, /"url":"\[secret\]"/);
    const example = settingsExample(loaded.value.inForce);
    assert.match(example, /^# - type: what it is \(one of chat, pager; required\)$/m);
    assert.match(example, /^# - delay: before it is told/m);
    assert.ok(load(example).ok, example);
  });
});
