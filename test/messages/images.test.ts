import assert from 'node:assert/strict';
import { explainMessage } from '../../src/messages/explain.ts';

/** Texts and the image that they name, as they name it; null where they name none. */
const cases: readonly (readonly [string, string | null])[] = [
  [
    'Error pulling image (latest) from docker.io/library/python, Untar re-exec error: exit status 1: output: unexpected EOF',
    'docker.io/library/python:latest',
  ],
  [
    'GET https://gcr.io/v2/token?scope=repository%3Ateam%2Fbuilder%3Apull&service=gcr.io: DENIED: Permission denied',
    'gcr.io/team/builder',
  ],
  [
    'failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://auth.docker.io/token?scope=repository%3Alibrary%2Fnginx%3Apull&service=registry.docker.io: 401 Unauthorized',
    'docker.io/library/nginx',
  ],
  // The realm of another host, and a service that is no host: whose repository it is, is not said.
  [
    'failed to fetch oauth token: unexpected status from POST request to https://login.example/jwt/auth?scope=repository%3Ateam%2Fapp%3Apull&service=container_registry: 403 Forbidden',
    null,
  ],
  [
    'failed to copy: httpReadSeeker: failed open: failed to do request: Get "https://reg.example:5000/v2/team/app/blobs/sha256:62efe2b176c92f37277da6309751ea5c05404dae5248eb1ae91c01e5a9bffb71": dial tcp 192.0.2.1:5000: i/o timeout',
    'reg.example:5000/team/app',
  ],
  [
    "Unable to find image 'team/app:9' locally docker: Error response from daemon: Get https://registry-1.docker.io/v2/: dial tcp: lookup registry-1.docker.io on 192.0.2.2:53: no such host",
    'team/app:9',
  ],
  [
    'ERROR: failed to solve: failed to resolve source metadata for docker.io/library/node:99: docker.io/library/node:99: not found',
    'docker.io/library/node:99',
  ],
  [
    'failed to load metadata for docker.io/library/node:99: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
    'docker.io/library/node:99',
  ],
  [
    'FATA[0001] pulling image "team/app:9": rpc error: code = Unknown desc = unauthorized: authentication required',
    'team/app:9',
  ],
  ['Pulling image reg.example/team/app:9 failed: unauthorized: authentication required', 'reg.example/team/app:9'],
  ['failed to pull reg.example/team/app:9: unauthorized: authentication required', 'reg.example/team/app:9'],
  [
    '$ docker pull reg.example/team/app:9 Error response from daemon: Get "https://reg.example/v2/": x509: certificate signed by unknown authority',
    'reg.example/team/app:9',
  ],
  ['Error: image reg.example/team/app:9: not found', 'reg.example/team/app:9'],
  ["Back-off pulling image 'reg.example/team/app:9'", 'reg.example/team/app:9'],
  ['Get "https://reg.example/v2/": dial tcp 192.0.2.1:443: connect: connection refused', null],
];

describe('messages: the image', () => {
  for (const [text, image] of cases) {
    it(`${image ?? 'none'}: ${text.slice(0, 60)}`, () => assert.equal(explainMessage(text)?.image ?? null, image));
  }
});
