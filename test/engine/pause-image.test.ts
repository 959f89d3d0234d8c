import { strict as assert } from 'node:assert';
import { investigate } from '../../src/engine/investigate.ts';
import { systemEnv } from '../../src/lib/env.ts';
import type { Investigation } from '../../src/model/investigation.ts';
import { makeNode, type NodeOptions } from '../kit/node-folder.ts';
import { closedPort } from '../kit/tcp-server.ts';
import { image, useServers } from '../probes/servers.ts';

/** A runtime that tells which pause image it is set to, as containerd 1.x and CRI-O do. */
const tells = (sandboxImage: string) => ({
  Status: () => ({
    answer: {
      status: { conditions: [{ type: 'RuntimeReady', status: true }] },
      info: { config: JSON.stringify({ sandboxImage }) },
    },
  }),
  ImageStatus: () => ({ answer: {} }),
});

describe('engine: a pause image that is not on the node', () => {
  const servers = useServers();

  const judge = async (options: NodeOptions): Promise<Investigation> => {
    const node = await makeNode(options);
    try {
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
    }
  };
  const pause = (document: Investigation) => {
    for (const probe of document.probes) if (probe.kind === 'sandbox' && probe.status !== 'skipped') return probe.facts;
    return undefined;
  };

  it('is probed in the same run, and named where nothing answers for it', async () => {
    const registry = await servers.registry();
    const wanted = `127.0.0.1:${await closedPort()}/pause:3.9`;
    const cri = await servers.cri(tells(wanted));
    const document = await judge({ image: `127.0.0.1:${registry.port}/team/app:1.0`, runtimeEndpoint: cri.endpoint });
    const { verdict, cause, underlying, confidence } = document;
    assert.deepEqual(
      { verdict, cause, underlying, confidence },
      { verdict: 'faulty', cause: 'sandbox-image-unavailable', underlying: 'tcp-refused', confidence: 'proven' },
    );
    assert.deepEqual([pause(document)?.image, pause(document)?.source], [wanted, 'the runtime']);
    // What was probed of it is in its own probe, not among those of the image asked for.
    assert.equal(document.endpoints.length, 1);
    assert.ok(document.probes.every(({ target, kind }) => kind === 'sandbox' || !target.includes('pause')));
    assert.equal(cri.calls.filter(({ method }) => method === 'PullImage').length, 0);
  });

  it('is nothing to tell of where it could be pulled', async () => {
    const registry = await servers.registry({
      repositories: { 'team/app': { '1.0': image }, pause: { '3.9': image } },
    });
    const host = `127.0.0.1:${registry.port}`;
    const cri = await servers.cri(tells(`${host}/pause:3.9`));
    const document = await judge({ image: `${host}/team/app:1.0`, runtimeEndpoint: cri.endpoint });
    assert.deepEqual([document.verdict, pause(document)?.pull?.verdict], ['healthy', 'healthy']);
  });

  it("is asked for without the pod's credentials, as the runtime does", async () => {
    const user = { username: 'app', password: 'pw' };
    const registry = await servers.registry({
      repositories: { 'team/app': { '1.0': image }, pause: { '3.9': image } },
      basic: { app: 'pw' },
    });
    const host = `127.0.0.1:${registry.port}`;
    const cri = await servers.cri(tells(`${host}/pause:3.9`));
    const credentials = { [host]: user };
    const document = await judge({ image: `${host}/team/app:1.0`, runtimeEndpoint: cri.endpoint, credentials });
    assert.deepEqual([document.cause, document.underlying], ['sandbox-image-unavailable', 'credentials-missing']);
    assert.equal(document.endpoints[0]?.verdict, 'healthy');
  });

  it('is not looked for where only a default is known, of a process that is not', async () => {
    const registry = await servers.registry();
    const cri = await servers.cri({ ImageStatus: () => ({ answer: {} }) });
    const document = await judge({ image: `127.0.0.1:${registry.port}/team/app:1.0`, runtimeEndpoint: cri.endpoint });
    assert.equal(document.verdict, 'healthy');
    const probe = document.probes.find(({ kind }) => kind === 'sandbox');
    assert.equal(probe?.status, 'skipped');
  });

  it('carries what keeps it away, when it is the image asked for', async () => {
    const registry = await servers.registry();
    const wanted = `127.0.0.1:${registry.port}/team/app:9.9`;
    const cri = await servers.cri(tells(wanted));
    const document = await judge({ image: wanted, runtimeEndpoint: cri.endpoint });
    assert.deepEqual([document.cause, document.underlying], ['sandbox-image-unavailable', 'tag-not-found']);
    assert.equal(pause(document)?.pull, null);
  });
});
