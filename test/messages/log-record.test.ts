import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { type LogRecord, podOf, readLogRecord } from '../../src/messages/log-record.ts';

/** What a case says of a record; fields that it leaves out are not looked at. */
type Expected = Partial<Omit<LogRecord, 'fields'>> & { readonly fields?: Readonly<Record<string, string>> };

const cases: readonly (readonly [title: string, line: string, expected: Expected])[] = [
  [
    'klog, structured (1.21 to 1.36)',
    String.raw`E1122 10:47:10.888560   12293 remote_image.go:250] "PullImage from image service failed" err="rpc error: code = Unknown desc = failed to pull \"a/b:1\"" image="a/b:1"`,
    {
      form: 'klog',
      severity: 'error',
      time: '1122 10:47:10.888560',
      caller: 'remote_image.go:250',
      message: 'PullImage from image service failed',
      fields: { err: 'rpc error: code = Unknown desc = failed to pull "a/b:1"', image: 'a/b:1' },
    },
  ],
  [
    'klog, plain (1.20 and older)',
    'E0310 08:11:02.123456    1789 remote_image.go:113] PullImage "a/b:1" from image service failed: rpc error: x',
    { form: 'klog', message: 'PullImage "a/b:1" from image service failed: rpc error: x', fields: {} },
  ],
  [
    'klog, a plain message that begins with a quotation mark',
    'W0310 08:11:02.123456    1789 x.go:1] "a" is not ready: b="c"',
    { severity: 'warning', message: '"a" is not ready: b="c"', fields: {} },
  ],
  [
    'klog behind what journalctl prints',
    'Nov 22 10:47:10 node-1 kubelet[12293]: I1122 10:47:10.888560   12293 flags.go:64] FLAG: --v="2"',
    { form: 'klog', severity: 'info', message: 'FLAG: --v="2"' },
  ],
  [
    'klog behind a container log',
    '2026-11-22T10:47:10.888Z stderr F F1122 10:47:10.888560       1 main.go:7] "bye"',
    { form: 'klog', severity: 'fatal', message: 'bye' },
  ],
  [
    'klog, a value that is cut off',
    'E1122 10:47:10.888560   1 a.go:1] "x" err="failed to do',
    { message: 'x', fields: { err: 'failed to do' } },
  ],
  [
    "containerd's logrus",
    'time="2026-11-22T10:47:10.851767083Z" level=info msg="trying next host" error="pull access denied" host="private.lab.example:15001"',
    {
      form: 'logfmt',
      severity: 'info',
      time: '2026-11-22T10:47:10.851767083Z',
      message: 'trying next host',
      fields: { error: 'pull access denied', host: 'private.lab.example:15001' },
    },
  ],
  [
    "dockerd's, with a bare message",
    'time="2026-11-22T10:47:10Z" level=warning msg=oops error=EOF',
    { severity: 'warning', message: 'oops', fields: { error: 'EOF' } },
  ],
  [
    "CRI-O's behind journalctl",
    'Nov 22 10:50:12 node crio[77]: time="2026-11-22 10:50:12.1Z" level=info msg="Pulling image: a/b:1" id=1 name=/runtime.v1.ImageService/PullImage',
    {
      form: 'logfmt',
      message: 'Pulling image: a/b:1',
      fields: { id: '1', name: '/runtime.v1.ImageService/PullImage' },
    },
  ],
  [
    "klog's JSON",
    '{"ts":1669107430888.56,"caller":"kubelet/pod_workers.go:965","msg":"Error syncing pod, skipping","pod":{"name":"web-0","namespace":"shop"},"err":"failed to pull"}',
    {
      form: 'json',
      severity: 'error',
      time: '1669107430888.56',
      caller: 'kubelet/pod_workers.go:965',
      message: 'Error syncing pod, skipping',
      fields: { pod: 'shop/web-0', err: 'failed to pull' },
    },
  ],
  [
    "Talos'",
    '10.5.0.2: {"ts":1660000000.123,"caller":"plugin/plugin.go:440","msg":"Loaded plugin","v":0}',
    { form: 'json', severity: 'info', caller: 'plugin/plugin.go:440', message: 'Loaded plugin' },
  ],
  [
    "a container's log file around klog",
    JSON.stringify({
      log: 'E1122 10:47:10.888560   1 a.go:1] "x" err="y"\n',
      stream: 'stderr',
      time: '2026-11-22T10:47:10Z',
    }),
    { form: 'klog', message: 'x', fields: { err: 'y' }, time: '1122 10:47:10.888560' },
  ],
  [
    "journalctl's JSON around logrus",
    JSON.stringify({ MESSAGE: 'time="t" level=error msg="PullImage \\"a\\" failed"', PRIORITY: '3' }),
    { form: 'logfmt', severity: 'error', message: 'PullImage "a" failed' },
  ],
  ['any other text', '  Failed to pull image  ', { form: 'text', severity: null, message: 'Failed to pull image' }],
  ['text with a brace', 'container &Container{Name:a} start failed', { form: 'text' }],
  ['nothing', '', { form: 'text', message: '' }],
];

const pods: readonly (readonly [
  line: string,
  namespace: string | null,
  pod: string | null,
  container: string | null,
])[] = [
  [
    String.raw`E1122 10:47:10.889029   12293 pod_workers.go:1324] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"app\" with ErrImagePull: \"x\"" pod="ctrd17/auth-basic" podUID="a737f94f"`,
    'ctrd17',
    'auth-basic',
    'app',
  ],
  [
    'E1122 10:47:10.888966   12293 kuberuntime_manager.go:1727] "Unhandled Error" err="container app start failed in pod auth-basic_ctrd17(a737f94f-f9af-42b9-a8a3-8ef93ac53978): ErrImagePull: x"',
    'ctrd17',
    'auth-basic',
    'app',
  ],
  [
    'E0310 08:11:02.123456    1789 pod_workers.go:191] Error syncing pod 12ab ("web-0_shop(12ab)"), skipping: failed to "StartContainer" for "web" with ImagePullBackOff: "Back-off pulling image \\"a\\""',
    'shop',
    'web-0',
    'web',
  ],
  ['time="t" level=error msg="PullImage \\"a\\" failed" error="x"', null, null, null],
];

describe('messages: log records', () => {
  for (const [title, line, expected] of cases) {
    it(title, () => {
      const record = readLogRecord(line);
      const { fields, ...rest } = expected;
      for (const [key, value] of Object.entries(rest))
        assert.equal(new Map(Object.entries(record)).get(key), value, key);
      for (const [key, value] of Object.entries(fields ?? {})) assert.equal(record.fields.get(key), value, key);
      if (fields !== undefined && Object.keys(fields).length === 0) assert.equal(record.fields.size, 0);
    });
  }

  for (const [line, namespace, pod, container] of pods) {
    it(`place: ${namespace}/${pod} ${container}`, () => {
      assert.deepEqual(podOf(readLogRecord(line)), { namespace, pod, container });
    });
  }

  it('fields come back as klog writes them', () => {
    const quote = (text: string) => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
    const text = fc.string({ unit: 'grapheme-ascii', maxLength: 60 });
    fc.assert(
      fc.property(text, fc.dictionary(fc.stringMatching(/^[a-z][a-zA-Z]{0,10}$/), text), (message, fields) => {
        const pairs = Object.entries(fields).map(([key, value]) => ` ${key}=${quote(value)}`);
        const record = readLogRecord(`I1122 10:47:10.888560   12293 a.go:1] ${quote(message)}${pairs.join('')}`);
        assert.equal(record.message, message);
        assert.deepEqual(Object.fromEntries(record.fields), { ...fields });
      }),
    );
  });

  it('no text is a trap', () => {
    const traps = [
      `${'time="'.repeat(20_000)}`,
      `E1122 10:47:10.888560 1 a.go:1] "${'\\"'.repeat(30_000)}`,
      `E1122 10:47:10.888560 1 a.go:1] "x" ${'a='.repeat(30_000)}`,
      `E1122 10:47:10.888560 1 a.go:1] "x" ${'a '.repeat(30_000)}`,
      `E1122 10:47:10.888560 1 a.go:1] ${'a-'.repeat(30_000)}_b(`,
      `E1122 10:47:10.888560 1 a.go:1] ${'a_'.repeat(30_000)}(`,
      '{'.repeat(60_000),
      ' '.repeat(60_000),
      '1'.repeat(60_000),
    ];
    for (const trap of traps) {
      const started = performance.now();
      podOf(readLogRecord(trap));
      const took = performance.now() - started;
      assert.ok(took < 250, `${trap.slice(0, 60)}…: ${took} ms`);
    }
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void podOf(readLogRecord(text))));
  });

  it('every line of the captures has a form', function () {
    const folder = join(import.meta.dirname, '../../../shared/captures');
    if (!existsSync(folder)) {
      process.stdout.write('    messages: captures left out, ../shared/captures is not there\n');
      return this.skip();
    }
    let lines = 0;
    for (const run of readdirSync(folder)) {
      for (const [file, form] of [
        ['kubelet.log.gz', 'klog'],
        ['containerd.log.gz', 'logfmt'],
      ] as const) {
        const path = join(folder, run, file);
        if (!existsSync(path)) continue;
        for (const line of gunzipSync(readFileSync(path)).toString('utf8').split('\n')) {
          // Flags' warnings come before logging is set up, stack traces and dumps take many lines.
          if (!/^[IWEF]\d{4} |^time=/.test(line)) continue;
          assert.equal(readLogRecord(line).form, form, line);
          lines++;
        }
      }
    }
    assert.ok(lines > 1000, `${lines} lines`);
  });
});
