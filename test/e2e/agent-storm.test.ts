import assert from 'node:assert/strict';
import { type AgentNode, makeAgentNode } from '../kit/agent-node.ts';
import { mib } from '../kit/agent-process.ts';
import { runStorm } from '../kit/agent-storm.ts';

/** A tenth of the images of the benchmark's storm, and a fifth of its pods: what a test has time for. */
const size = { images: 50, podsPerImage: 20, afterMs: 3000 };

describe('e2e: pullwhy agent, in a storm', function () {
  this.timeout(120_000);
  let node: AgentNode;
  before(async function () {
    node = await makeAgentNode({ registries: 5, images: 20, journald: [] });
    if (node.journald === null) this.skip();
  });
  after(() => node.close());

  it('finds every cause, asks each registry some times for each image, and stays small', async () => {
    const told = await runStorm(node, size);
    process.stdout.write(
      `      ${told.rows} pods of ${told.images} images: told in ${(told.concludedMs / 1000).toFixed(1)} s, ${told.requests} requests, ${mib(told.peakRss)} MiB at most\n`,
    );
    assert.equal(told.images, size.images);
    assert.equal(told.rows, size.images * size.podsPerImage);
    // HEAD and GET of the manifest, the version check, the tags, the catalogue, and looks at it again until all are told.
    const looks = told.concludedMs / 2500;
    assert.ok(told.requests <= size.images * (8 + 2 * looks), `${told.requests} requests`);
    // Looks at 50 images of 5 registries, every 2.5 s at first: two requests each.
    assert.ok(told.requestsPerSecond <= 10, `${told.requestsPerSecond} requests a second at one registry`);
    assert.ok(mib(told.peakRss) <= 200, `${mib(told.peakRss)} MiB`);
    assert.ok(told.pods.medianMs <= 2000, `GET /v1/pods takes ${told.pods.medianMs} ms`);
  });
});
