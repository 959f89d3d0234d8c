import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

const executable = fileURLToPath(new URL('../../bin/pullwhy.js', import.meta.url));

/** How a demo ended. */
interface Shown {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe('e2e: pullwhy demo', function () {
  this.timeout(200_000);
  let folder = '';

  beforeEach(async () => {
    folder = await mkdtemp(`${tmpdir()}/pullwhy-`);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** Runs it with a temporary folder of its own; `onText` may interrupt it. */
  function show(args: readonly string[], onText: (text: string, interrupt: () => void) => void = () => undefined) {
    return new Promise<Shown>((resolve, reject) => {
      const child = spawn(process.execPath, [executable, 'demo', ...args], {
        env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', TMPDIR: folder },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: 180_000,
        killSignal: 'SIGKILL',
      });
      let [stdout, stderr] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        stdout += chunk;
        onText(stdout, () => child.kill('SIGINT'));
      });
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
        stderr += chunk;
      });
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, stdout, stderr }));
    });
  }

  async function leavesNothing(): Promise<void> {
    assert.deepEqual(await readdir(folder), []);
    const lines = await Promise.all(
      (await readdir('/proc'))
        .filter((name) => /^\d+$/.test(name))
        .map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
    );
    assert.deepEqual(
      lines.filter((line) => line.includes(folder)),
      [],
    );
  }

  it('breaks eight things, has each told right, and leaves nothing', async () => {
    const { code, stdout, stderr } = await show(['--once']);
    assert.equal(code, 0, `${stdout}\n${stderr}`);
    assert.equal(stderr, '');
    assert.equal(stdout.match(/^\d\/8 {2}/gm)?.length, 8, stdout);
    assert.equal(stdout.match(/Closed, [\d.]+ s after that\./g)?.length, 8, stdout);
    const flat = stdout.replace(/\s+/g, ' ');
    assert.match(flat, /24 simulated nodes, sim-00 to sim-23: they are made up/);
    assert.match(flat, /3 real ones, real-1, real-2, real-3: pullwhy agent processes/);
    assert.match(flat, /pullwhy fleet incidents --collector http:\/\/127\.0\.0\.1:\d+ /);
    assert.match(flat, /dns-timeout at registry\.corp\.example: 6 of 24 nodes 6 of 6 failing nodes use nameserver/);
    assert.match(flat, /8 of 8 failing nodes are in zone eu-1c, none of the 16 healthy ones is\./);
    assert.match(flat, /use egress address 198\.51\.100\.7, none of/);
    assert.match(flat, /registry-error at registry\.corp\.example: cluster-wide, all 24 nodes/);
    assert.match(
      flat,
      /tcp-refused at registry\.demo\.test:(\d+): cluster-wide, all 3 nodes .*registry\.demo\.test:\1 </,
    );
    assert.match(flat, /dns-refused at registry\.demo\.test:\d+: node real-2/);
    assert.match(flat, /All 8 were told right/);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80 || /^ {9}\S/.test(line), line);
    await leavesNothing();
  });

  it('ends at an interrupt with all that it started', async () => {
    let sent = false;
    const { code, stdout, stderr } = await show([], (text, interrupt) => {
      if (sent || !text.includes('the collector says')) return;
      sent = true;
      interrupt();
    });
    assert.equal(code, 0, `${stdout}\n${stderr}`);
    assert.match(stdout, /Ctrl-C ends everything and leaves nothing\./);
    assert.match(stdout, /1\/8 {2}A nameserver falls silent/);
    await leavesNothing();
  });

  it('says what cannot be', async () => {
    const open = await show(['--listen', '0.0.0.0:0']);
    assert.equal(open.code, 2);
    assert.match(open.stderr, /--listen: 0\.0\.0\.0:0 is no loopback address/);
    assert.equal((await show(['--nodes', '0'])).code, 2);
    await leavesNothing();
  });
});
