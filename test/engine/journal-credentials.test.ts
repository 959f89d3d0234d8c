import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { investigate } from '../../src/engine/investigate.ts';
import { systemEnv } from '../../src/lib/env.ts';
import type { Investigation } from '../../src/model/investigation.ts';
import { makeImage, startFakeRegistry } from '../kit/fake-registry.ts';
import { exportEntry, type JournalTools, journalTools, makeJournal } from '../kit/journal-maker.ts';
import { makeNode } from '../kit/node-folder.ts';

/** A real journal file of a kubelet beside a real registry on loopback. */
describe('investigate: what the kubelet wrote of credentials', function () {
  this.timeout(60_000);
  let tools: JournalTools | null = null;
  before(async function () {
    this.timeout(300_000);
    tools = await journalTools();
    if (tools === null) this.skip();
  });

  const repositories = { 'team/app': { '1': makeImage({ os: 'linux', architecture: 'amd64' }) } };
  const klog = (text: string) => `E1122 10:47:10.104452   12293 kubelet_pods.go:1083] ${text}`;
  const failed = (image: string) =>
    klog(
      `"Error syncing pod, skipping" err="failed to \\"StartContainer\\" for \\"app\\" with ErrImagePull: \\"failed to pull and unpack image \\\\\\"${image}\\\\\\": failed to resolve reference \\\\\\"${image}\\\\\\": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials\\"" pod="team/web-0" podUID="1"`,
    );
  const secret = klog(
    '"Unable to retrieve pull secret, the image pull may not succeed." pod="team/web-0" secret="" err="secret \\"regcred\\" not found"',
  );
  const plugin = (image: string) =>
    klog(
      `Failed getting credential from external registry credential provider: error execing credential provider plugin corp-provider for image ${image.replace(/:1$/, '')}: exit status 2: no role`,
    );

  /** Lines by the seconds before now at which they were written. */
  async function run(
    lines: (image: string) => readonly (readonly [number, string])[],
    wanted = true,
  ): Promise<Investigation> {
    const registry = await startFakeRegistry({ repositories, ...(wanted ? { basic: { app: 'right-pw-4711' } } : {}) });
    const image = `127.0.0.1:${registry.port}/team/app:1`;
    const node = await makeNode({ image, files: { 'var/log/journal/.keep': '' } });
    try {
      const now = Date.now() * 1000;
      const entries = lines(image).map(([ago, message], index) =>
        exportEntry({
          realtime: now - ago * 1_000_000,
          monotonic: 1_000_000 + index,
          bootId: '379b4f5ece2e4290b82bfd6f34ad8c69',
          fields: [
            ['MESSAGE', message],
            ['_SYSTEMD_UNIT', 'kubelet.service'],
          ],
        }),
      );
      const folder = join(node.plan.host.root, 'var/log/journal');
      await mkdir(folder, { recursive: true });
      assert.ok(tools !== null);
      await makeJournal(tools, join(folder, 'system.journal'), Buffer.concat(entries));
      return await investigate(node.plan, {
        env: systemEnv,
        node: 'worker-3',
        pull: false,
        deadlineMs: 10_000,
        pullDeadlineMs: 10_000,
        signal: new AbortController().signal,
      });
    } finally {
      await node.close();
      await registry.close();
    }
  }
  const causes = ({ verdict, findings }: Investigation) => [
    verdict,
    ...findings.map(({ cause, confidence }) => `${cause} ${confidence}`),
  ];

  it('names the missing secret first, and the missing credentials behind it', async () => {
    const document = await run((image) => [
      [61, secret],
      [60, failed(image)],
    ]);
    assert.deepEqual(causes(document), ['faulty', 'pull-secret-missing proven', 'credentials-missing proven']);
    assert.match(document.summary, /regcred, by the kubelet's words of pod team\/web-0: secret "regcred" not found/);
    const journal = document.probes.find(({ kind }) => kind === 'journal')?.id ?? '';
    assert.ok(document.findings[0]?.evidence.includes(journal));
  });

  it('takes the kubelet’s word for nothing where the image needs no credentials: it is often harmless', async () => {
    const document = await run(
      (image) => [
        [61, secret],
        [60, failed(image)],
      ],
      false,
    );
    assert.deepEqual(causes(document), ['healthy']);
  });

  it('says nothing of a secret of a pod that pulls another image', async () => {
    const document = await run((image) => [
      [61, secret.replace('web-0', 'web-1')],
      [60, failed(image)],
    ]);
    assert.deepEqual(causes(document), ['faulty', 'credentials-missing proven']);
  });

  it('says nothing of a secret that is there by now: the last tries do not miss it any more', async () => {
    const document = await run((image) => [
      [800, secret],
      [799, failed(image)],
      [60, failed(image)],
    ]);
    assert.deepEqual(causes(document), ['faulty', 'credentials-missing proven']);
  });

  it('names the plugin that failed for this image', async () => {
    const document = await run((image) => [
      [61, plugin(image)],
      [60, failed(image)],
    ]);
    assert.deepEqual(causes(document), ['faulty', 'credential-provider-failed proven', 'credentials-missing proven']);
    assert.match(document.summary, /corp-provider, by the kubelet's own words at .*: exit status 2: no role/);
  });
});
