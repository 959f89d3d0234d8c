import assert from 'node:assert/strict';
import fc from 'fast-check';
import { headFilter } from '../../src/wire/go-head.ts';

/** What the parser gets of an answer that comes in pieces; null while all of it is held back. */
function passed(answer: string, pieces: readonly number[] = [], method = 'GET'): string | null {
  const filter = headFilter(method);
  const bytes = Buffer.from(answer, 'latin1');
  const ends = [...new Set(pieces.map((piece) => piece % (bytes.length + 1)))].sort((a, b) => a - b);
  let out: string | null = null;
  let from = 0;
  for (const end of [...ends, bytes.length]) {
    const piece = bytes.subarray(from, end);
    from = end;
    if (piece.length === 0) continue;
    if (out !== null) {
      out += piece.toString('latin1');
      continue;
    }
    const given = filter(piece);
    if (given === 'too-many') return given;
    if (given !== null) out = given.toString('latin1');
  }
  return out;
}

const ok = 'HTTP/1.1 200 OK\r\n';
const hint = 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n';

describe('heads of answers, read as Go does', () => {
  const forms: readonly (readonly [name: string, came: string, goesOn: string | null, method?: string])[] = [
    ['an ordinary one goes on as it is', `${ok}a: b \r\n\r\nbody\n`, `${ok}a: b \r\n\r\nbody\n`],
    ['LF alone, and the body stays', 'HTTP/1.1 200\na: b\n\nx\n\ny', 'HTTP/1.1 200\r\na: b\r\n\r\nx\n\ny'],
    ['one line of several ends in LF', `${ok}a: b\nc: d\r\n\r\n`, `${ok}a: b\r\nc: d\r\n\r\n`],
    ['a value that goes on', `${ok}a: b\r\n\t c \r\nd: e\r\n\r\n`, `${ok}a: b c\r\nd: e\r\n\r\n`],
    ['the first header cannot go on', `${ok} a: b\r\n\r\n`, `${ok} a: b\r\n\r\n`],
    ['interim answers', `HTTP/1.1 100 C\r\n\r\n${hint}${ok}\r\nx`, `${ok}\r\nx`],
    ['ten of them', `${hint.repeat(10)}${ok}\r\n`, `${ok}\r\n`],
    ['101 is the end', 'HTTP/1.1 101 S\r\n\r\nxyz', 'HTTP/1.1 101 S\r\n\r\nxyz'],
    ['one length, said twice', `${ok}Content-Length: 2\r\ncontent-length:2 \r\n\r\n`, `${ok}Content-Length: 2\r\n\r\n`],
    [
      'two lengths',
      `${ok}Content-Length: 2\r\nContent-Length: 3\r\n\r\n`,
      `${ok}Content-Length: 2\r\nContent-Length: 3\r\n\r\n`,
    ],
    ['a list of lengths', `${ok}Content-Length: 2, 2\r\n\r\n`, `${ok}Content-Length: 2, 2\r\n\r\n`],
    [
      'chunks decide',
      `${ok}Content-Length: 2\r\nTransfer-Encoding: Chunked\r\na: b\r\n\r\n`,
      `${ok}Transfer-Encoding: Chunked\r\na: b\r\n\r\n`,
    ],
    [
      'to HEAD the length counts',
      `${ok}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n`,
      `${ok}Content-Length: 2\r\n\r\n`,
      'HEAD',
    ],
    [
      'other codings are not chunks',
      `${ok}Content-Length: 2\r\nTransfer-Encoding: gzip, chunked\r\n\r\n`,
      `${ok}Content-Length: 2\r\nTransfer-Encoding: gzip, chunked\r\n\r\n`,
    ],
    ['another protocol', 'SSH-2.0-OpenSSH_9.6', 'SSH-2.0-OpenSSH_9.6'],
    ['a status that is none', 'HTTP/1.1 OK\n', 'HTTP/1.1 OK\n'],
    ['a line that is no header', `${ok}a: b\r\nhello\n`, `${ok}a: b\r\nhello\n`],
    ['a beginning is held back', `${ok}a: b`, null],
    ['half an end is held back', `${ok}a: b\r\n\r`, null],
  ];
  for (const [name, came, goesOn, method] of forms) it(name, () => assert.equal(passed(came, [], method), goesOn));

  it('holds back no more than a head may have', () => {
    const endless = `${ok}a: ${'x'.repeat(70_000)}`;
    assert.equal(passed(endless), endless);
  });

  it('gives up on interim answers that do not end', () => {
    assert.equal(passed(hint.repeat(2000)), 'too-many');
  });

  const slow: readonly (readonly [name: string, first: string, piece: string, pieces: number])[] = [
    ['lines that come one by one', ok, 'a:\n', 20_000],
    ['values that go on, one by one', `${ok}a: b\n`, ' x\n', 20_000],
    ['values that go on behind many blanks', `${ok}a: b\n${` x${' '.repeat(20_000)}y\n`.repeat(3)}`, ' x\n', 1],
  ];
  for (const [name, first, piece, pieces] of slow) {
    it(`take no longer for ${name}`, () => {
      const filter = headFilter('GET');
      const [begun, bytes] = [performance.now(), Buffer.from(piece)];
      let given = filter(Buffer.from(first));
      for (let count = 0; count < pieces; count++) given = filter(bytes);
      assert.equal(given, null);
      assert.notEqual(filter(Buffer.from('\r\n')), null);
      // Read anew with each piece, the first took 16 s, and the second minutes.
      assert.ok(performance.now() - begun < 2000);
    });
  }

  it('come to the same in whatever pieces', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...forms),
        fc.array(fc.nat(200), { maxLength: 20 }),
        ([, came, goesOn, method], cuts) => {
          assert.equal(passed(came, cuts, method), goesOn);
        },
      ),
    );
  });

  it('pass through whatever they are not: no bytes are lost or made up', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), fc.array(fc.nat(200), { maxLength: 5 }), (text, cuts) => {
        const given = passed(text, cuts);
        assert.ok(given === null || given === text || text.startsWith('HTTP/1.'));
      }),
    );
  });
});
