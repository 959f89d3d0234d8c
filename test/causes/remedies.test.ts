import { strict as assert } from 'node:assert';
import { causes } from '../../src/causes/index.ts';
import { remediesOf } from '../../src/causes/remedies.ts';

describe('commands of remedies', () => {
  const hostile = [
    '1.0;reboot',
    '$(reboot)',
    '`reboot`',
    'a b',
    "a'b",
    'a"b',
    'a|b',
    'a&b',
    'a>b',
    'a\nb',
    '--rm',
    'a\\b',
    '#a',
    '!a',
    '*',
    '{a,b}',
  ];
  const members = [
    'image',
    'repository',
    'tag',
    'host',
    'port',
    'proxy',
    'nameserver',
    'detail',
    'path',
    'platform',
    'username',
    'source',
  ];

  for (const value of hostile) {
    it(`never hold ${JSON.stringify(value)}`, () => {
      const args = { ...Object.fromEntries(members.map((name) => [name, value])), nearest: [value, '1.0'] };
      for (const cause of causes) {
        // What stands in a command without any argument is the cause's own.
        const own = new Set(cause.remedies({}).map(({ command }) => command));
        for (const { command } of remediesOf(cause, args)) {
          if (command === null || own.has(command)) continue;
          assert.ok(!command.includes(value), `${cause.id}: ${command}`);
        }
      }
    });
  }

  it('hold what is safe', () => {
    const pull = causes.find(({ id }) => id === 'image-never-pull');
    assert.ok(pull !== undefined);
    const commands = remediesOf(pull, { image: 'reg.corp:5000/team/web:1.4@sha256:00' }).map(({ command }) => command);
    assert.ok(commands.includes('crictl pull reg.corp:5000/team/web:1.4@sha256:00'));
  });
});
