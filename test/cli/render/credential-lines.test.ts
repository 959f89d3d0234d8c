import assert from 'node:assert/strict';
import { credentialLines } from '../../../src/cli/render/credential-lines.ts';
import { renderMarkdown } from '../../../src/cli/render/markdown.ts';
import { plainStyle } from '../../../src/cli/render/style.ts';
import { renderText } from '../../../src/cli/render/text.ts';
import type { CredentialTry } from '../../../src/model/credential-try.ts';
import type { PodInfo } from '../../../src/model/pod-info.ts';
import { investigationOf } from '../../kit/agent.ts';

const tried = (source: string | null, more: Partial<CredentialTry> = {}): CredentialTry => ({
  endpoint: 0,
  source,
  key: source === null ? null : 'reg.test',
  username: source === null ? null : 'robot',
  ofPod: true,
  outcome: 'refused',
  status: 401,
  words: '401: unauthorized',
  evidence: [],
  ...more,
});
const secret = (name: string, more: Partial<PodInfo['secrets'][number]> = {}): PodInfo['secrets'][number] => ({
  name,
  from: 'pod',
  state: 'usable',
  why: null,
  keys: ['reg.test'],
  ...more,
});
const pod = (...secrets: PodInfo['secrets']): PodInfo => ({
  namespace: 'shop',
  name: 'web-0',
  serviceAccount: 'default',
  secrets,
  reader: null,
});
const document = investigationOf('reg.test/app:1', {
  pod: pod(
    secret('gone', { state: 'missing', why: 'does not exist in the namespace shop' }),
    secret('other', { keys: ['other.test'] }),
    secret('stale'),
    secret('good'),
  ),
  credentialTries: [
    tried('Secret shop/stale'),
    tried('Secret shop/good', { outcome: 'accepted', status: 200, words: '200: the manifest is given' }),
    tried(null, { outcome: 'not-tried', status: null, words: 'not tried: credentials are accepted' }),
  ],
});

describe('render: credentials', () => {
  it('are told one by one, the pod’s useless secrets first', () => {
    assert.deepEqual(
      credentialLines(document).map(({ state, who, words }) => `${state} ${who}: ${words}`),
      [
        'bad Secret shop/gone: does not exist in the namespace shop',
        'unknown Secret shop/other: has entries for other.test only',
        'bad Secret shop/stale as "robot", for reg.test: 401: unauthorized',
        'good Secret shop/good as "robot", for reg.test: 200: the manifest is given',
        'unknown without any: not tried: credentials are accepted',
      ],
    );
  });

  it('are left out where one file’s entry is all that there is', () => {
    const plain = investigationOf('reg.test/app:1', { credentialTries: [tried('--auth-file'), tried(null)] });
    assert.deepEqual(credentialLines(plain), []);
  });

  it('stand in the text and in the ticket', () => {
    const text = renderText(document, plainStyle);
    assert.match(text, /^credentials, in the kubelet's order\n {2}✗ Secret shop\/gone: does not exist/m);
    assert.ok(text.split('\n').every((line) => line.length <= plainStyle.width));
    assert.match(
      renderMarkdown(document),
      /\| ✗ \| Secret shop\/stale as "robot", for reg\.test \| 401: unauthorized \|/,
    );
  });
});
