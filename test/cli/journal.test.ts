/** `pullwhy journal` over journals that were made of captures, and over what is no journal. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { isRecord } from '../../src/lib/json.ts';
import { captures, disturbances, haveCaptures, isDisturbance, scenarios } from '../kit/captures.ts';
import { exportEntry, type JournalTools, journalTools, makeJournal, startJournald } from '../kit/journal-maker.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function pullwhy(args: readonly string[], input = ''): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [`${root}bin/pullwhy.js`, 'journal', ...args], { stdio: 'pipe' });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

type Event = Readonly<Record<string, unknown>>;

async function events(...args: string[]): Promise<readonly Event[]> {
  const { code, stdout, stderr } = await pullwhy([...args, '-o', 'ndjson']);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  return parse(stdout);
}

function parse(text: string): readonly Event[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line): unknown => JSON.parse(line)).filter(isRecord);
}

const failuresOf = (all: readonly Event[]) => all.filter(({ event }) => event === 'pull-failed');
const unpack = (run: string, name: string) => gunzipSync(readFileSync(join(captures, run, name)));

/** Each line of a log that has words, with the microseconds of its klog time of day. */
function linesWith(run: string, words: RegExp): readonly { readonly line: string; readonly us: number }[] {
  return unpack(run, 'kubelet.log.gz')
    .toString('utf8')
    .split('\n')
    .filter((line) => words.test(line))
    .map((line) => {
      const [, hour, minute, second, micros] = /^[EI]\d{4} (\d\d):(\d\d):(\d\d)\.(\d{6})/.exec(line) ?? [];
      const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second);
      return { line, us: (Date.UTC(2026, 10, 22) / 1000 + seconds) * 1_000_000 + Number(micros) };
    });
}

const usOf = (at: unknown) =>
  Date.parse(String(at).replace(/\.\d+Z$/, 'Z')) * 1000 + Number(/\.(\d{6})Z$/.exec(String(at))?.[1]);

describe('cli: journal', function () {
  this.timeout(60_000);
  let folder = '';

  before(async () => {
    if (!existsSync(`${root}dist/main.js`)) await import('../../build/build.ts');
    folder = await mkdtemp(join(tmpdir(), 'pullwhy-cli-journal-'));
  });

  after(() => rm(folder, { recursive: true, force: true }));

  const api = 'containerd-1.7.24-api';
  const serial = 'containerd-2.1.9-serial-stall';

  describe('of real components', () => {
    let tools: JournalTools;
    let apart: readonly Event[] = [];
    const of = (run: string) => ['-D', join(folder, run), '--boot'];

    before(async function () {
      this.timeout(600_000);
      if (!haveCaptures()) return this.skip();
      const found = await journalTools();
      if (found === null) return this.skip();
      tools = found;
      for (const run of [api, serial]) {
        await mkdir(join(folder, run));
        for (const name of ['kubelet', 'containerd']) {
          await makeJournal(tools, join(folder, run, `${name}.journal`), unpack(run, `${name}.journal-export.gz`));
        }
      }
      apart = await events(...of(api));
    });

    it('has one pull-failed for each attempt of the kubelet, with its pod, image and time', () => {
      const attempts = linesWith(api, /PullImage from image service failed/);
      const failures = failuresOf(apart).filter(({ cause }) => !/invalid-image-name|image-never/.test(String(cause)));
      assert.equal(attempts.length, 248);
      assert.equal(failures.length, attempts.length);
      const left = [...failures];
      for (const { line, us } of attempts) {
        const image = /image="([^"]+)"$/.exec(line)?.[1];
        const at = left.findIndex((one) => one.image === image && Math.abs(usOf(one.at) - us) < 100_000);
        assert.ok(at >= 0, line);
        left.splice(at, 1);
      }
      assert.deepEqual(left, []);
    });

    it('counts for each pod what its events count, and calls it as its scenario is called', () => {
      for (const name of readdirSync(join(captures, api, 'api'))) {
        const scenario = basename(name, '.json');
        const expected = scenarios[scenario];
        const log = readFileSync(join(captures, api, 'scenarios', `${scenario}.log`), 'utf8');
        const failures = failuresOf(apart).filter(({ pod }) => pod === scenario);
        // Of every failed attempt the kubelet says that it could not start the container: counted in its own log.
        const said = linesWith(api, new RegExp(`start failed in pod ${scenario}_ctrd17\\(`)).length;
        assert.equal(failures.length, said, scenario);
        if (said === 0) continue;
        assert.ok(expected !== undefined, scenario);
        for (const { image, namespace, container, cause, message, source } of failures) {
          assert.equal(namespace, 'ctrd17');
          assert.equal(container, 'app');
          assert.equal(source, 'kubelet');
          assert.ok(log.includes(String(image)), `${scenario}: ${image}`);
          const allowed: readonly unknown[] = isDisturbance(String(message)) ? disturbances : expected;
          assert.ok(allowed.includes(cause), `${scenario}: ${cause}: ${message}`);
        }
      }
    });

    it('has the other events as containerd and the kubelet wrote them, and nothing of ordinary lines', () => {
      const log = unpack(api, 'containerd.log.gz').toString('utf8');
      const count = (words: RegExp) => log.match(words)?.length ?? 0;
      const found = (event: string) => apart.filter((one) => one.event === event).length;
      assert.equal(found('pull-started'), count(/msg="PullImage \\"[^"]*\\""$/gm));
      assert.equal(found('pull-succeeded'), count(/msg="Pulled image /g));
      assert.equal(found('mirror-tried'), count(/msg="trying next host" error=.*\?ns=/g));
      assert.equal(found('back-off'), linesWith(api, /with ImagePullBackOff: /).length);
      assert.equal(found('other'), linesWith(api, /Unable to retrieve pull secret/).length);
      assert.ok(apart.filter(({ event }) => event === 'other').every(({ cause }) => cause === 'pull-secret-missing'));
      assert.ok(apart.every(({ event, image }) => event === 'other' || image !== null));
      const mirror = apart.find(({ event }) => event === 'mirror-tried');
      assert.deepEqual([mirror?.image, mirror?.cause], ['mirror.lab.example:15000/team/nosuch:1.0', 'tcp-refused']);
    });

    it('finds the same where one export was written behind the other, either first', async () => {
      const parts = ['kubelet', 'containerd'].map((name) => unpack(api, `${name}.journal-export.gz`));
      const strip = (all: readonly Event[]) => all.map(({ cursor, ...rest }) => JSON.stringify(rest)).sort();
      for (const [at, order] of [parts, parts.toReversed()].entries()) {
        const path = join(folder, `joined-${at}`);
        await mkdir(path);
        await makeJournal(
          tools,
          join(path, 'system.journal'),
          Buffer.concat(order.flatMap((one) => [one, Buffer.from('\n')])),
        );
        assert.deepEqual(strip(await events('-D', path, '--boot')), strip(apart));
      }
    });

    it('finds the one failed pull beside a stalled one', async () => {
      const failures = failuresOf(await events(...of(serial)));
      assert.deepEqual(
        failures.map(({ namespace, pod, image, cause }) => [namespace, pod, image, cause]),
        [['shop', 'bad-tag-lab-node-4', 'registry.lab.example:15000/team/web:v9.9.9', 'tag-not-found']],
      );
    });

    it('reads one unit, one image, one span of time', async () => {
      const runtime = await events(...of(api), '--unit', 'containerd');
      assert.ok(runtime.every(({ unit, pod }) => unit === 'containerd.service' && pod === null));
      assert.equal(failuresOf(runtime).length, 248);
      const image = 'refused.lab.example:15999/team/web:1.0';
      const some = await events(...of(api), '--image', image);
      assert.deepEqual([...new Set(some.map((one) => one.image))], [image]);
      const from = '2026-11-22T10:48:00.000000Z';
      const until = '2026-11-22T10:50:00.000000Z';
      const span = await events('-D', join(folder, api), '--since', from, '--until', until);
      const inside = apart.filter(({ at }) => String(at) >= from && String(at) < until);
      assert.equal(failuresOf(span).length, failuresOf(inside).length);
      assert.ok(span.every(({ at }) => String(at) >= from && String(at) <= until));
    });

    it('goes on behind a cursor without leaving out or repeating a failure', async () => {
      const path = join(folder, 'ordered');
      await mkdir(path);
      // As journald numbers them: in the order of time.
      const entries = ['kubelet', 'containerd']
        .flatMap((name) => unpack(api, `${name}.journal-export.gz`).toString('latin1').split('\n\n'))
        .map((text) => ({ text, at: Number(/^__REALTIME_TIMESTAMP=(\d+)/m.exec(text)?.[1]) }))
        .filter(({ at }) => at > 0)
        .sort((a, b) => a.at - b.at);
      const text = entries.map((one) => one.text.trim()).join('\n\n');
      await makeJournal(tools, join(path, 'system.journal'), Buffer.from(`${text}\n\n`, 'latin1'));
      const all = await events('-D', path, '--boot');
      assert.equal(all.length, apart.length);
      for (const at of [10, 400, 1500, all.length - 2]) {
        const rest = await events('-D', path, '--after-cursor', String(all[at]?.cursor));
        const expected = all.slice(at + 1);
        assert.equal(failuresOf(rest).length, failuresOf(expected).length, `behind event ${at}`);
        assert.equal(rest.length, expected.length, `behind event ${at}`);
      }
    });

    it('writes text for people, and one JSON document', async () => {
      const text = await pullwhy([...of(serial)]);
      assert.match(
        text.stdout,
        /^2026-11-22 11:03:28Z {2}✗ pull-failed +registry\.lab\.example:15000\/team\/web:v9\.9\.9 {2}shop\/bad-tag-lab-node-4 \(app\) {2}tag-not-found\n {4}ErrImagePull: /m,
      );
      const json = await pullwhy([...of(serial), '-o', 'json']);
      const document: unknown = JSON.parse(json.stdout);
      assert.ok(isRecord(document) && document.kind === 'PullEvents' && Array.isArray(document.events));
    });

    it('says that nothing was found, and ends with 0', async () => {
      const { code, stdout, stderr } = await pullwhy([
        '-D',
        join(folder, serial),
        '--since',
        '2020-01-01',
        '--until',
        '2020-01-02',
      ]);
      assert.deepEqual([code, stdout], [0, '']);
      assert.match(stderr, /no pull is mentioned/);
    });

    it('finds entries by the name of the program where none has a unit', async () => {
      const path = join(folder, 'forwarded');
      await mkdir(path);
      const message =
        'E1122 10:47:14.553456 1 log.go:32] "PullImage from image service failed" err="unexpected EOF" image="reg.example/a:1"';
      const entry = exportEntry({
        realtime: 1_795_344_434_000_000,
        monotonic: 5,
        bootId: '379b4f5ece2e4290b82bfd6f34ad8c69',
        fields: [
          ['SYSLOG_IDENTIFIER', 'kubelet'],
          ['MESSAGE', message],
        ],
      });
      await makeJournal(tools, join(path, 'system.journal'), entry);
      const [event] = await events('-D', path, '--boot');
      assert.deepEqual([event?.event, event?.unit, event?.image], ['pull-failed', 'kubelet', 'reg.example/a:1']);
    });
  });

  it('follows a journal that is being written, and ends in order', async function () {
    if ((await journalTools()) === null) return this.skip();
    const live = await startJournald(await mkdtemp(join(folder, 'live-')), []);
    if (live === null) return this.skip();
    const child = spawn(
      process.execPath,
      [
        `${root}bin/pullwhy.js`,
        'journal',
        '-D',
        live.directory,
        '--follow',
        '-u',
        'kubelet',
        '-o',
        'ndjson',
        '--since',
        '-1h',
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    try {
      let text = '';
      const first = new Promise<void>((resolve) => {
        child.stdout.on('data', (chunk) => {
          text += chunk;
          if (text.includes('\n')) resolve();
        });
      });
      const head = 'E1122 10:47:14.553456 1 log.go:32] ';
      await live.write('kubelet', [
        `${head}"PullImage from image service failed" err="unexpected EOF" image="reg.example/a:1"`,
        `${head}"Failed to pull image" err="unexpected EOF" image="reg.example/a:1"`,
        `${head}"Unhandled Error" err="container app start failed in pod web_shop(80ed): ErrImagePull: unexpected EOF"`,
      ]);
      await first;
      const [event, ...more] = parse(text);
      assert.deepEqual([event?.event, event?.image, event?.pod], ['pull-failed', 'reg.example/a:1', 'web']);
      assert.deepEqual(more, []);
      child.kill('SIGTERM');
      assert.equal(await ended, 0);
    } finally {
      child.kill('SIGKILL');
      await live.stop();
    }
  });

  it('reads log files and standard input where there is no journal', async () => {
    const line =
      'E1122 10:47:14.553456 1 log.go:32] "PullImage from image service failed" err="unexpected EOF" image="nginx"\n';
    const file = join(folder, 'kubelet.log');
    await writeFile(file, line);
    for (const [args, input] of [
      [['--file', file], ''],
      [['--file', '-'], line],
    ] as const) {
      const { code, stdout } = await pullwhy(
        [...args, '--image', 'docker.io/library/nginx:latest', '-o', 'ndjson'],
        input,
      );
      const [event] = parse(stdout);
      assert.equal(code, 0);
      assert.deepEqual([event?.event, event?.image, event?.cursor], ['pull-failed', 'nginx', null]);
      assert.match(String(event?.at), /^\d{4}-11-2[123]T\d\d:\d\d:14\.553456Z$/);
    }
  });

  describe('without one', () => {
    const states: readonly (readonly [string, (path: string) => Promise<unknown>, RegExp])[] = [
      ['absent', async () => undefined, /no journal here.*--host-root.*--file/],
      ['empty', (path) => mkdir(join(path, 'var/log/journal'), { recursive: true }), /no journal file/],
      [
        'damaged',
        async (path) => {
          await mkdir(join(path, 'var/log/journal'), { recursive: true });
          await writeFile(join(path, 'var/log/journal/system.journal'), Buffer.alloc(400, 1));
        },
        /is no journal file, or its header is damaged/,
      ],
      [
        'of another machine',
        async (path) => {
          await mkdir(join(path, 'var/log/journal', 'a'.repeat(32)), { recursive: true });
          await mkdir(join(path, 'etc'));
          await writeFile(join(path, 'etc/machine-id'), `${'b'.repeat(32)}\n`);
          await writeFile(join(path, 'var/log/journal', 'a'.repeat(32), 'system.journal'), Buffer.alloc(400, 1));
        },
        /journals of other machines only.*--directory/,
      ],
    ];
    for (const [name, prepare, says] of states) {
      it(`says what to do, and ends with 3: ${name}`, async () => {
        const path = await mkdtemp(join(folder, 'host-'));
        await chmod(path, 0o755);
        await prepare(path);
        const { code, stdout, stderr } = await pullwhy(['--host-root', path]);
        assert.deepEqual([code, stdout], [3, '']);
        assert.match(stderr, says);
      });
    }

    const wrong: readonly (readonly [string[], RegExp])[] = [
      [['--since', 'yesteryear'], /--since.*yesteryear.*-1h/],
      [['--since', 'today', '--until', 'yesterday'], /--until/],
      [['--boot', 'last'], /--boot.*last/],
      [['--directory', '/nowhere/at/all'], /--directory: \/nowhere\/at\/all/],
      [['--file', '/nowhere/at/all'], /--file: \/nowhere\/at\/all/],
      [['--file', '-', '--follow'], /--follow.*tail -F/],
      [['--follow', '-o', 'json'], /--output.*ndjson/],
      [['-o', 'yaml'], /yaml/],
    ];
    for (const [args, says] of wrong) {
      it(`ends with 2: ${args.join(' ')}`, async () => {
        const { code, stdout, stderr } = await pullwhy(args);
        assert.deepEqual([code, stdout], [2, '']);
        assert.match(stderr, says);
      });
    }
  });
});
