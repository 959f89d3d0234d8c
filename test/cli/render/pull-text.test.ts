import { strict as assert } from 'node:assert';
import { renderPullMarkdown, renderPullText } from '../../../src/cli/render/pull-text.ts';
import { plainStyle } from '../../../src/cli/render/style.ts';
import { pullDocumentOf } from '../../kit/documents.ts';
import { Scene } from '../../kit/view.ts';

const scene = new Scene();
const error = 'failed to pull and unpack image "registry.test/team/app:1.0": not found';
const failed = pullDocumentOf(scene, {
  pull: { attempted: true, ok: false, durationMs: 1200, error, cause: 'tag-not-found' },
  imageRef: null,
  summary: 'The tag does not exist.',
  remedies: [{ text: 'Push it:', command: 'docker push registry.test/team/app:1.0' }],
});

describe('cli/render/pull-text', () => {
  it('says that it was pulled, by whom and in which time', () => {
    const text = renderPullText(pullDocumentOf(scene), plainStyle);
    assert.equal(
      text.split('\n')[0],
      '✓ registry.test/team/app:1.0 was pulled on worker-3 by containerd 2.1.9 in 0.9 s',
    );
    assert.ok(text.includes(`sha256:${'c'.repeat(64)}`));
  });

  it("says why it was not, what to do, and the runtime's own words", () => {
    const text = renderPullText(failed, plainStyle);
    assert.match(
      text,
      /^✗ registry\.test\/team\/app:1\.0 was not pulled on worker-3 by containerd 2\.1\.9\n {2}The tag does not exist\.\n {2}cause: tag-not-found\n {2}→ Push it:\n {6}docker push registry\.test\/team\/app:1\.0\n\ncontainerd says after 1\.2 s:\n {2}failed to pull/,
    );
    assert.match(renderPullMarkdown(failed), /```sh\n {2}docker push[^`]+```[\s\S]*```\nfailed to pull and unpack/);
  });

  it('tells a pull that was not tried from one that failed', () => {
    const none = pullDocumentOf(scene, {
      pull: { attempted: false, ok: null, durationMs: null, error: 'No runtime.', cause: 'runtime-unreachable' },
      imageRef: null,
      summary: 'No runtime.',
    });
    assert.match(renderPullText(none, plainStyle), /^\? .* was not pulled on worker-3: no pull was tried\n/);
  });
});
