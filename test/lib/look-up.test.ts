import assert from 'node:assert/strict';
import { lookUp } from '../../src/lib/look-up.ts';
import { readLogRecord } from '../../src/messages/log-record.ts';

describe('lib: words of a table', () => {
  it('has what stands in it, and nothing that every object has', () => {
    const table = { info: 'a' };
    assert.equal(lookUp(table, 'info'), 'a');
    for (const word of ['__proto__', 'constructor', 'toString', '', null, undefined]) {
      assert.equal(lookUp(table, word), undefined, String(word));
    }
  });

  it('so a log line of an odd level has no severity', () => {
    assert.equal(readLogRecord('time="t" level=constructor msg="PullImage failed" error="x"').severity, null);
  });
});
