import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { bashCompletion } from '../../src/cli/completion/bash.ts';
import { fishCompletion } from '../../src/cli/completion/fish.ts';
import { allCommands, shapeOf } from '../../src/cli/completion/shape.ts';
import { zshCompletion } from '../../src/cli/completion/zsh.ts';
import { buildProgram } from '../../src/cli/program.ts';

const shape = shapeOf(buildProgram(() => undefined, new AbortController().signal));
const scripts = {
  bash: bashCompletion(shape, 'pullwhy'),
  zsh: zshCompletion(shape, 'pullwhy'),
  fish: fishCompletion(shape, 'pullwhy'),
};

/** What bash offers behind these words. */
function offered(...words: string[]): string[] {
  const program = `${scripts.bash}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pullwhy; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const out = execFileSync('bash', ['-c', program, 'bash', 'pullwhy', ...words], { encoding: 'utf8' });
  return out.split('\n').filter((line) => line !== '');
}

describe('cli/completion', () => {
  it('knows every command and every flag of the program', () => {
    const commands = allCommands(shape);
    assert.ok(commands.length >= 5);
    for (const { path, flags } of commands) {
      for (const [shell, script] of Object.entries(scripts)) {
        if (path.length > 0) assert.ok(script.includes(path.at(-1) ?? ''), `${shell}: ${path}`);
        for (const { long } of flags) {
          const named = shell === 'fish' ? `-l ${long?.slice(2)}` : (long ?? '');
          assert.ok(script.includes(named), `${shell}: ${path} ${long}`);
        }
      }
    }
  });

  it('completes commands, flags and choices in bash', () => {
    assert.deepEqual(offered('diag'), ['diagnose']);
    assert.ok(offered('').includes('plan'));
    assert.ok(offered('plan', '--h').includes('--host-root'));
    assert.deepEqual(offered('diagnose', '--pull-policy', 'I'), ['IfNotPresent']);
    assert.deepEqual(offered('diagnose', '-o', ''), ['text', 'json', 'markdown']);
    assert.deepEqual(offered('completion', ''), ['bash', 'zsh', 'fish']);
  });

  it('completes the commands below a command, and their flags', () => {
    assert.ok(offered('node', '').includes('registries'));
    assert.deepEqual(offered('node', 'dia'), ['diagnose']);
    assert.deepEqual(offered('fleet', 'inc'), ['incidents', 'incident']);
    assert.deepEqual(offered('fleet', 'incidents', '--scope', ''), ['node', 'group', 'cluster']);
    assert.ok(offered('fleet', 'events', '--').includes('--follow'));
    assert.ok(offered('node', 'pods', '--').includes('--token-file'));
    assert.ok(!offered('node', 'pods', '--').includes('--pull-policy'));
    assert.deepEqual(offered('node', 'report', '-o', ''), ['text', 'markdown', 'html', 'json']);
    assert.deepEqual(offered('node', 'diagnose', '--pull-policy', 'N'), ['Never']);
    assert.deepEqual(offered('agent', '--log-level', ''), ['debug', 'info', 'warn', 'error']);
    assert.deepEqual(offered('agent', '--state-directory', '/et'), ['/etc']);
    assert.deepEqual(offered('agent', '--set', ''), []);
  });

  it('tells `diagnose` from `node diagnose` in fish', () => {
    const of = (flag: string): string[] => scripts.fish.split('\n').filter((line) => line.includes(` -l ${flag} `));
    const own = of('deadline').find((line) => line.includes('from diagnose'));
    assert.match(own ?? '', /-n '__fish_seen_subcommand_from diagnose; and not __fish_seen_subcommand_from node'/);
    const other = of('cert-file').find((line) => line.includes('from diagnose'));
    assert.match(other ?? '', /-n '__fish_seen_subcommand_from node; and __fish_seen_subcommand_from diagnose'/);
  });

  it('completes files and folders where a flag takes one, and nothing where a value is free', () => {
    assert.ok(offered('diagnose', '--auth-file', '/etc/pass').includes('/etc/passwd'));
    assert.deepEqual(offered('plan', '--host-root', '/et'), ['/etc']);
    assert.deepEqual(offered('diagnose', '--deadline', ''), []);
    assert.deepEqual(offered('diagnose', '--', ''), []);
  });

  it('quotes what has quotes', () => {
    const odd = {
      path: [],
      description: '',
      commands: [],
      words: [],
      flags: [
        {
          short: null,
          long: '--x',
          description: "it's [a]: b",
          value: 'choice' as const,
          placeholder: 'A',
          choices: ['a', 'b'],
        },
      ],
    };
    assert.match(zshCompletion(odd, 'p'), /--x'\[it'\\''s \(a\)\\: b\]:A:\(a b\)'/);
    assert.match(fishCompletion(odd, 'p'), /-l x -x -a 'a b' -d 'it\\'s \[a\]: b'/);
  });
});
