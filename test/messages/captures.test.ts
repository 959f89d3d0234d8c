import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { isRecord } from '../../src/lib/json.ts';
import { explainMessage } from '../../src/messages/explain.ts';
import type { CauseId } from '../../src/model/cause-id.ts';
import { disturbances, captures as folder, haveCaptures, isDisturbance, scenarios } from '../kit/captures.ts';

const runs = ['containerd-1.7.24-api', 'cri-o-1.36.3-api'];

/** Says only that it failed, or that it waits. */
const bareReason = /^Error: \w+$/;

function eventsOf(path: string): { reason: string; message: string }[] {
  const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
  assert.ok(isRecord(value) && Array.isArray(value.events));
  return value.events.filter(isRecord).map((event) => ({
    reason: String(event.reason),
    message: String(event.message ?? event.note),
  }));
}

/** These pods share one image, so that a line which names no pod is in the log of each. */
const sharedImage: readonly CauseId[] = ['credentials-missing', 'credentials-rejected'];

function check(scenario: string, text: string): void {
  const explanation = explainMessage(text);
  assert.ok(explanation !== null, `not explained: ${text}`);
  const ofPod = text.includes(scenario) || !/^auth-(?:basic|secret)/.test(scenario) || !/^E\d/.test(text);
  const allowed = isDisturbance(text) ? disturbances : ofPod ? (scenarios[scenario] ?? []) : sharedImage;
  assert.ok(allowed.includes(explanation.cause), `${explanation.cause} by ${explanation.rule}: ${text}`);
}

describe('messages: captures of real components', () => {
  before(function () {
    if (!haveCaptures()) this.skip();
  });

  it('explains every event as its scenario is called', () => {
    let checked = 0;
    for (const run of runs) {
      for (const name of readdirSync(join(folder, run, 'api'))) {
        const scenario = basename(name, '.json');
        for (const { reason, message } of eventsOf(join(folder, run, 'api', name))) {
          if (reason === 'BackOff') assert.equal(explainMessage(message)?.cause, 'back-off-only');
          else if (reason === 'FailedToRetrieveImagePullSecret')
            assert.equal(explainMessage(message)?.cause, 'pull-secret-missing');
          else if (bareReason.test(message)) assert.ok(explainMessage(message) !== null);
          else if (['Failed', 'InspectFailed', 'ErrImageNeverPull'].includes(reason)) {
            check(scenario, message);
            checked++;
          } else assert.equal(explainMessage(message), null, message);
        }
      }
    }
    assert.ok(checked > 50);
  });

  it("explains every line of the kubelet's journal as its scenario is called, and leaves the others", () => {
    let checked = 0;
    for (const run of runs) {
      for (const name of readdirSync(join(folder, run, 'scenarios'))) {
        const scenario = basename(name, '.log');
        for (const line of readFileSync(join(folder, run, 'scenarios', name), 'utf8').split('\n')) {
          if (
            /ErrImagePull|ImagePullBackOff|PullImage from|Failed to pull image|ErrImageNeverPull|InvalidImageName|SignatureValidationFailed|RegistryUnavailable/.test(
              line,
            )
          ) {
            check(scenario, line);
            checked++;
          } else if (/pull secret/.test(line)) assert.equal(explainMessage(line)?.cause, 'pull-secret-missing');
          else assert.equal(explainMessage(line), null, line);
        }
      }
    }
    assert.ok(checked > 400);
  });

  it('names the image and the host in the journal', () => {
    for (const run of runs) {
      const text = readFileSync(join(folder, run, 'scenarios', 'refused-port.log'), 'utf8');
      const line = text.split('\n').find((candidate) => candidate.includes('PullImage from image service failed'));
      const explanation = explainMessage(line ?? '');
      assert.equal(explanation?.image, 'refused.lab.example:15999/team/web:1.0');
      assert.equal(explanation?.registry, 'refused.lab.example:15999');
      assert.equal(explanation?.details.address, '127.0.0.1:15999');
    }
  });

  it('leaves the ordinary lines of the kubelet and of containerd', () => {
    const about =
      /pull image|PullImage.* failed|PullImage from|ErrImage|ImagePullBackOff|InvalidImageName|pull secret|trying next host|fetch failed|cancel pulling|unknown type: text\/html|unexpected media type/i;
    let ordinary = 0;
    for (const run of ['containerd-1.7.24-api', 'containerd-2.1.9-serial-stall']) {
      for (const name of ['kubelet.log.gz', 'containerd.log.gz']) {
        const lines = gunzipSync(readFileSync(join(folder, run, name)))
          .toString('utf8')
          .split('\n');
        for (const line of lines.filter((candidate) => !about.test(candidate))) {
          assert.equal(explainMessage(line), null, line);
          ordinary++;
        }
      }
    }
    assert.ok(ordinary > 4000);
  });

  it("explains containerd's own error lines", () => {
    const lines = gunzipSync(readFileSync(join(folder, 'containerd-1.7.24-api', 'containerd.log.gz')))
      .toString('utf8')
      .split('\n');
    const failed = lines.filter((line) => /level=error msg="PullImage /.test(line));
    assert.ok(failed.length > 100);
    for (const line of failed) {
      const explanation = explainMessage(line);
      assert.ok(explanation !== null && explanation.cause !== 'unknown', line);
      assert.ok(explanation.image !== null, line);
    }
  });

  it("explains crictl's standard error as its scenario is called", () => {
    for (const name of readdirSync(join(folder, 'crictl'))) {
      let scenario = '';
      for (const line of readFileSync(join(folder, 'crictl', name), 'utf8').split('\n')) {
        const header = /^### (\S+)/.exec(line);
        if (header !== null) scenario = header[1] ?? '';
        else if (/^E\d|^time=/.test(line)) {
          // crictl pulls whatever the pod's policy says; containerd 1.6 sends no credentials and says only 401.
          if (scenario === 'never-absent') assert.equal(explainMessage(line)?.cause, 'tag-not-found');
          else check(scenario, line);
        }
      }
    }
  });
});
