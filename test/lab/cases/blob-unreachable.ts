import { readFile, rm, writeFile } from 'node:fs/promises';
import type { LabCase } from '../case.ts';
import { blobFile } from '../images.ts';
import { behind, serving, tls } from './fronts.ts';

const cdnAddress = '10.77.0.40:443';

const toCdn = `location / { ${behind} } location ~ /blobs/ { return 307 https://cdn.lab$request_uri; }`;

export const cases: readonly LabCase[] = [
  {
    name: 'the manifest comes, the host of the layers refuses',
    verdict: 'faulty',
    cause: 'blob-unreachable',
    confidence: 'proven',
    underlying: 'tcp-refused',
    nearMissOf: ['tcp-refused'],
    pull: 'fails',
    runtimeSays: /cdn\.lab.*connection refused/,
    async prepare(lab) {
      await lab.push('blob/refused', '1.0');
      await serving(lab, 'to-cdn', toCdn);
      return { image: 'faulty.lab/blob/refused:1.0' };
    },
  },
  {
    name: 'the host of the layers has an expired certificate',
    verdict: 'faulty',
    cause: 'blob-unreachable',
    confidence: 'proven',
    underlying: 'tls-certificate-expired',
    nearMissOf: ['tls-certificate-expired'],
    pull: 'fails',
    runtimeSays: /cdn\.lab.*certificate has expired/,
    async prepare(lab) {
      await lab.push('blob/expired', '1.0');
      await serving(lab, 'to-cdn', toCdn);
      const validity = { from: new Date(Date.now() - 4e9), to: new Date(Date.now() - 2e8) };
      const pair = await lab.authority.issue('cdn-expired', ['cdn.lab'], validity);
      await lab.front('cdn', cdnAddress, `server { ${tls(pair, cdnAddress)} location / { ${behind} } }`, 'cdn');
      return { image: 'faulty.lab/blob/expired:1.0' };
    },
  },
  {
    name: 'the registry has the manifest and not the layer',
    verdict: 'faulty',
    cause: 'blob-unreachable',
    nearMissOf: ['tag-not-found', 'repository-not-found'],
    pull: 'fails',
    runtimeSays: /not found/,
    async prepare(lab) {
      const pushed = await lab.push('blob/gone', '1.0');
      for (const { layer } of pushed.manifests) await rm(blobFile(lab.storage, layer));
      return { image: 'registry.lab/blob/gone:1.0' };
    },
  },
  {
    name: 'the layers come from another host, which works',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['blob-unreachable'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('blob/redirected', '1.0');
      await serving(lab, 'to-cdn', toCdn);
      await lab.front('cdn', cdnAddress, `server { ${tls(lab.pair, cdnAddress)} location / { ${behind} } }`, 'cdn');
      return { image: 'faulty.lab/blob/redirected:1.0' };
    },
  },
  {
    name: 'the host of the layers gives other bytes',
    verdict: 'faulty',
    cause: 'digest-mismatch',
    nearMissOf: ['blob-unreachable'],
    pull: 'fails',
    runtimeSays: /unexpected commit (digest|size)|failed size validation/,
    async prepare(lab) {
      const pushed = await lab.push('blob/other', '1.0');
      for (const { layer } of pushed.manifests) {
        const file = blobFile(lab.storage, layer);
        await writeFile(
          file,
          (await readFile(file)).map((byte, at) => (at > 20 && at < 30 ? byte ^ 1 : byte)),
        );
      }
      return { image: 'registry.lab/blob/other:1.0' };
    },
  },
  {
    name: 'the proxy refuses the host of the layers, which the node reaches directly',
    verdict: 'faulty',
    cause: 'blob-unreachable',
    underlying: 'proxy-bypass-missing',
    nearMissOf: ['proxy-bypass-missing', 'proxy-denied'],
    pull: 'fails',
    runtimeSays: /cdn\.lab.*Forbidden/,
    async prepare(lab) {
      await lab.push('blob/proxied', '1.0');
      await serving(lab, 'to-cdn', toCdn);
      await lab.front('cdn', cdnAddress, `server { ${tls(lab.pair, cdnAddress)} location / { ${behind} } }`, 'cdn');
      await lab.proxy({ name: 'strict', port: 3128, rules: ['acl cdn dstdomain cdn.lab', 'http_access deny cdn'] });
      await lab.runtime({ HTTPS_PROXY: 'http://proxy.lab:3128' });
      return { image: 'faulty.lab/blob/proxied:1.0' };
    },
  },
];
