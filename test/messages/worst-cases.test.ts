/**
 * No line costs more than a few times what an ordinary one of its length costs, however it is made: no pattern goes back
 * over what it has seen more often than a bounded number of times. Times are compared with a reference that is measured
 * on the same machine between them, so that a slow or busy machine does not decide.
 */
import assert from 'node:assert/strict';
import { explainText } from '../../src/engine/explain.ts';
import { limits } from '../../src/lib/limits.ts';
import { podOf, readLogRecord } from '../../src/messages/log-record.ts';
import { rules } from '../../src/messages/rules.ts';

const full = limits.explainedChars;

/** What a hostile or broken program could repeat. */
const pieces: readonly string[] = [
  ...[
    '"',
    '\\',
    '\\"',
    '\\\\"',
    '[',
    ']',
    '(',
    ')',
    '{',
    '}',
    ':',
    ': ',
    ' ',
    '  ',
    '\t',
    '\n',
    '\r\n',
    '│ \n',
    '\n│',
    '\\n',
  ],
  ...[
    'a',
    'a.',
    'a:',
    'a/',
    'a-',
    '_',
    'a_b(',
    'x=',
    'x="',
    'x="a" ',
    'pod="a" ',
    ' pod="a"',
    'msg="',
    '=',
    '0',
    '.',
    'é',
    '😀',
    '\u0000',
  ],
  ...['%!A(MISSING)', '%!', 'trying next host ', 'trying next host: ', '[a: [b: ', '(Mirrors also failed: ', '[x] '],
  ...[
    '(Mirrors also failed: [',
    '; artifact err: ',
    'docker://',
    'docker://a',
    'https://',
    'https://a',
    'https://a.example/',
  ],
  ...[
    'Get "https://a',
    'Get "https://a": ',
    'Get https://a/v2/b/manifests/',
    'http://a/t?scope=repository:',
    '/v2/',
    '/v2/a/blobs/',
  ],
  ...[
    '?ns=',
    '?ns=a&',
    'lookup ',
    'lookup a on ',
    'dial tcp ',
    'read tcp 1.2.3.4:1->',
    'rpc error: ',
    'rpc error: code = Unknown desc = ',
  ],
  ...[
    'failed to pull and unpack image "',
    'failed to pull image ',
    'failed to resolve reference "a": ',
    'reading manifest a in ',
  ],
  ...[
    'manifest for ',
    'pull access denied for ',
    'image repository a',
    'image "a/b" ',
    'image "a:b": ',
    'pulling image (',
    'docker pull a/',
  ],
  ...[
    "Unable to find image '",
    'x509: ',
    'tls: ',
    'eyJ',
    'eyJa.',
    'Bearer ',
    'http://u:p@',
    'sha256:',
    '{"message":"',
    '{"a":',
    '[{',
  ],
  ...[
    '&Container{Name:a,Image:',
    'container &Container{Name:',
    'RunPodSandbox for ',
    'Handler for ',
    'open /a: ',
    'open /a',
    '<html>',
  ],
  ...[
    'time="',
    'time=a level=error msg="',
    'E1122 10:36:45.289431   24326 a.go:1] ',
    'Nov 22 10:36:45 node kubelet[1]: ',
    'a failed: ',
  ],
  ...[
    'failed with status code [',
    'status code ',
    'repository name ',
    '<title>',
    'failed to "StartContainer" for "a" with ErrImagePull: "',
  ],
];

/** Beginnings, middles and ends of every rule's own words: what a rule looks for, and does not find to its end. */
function ofRules(): Set<string> {
  const found = new Set<string>();
  for (const text of rules.flatMap(({ examples, lookalikes }) => [
    ...examples.map((one) => one.text),
    ...(lookalikes ?? []),
  ])) {
    const words = text.split(/(?<=[\s"(:[,])/);
    for (let from = 0; from < Math.min(words.length, 9); from++) {
      for (const count of [1, 2, 4]) found.add(words.slice(from, from + count).join(''));
    }
  }
  found.delete('');
  return found;
}

const repeated = (piece: string, length: number): string =>
  piece.repeat(Math.ceil(length / piece.length)).slice(0, length);

/** The least of some runs, milliseconds; more runs only where one was slow. */
function least(run: () => void, enough: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 4 && best > enough; round++) {
    const started = performance.now();
    run();
    best = Math.min(best, performance.now() - started);
  }
  return best;
}

/** An ordinary text of this length about a failing pull, which every rule is tried on; milliseconds. */
function reference(length: number): number {
  const words = 'failed to pull image "reg.example/team/web:1": ';
  const text = words + repeated('the layer that came from there was put where it belongs, ', length - words.length);
  for (let round = 0; round < 20; round++) explainText(text);
  return least(() => explainText(text), 0);
}

/** How many times the ordinary text's time a run takes. One that seems slow is held against that once more, side by side. */
function timesOrdinary(run: () => void, ordinary: number, length: number): number {
  let most = least(run, times * ordinary) / ordinary;
  for (let again = 0; again < 3 && most > times; again++) most = least(run, 0) / reference(length);
  return most;
}

/** A hostile line may cost this many times the ordinary one; patterns without a bound cost hundreds of times as much. */
const times = 8;

describe('messages: lines that are made to be slow', () => {
  it('cost a few times what an ordinary line costs', function () {
    this.timeout(120_000);
    const ordinary = reference(full);
    const slow: string[] = [];
    for (const piece of pieces) {
      const fill = repeated(piece, full - 200);
      const lines = [
        fill,
        `failed to pull image "a": ${fill} error`,
        `E1122 10:36:45.289431   24326 a.go:1] "Failed to pull image" err="${fill}" image="x"`,
        `time="2026-11-22T10:36:45Z" level=error msg="PullImage \\"a/b\\" failed" error="${fill}"`,
        `${repeated(piece, full / 2)}${repeated('a', full / 2 - 200)}: failed`,
      ];
      for (const [form, line] of lines.entries()) {
        const took = timesOrdinary(() => explainText(line), ordinary, full);
        const apart = timesOrdinary(() => podOf(readLogRecord(line)), ordinary, full);
        const most = Math.max(took, apart);
        if (most > times) slow.push(`${JSON.stringify(piece)} (${form}): ${most} times`);
      }
    }
    assert.deepEqual(slow, [], `an ordinary line costs ${ordinary} ms`);
  });

  it('cost no more where they repeat what a rule looks for', function () {
    this.timeout(120_000);
    // Half the length: what grows with the square of it shows here as well, in a quarter of the time.
    const length = full / 4;
    const ordinary = reference(length);
    const slow: string[] = [];
    for (const piece of ofRules()) {
      const line = `failed to pull image "a/b:c": ${repeated(piece, length)}: failed`;
      const took = timesOrdinary(() => explainText(line), ordinary, length);
      if (took > times) slow.push(`${JSON.stringify(piece)}: ${took} times`);
    }
    assert.deepEqual(slow, [], `an ordinary line costs ${ordinary} ms`);
  });

  it('cost no more where what a pattern looks for never ends', function () {
    this.timeout(120_000);
    const length = full / 4;
    const ordinary = reference(length);
    const words = rules.flatMap(
      ({ pattern }) => pattern.source.replace(/\\./g, '\0').match(/[\w ":=@%<'-]{4,}/g) ?? [],
    );
    const slow: string[] = [];
    for (const word of new Set(words)) {
      for (const piece of ['"', "'", '\\"', 'a', ' ', '/', '.', '0:', '"a', 'a, ']) {
        const line = `failed to pull image "a/b:c": ${word}${repeated(piece, length)}`;
        const took = timesOrdinary(() => explainText(line), ordinary, length);
        if (took > times) slow.push(`${word}${piece}: ${took} times`);
      }
    }
    assert.deepEqual(slow, [], `an ordinary line costs ${ordinary} ms`);
  });

  it('do not grow where many short names are masked', () => {
    const ordinary = reference(full);
    for (const names of [['a:'], ['r:t', '/r:t', 'e/r:t', 'le/r:t', 'ple/r:t', 'mple/r:t', 'ample/r:t']]) {
      const line = `${names.map((name) => `image "${name}" `).join('')}failed to pull: ${repeated(names[0] ?? '', full / 2)}`;
      assert.ok(least(() => explainText(line), times * ordinary) <= times * ordinary);
    }
  });
});
