import { strict as assert } from 'node:assert';
import { renderPlanText } from '../../../src/cli/render/plan-text.ts';
import { plainStyle } from '../../../src/cli/render/style.ts';
import { planDocumentOf } from '../../kit/documents.ts';
import { Scene } from '../../kit/view.ts';

const scene = new Scene({
  image: 'nginx',
  endpoints: [
    {
      url: 'https://mirror.test:5000/v2/hub',
      role: 'mirror',
      source: 'etc/containerd/certs.d/docker.io/hosts.toml:3',
      capabilities: ['pull', 'resolve'],
      ca: ['/etc/containerd/ca.crt'],
      proxyReason: 'NO_PROXY entry .test',
      dialTimeoutMs: 3000,
      headers: ['x-custom-1'],
    },
    {
      url: 'https://registry-1.docker.io/v2',
      source: 'default',
      proxy: 'http://proxy.test:3128',
      proxyReason: 'https_proxy',
    },
  ],
  nameservers: ['192.0.2.53', '192.0.2.54'],
  knownProxies: [{ url: 'http://other.test:8080', source: 'etc/environment:1' }],
  credentialHosts: [{ source: '/tmp/auth.json', hosts: ['quay.test'] }],
});

describe('cli/render/plan-text', () => {
  const document = planDocumentOf(scene, {
    problems: [
      {
        severity: 'warning',
        cause: 'runtime-misconfigured',
        source: 'etc/containerd/config.toml:7',
        message: 'An unknown key.',
      },
    ],
  });
  const text = renderPlanText(document, plainStyle);

  it('names the image in full first, and what was asked for', () => {
    assert.match(text, /^docker\.io\/library\/nginx:latest\n {2}asked for {6}nginx\n/);
  });

  it('lists the endpoints in order, each with what is set and who set it', () => {
    const [, first = '', second = ''] = text.split(/^(?=\d\. )/m);
    assert.match(
      first,
      /^1\. mirror https:\/\/mirror\.test:5000\/v2\/hub\n {2}set by +etc\/containerd\/certs\.d\/docker\.io\/hosts\.toml:3\n/,
    );
    assert.match(first, /^ {2}serves +pull and resolve$/m);
    assert.match(first, /^ {2}TLS +verified; also with \/etc\/containerd\/ca\.crt$/m);
    assert.match(first, /^ {2}proxy +none \(NO_PROXY entry \.test\)$/m);
    assert.match(first, /^ {2}headers +x-custom-1$/m);
    assert.match(first, /^ {2}dial timeout +3 s$/m);
    assert.match(second, /^2\. upstream https:\/\/registry-1\.docker\.io\/v2\n {2}set by +the runtime's default\n/);
    assert.match(second, /^ {2}proxy +http:\/\/proxy\.test:3128 \(https_proxy\)$/m);
  });

  it('tells nameservers, credentials, other proxies and problems with their places', () => {
    assert.match(text, /^ {2}nameservers +192\.0\.2\.53 \(etc\/resolv\.conf:1\), then 192\.0\.2\.54\s+\(/m);
    assert.match(text, /^ {2}credentials +none for this image; \/tmp\/auth\.json has entries for quay\.test$/m);
    assert.match(
      text,
      /^ {2}other proxies +set elsewhere on this node: http:\/\/other\.test:8080\s+\(etc\/environment:1\)$/m,
    );
    assert.match(text, /^! warning: etc\/containerd\/config\.toml:7: An unknown key\.$/m);
  });

  it('keeps within 80 columns', () => {
    for (const line of text.split('\n')) assert.ok(line.length <= 80, line);
  });

  it('says first what stops the pull', () => {
    const stopped = renderPlanText(
      planDocumentOf(scene, { cause: 'runtime-misconfigured', summary: 'etc/x:1: It is wrong.' }),
      plainStyle,
    );
    assert.match(
      stopped,
      /^✗ nginx cannot be pulled as this node is set up\n {2}etc\/x:1: It is wrong\.\n {2}cause: runtime-misconfigured\n/,
    );
  });
});
