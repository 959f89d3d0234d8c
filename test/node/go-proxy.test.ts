import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import fc from 'fast-check';
import {
  noProxyProblems,
  noProxySettings,
  type ProxySettings,
  type ProxyTarget,
  parseProxyValue,
  proxyForUrl,
  proxySettings,
} from '../../src/node/go-proxy.ts';
import { deadEntries, parseNoProxy } from '../../src/node/no-proxy.ts';

function target(url: string): ProxyTarget {
  const { protocol, hostname, port } = new URL(url);
  return {
    scheme: protocol === 'https:' ? 'https' : 'http',
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? null : Number(port),
  };
}

function decide(variables: Record<string, string>, url: string) {
  return proxyForUrl(proxySettings(variables, 'here:1'), target(url));
}

function httpsProxy(value: string) {
  return decide({ HTTPS_PROXY: value }, 'https://registry.corp/');
}

describe('proxyForUrl', () => {
  it('reads HTTPS_PROXY for https only and HTTP_PROXY for http only', () => {
    const both = { HTTP_PROXY: 'plain:1', HTTPS_PROXY: 'secure:2' };
    assert.equal(decide(both, 'https://registry.corp/').proxy?.url, 'http://secure:2');
    assert.equal(decide(both, 'http://registry.corp/').proxy?.url, 'http://plain:1');
    const only = decide({ HTTP_PROXY: 'plain:1' }, 'https://registry.corp/');
    assert.equal(only.proxy, null);
    assert.equal(only.reason, 'no proxy is set for https URLs (only HTTP_PROXY)');
    assert.equal(decide({ ALL_PROXY: 'other:1' }, 'https://registry.corp/').reason, 'no proxy is set');
    assert.equal(proxyForUrl(noProxySettings, target('https://registry.corp')).proxy, null);
  });

  it('prefers the upper-case variable, unless it is empty', () => {
    assert.equal(
      decide({ HTTPS_PROXY: 'upper:1', https_proxy: 'lower:2' }, 'https://a.b/').proxy?.url,
      'http://upper:1',
    );
    const lower = decide({ HTTPS_PROXY: '', https_proxy: 'lower:2' }, 'https://a.b/');
    assert.equal(lower.proxy?.url, 'http://lower:2');
    assert.equal(lower.reason, 'https_proxy from here:1');
  });

  // Each of these was run through net/http's ProxyFromEnvironment of Go 1.26.
  const addresses: readonly [value: string, url: string, host: string, port: number][] = [
    ['http://proxy:3128', 'http://proxy:3128', 'proxy', 3128],
    ['proxy:3128', 'http://proxy:3128', 'proxy', 3128],
    ['proxy.corp', 'http://proxy.corp', 'proxy.corp', 80],
    ['10.0.0.1:3128', 'http://10.0.0.1:3128', '10.0.0.1', 3128],
    ['https://proxy.corp', 'https://proxy.corp', 'proxy.corp', 443],
    ['HTTP://proxy:3128/path?x#y', 'http://proxy:3128', 'proxy', 3128],
    ['socks5://proxy', 'socks5://proxy', 'proxy', 1080],
    ['socks5h://proxy:1', 'socks5h://proxy:1', 'proxy', 1],
    ['http://[2001:db8::1]:3128', 'http://[2001:db8::1]:3128', '2001:db8::1', 3128],
    ['[2001:db8::1]:3128', 'http://[2001:db8::1]:3128', '2001:db8::1', 3128],
    ['http://proxy:', 'http://proxy', 'proxy', 80],
    ['http://bücher.example:1', 'http://xn--bcher-kva.example:1', 'xn--bcher-kva.example', 1],
  ];
  for (const [value, url, host, port] of addresses) {
    it(`takes ${value} for ${url}`, () => {
      const { proxy, problem } = httpsProxy(value);
      assert.equal(problem, null);
      assert.deepEqual([proxy?.url, proxy?.host, proxy?.port], [url, host, port]);
      assert.equal(proxy?.authorization, null);
    });
  }

  it('keeps userinfo out of everything that is shown, and decodes it for the header', () => {
    for (const value of ['http://app:p%40ss@proxy:3128', 'app:p%40ss@proxy:3128', 'http://app:p@ss@proxy:3128']) {
      const decision = httpsProxy(value);
      assert.equal(decision.proxy?.url, 'http://proxy:3128');
      assert.equal(decision.proxy?.username, 'app');
      const header = decision.proxy?.authorization?.reveal() ?? '';
      assert.equal(Buffer.from(header.replace('Basic ', ''), 'base64').toString(), 'app:p@ss');
      assert.doesNotMatch(inspect(decision, { depth: 9 }) + JSON.stringify(decision), /p@ss|p%40ss|YXBw/);
    }
    assert.equal(httpsProxy('http://app@proxy:1').proxy?.authorization?.reveal(), `Basic ${btoa('app:')}`);
  });

  // The second column is the name that Go would look up; null: Go ignores the value and goes direct.
  const broken: readonly [value: string, host: string | null, says: RegExp][] = [
    ['http://proxy:port', 'http', /proxy named http/],
    ['ht!tp://bad', 'ht!tp', /proxy named ht!tp/],
    ['"http://proxy:3128"', '"http', /quotes/],
    ["'http://proxy:3128'", "'http", /quotes/],
    ['“http://proxy:3128”', '“http', /typographic quotes/],
    ['http://proxy:3128 ', 'http', /white space/],
    [' http://proxy:3128', null, /connects directly.*white space/],
    ['%zz', null, /cannot be parsed.*connects directly/],
    ['http:/proxy:3128', 'http', /proxy named http/],
    ['https//proxy:3128', 'https', /proxy named https/],
    ['http://http://proxy:3128', 'http', /proxy named http on port 80/],
    ['http:proxy:3128', '', /names no proxy host/],
    ['//proxy:3128', '', /names no proxy host/],
    ['"proxy:3128"', null, /quotes/],
    ['proxy:3128:80', '', /names no proxy host/],
    ['http://proxy:70000', 'proxy', /not a port number/],
    ['http://proxy:0', 'proxy', /not a port number/],
    ['$HTTP_PROXY', '$HTTP_PROXY', /not expanded/],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what a shell would have expanded
    ['${HTTP_PROXY}', '', /not expanded/],
    ['ftp://proxy', 'proxy', /does not know the scheme ftp/],
    ['socks4://proxy:1080', 'proxy', /socks5/],
    ['http://2001:db8::1:3128', 'http', /brackets/],
    ['http://app:p#ss@proxy:3128', 'http', /[Pp]ercent-encode/],
    ['http://CORP\\app:pw@proxy:3128', 'http', /[Pp]ercent-encode/],
  ];
  for (const [value, host, says] of broken) {
    it(`says that ${value} cannot work, and what Go makes of it`, () => {
      const { proxy, problem } = httpsProxy(value);
      assert.equal(proxy?.host ?? null, host);
      assert.equal(problem?.severity, 'error');
      assert.equal(problem?.cause, 'proxy-misconfigured');
      assert.equal(problem?.source, 'here:1');
      assert.match(problem?.message ?? '', says);
    });
  }

  it('takes an unknown scheme with a port as doubtful only: Go speaks HTTP to it', () => {
    const { proxy, problem } = httpsProxy('htp://proxy:3128');
    assert.equal(proxy?.port, 3128);
    assert.equal(problem?.severity, 'warning');
  });

  it('gives nothing of a password away that ends up in the host part', () => {
    for (const value of [
      'http://app:1234#5@proxy:3128',
      'http://app:1234/5@proxy:3128',
      'http://app:1234?5@proxy:3128',
      'http://app:geheim%zz@proxy:3128',
      'http://app:geh eim@proxy:3128',
      'app:geh"eim@proxy:3128',
    ]) {
      const decision = httpsProxy(value);
      assert.equal(decision.problem?.severity, 'error', value);
      assert.doesNotMatch(inspect(decision, { depth: 9 }) + JSON.stringify(decision), /1234|geh/, value);
    }
  });

  it('says a value once: the same problem object for every URL', () => {
    const settings = proxySettings({ HTTPS_PROXY: 'http://proxy:port' }, 'x');
    const first = proxyForUrl(settings, target('https://a.example'));
    assert.equal(first.problem, proxyForUrl(settings, target('https://b.example')).problem);
    assert.notEqual(first.problem, null);
    const bypassed = proxySettings({ HTTPS_PROXY: 'http://proxy:port', NO_PROXY: 'a.example' }, 'x');
    assert.equal(proxyForUrl(bypassed, target('https://a.example')).problem, null);
  });

  it('never proxies localhost and loopback addresses', () => {
    for (const host of ['localhost', '127.0.0.1', '127.8.8.8', '[::1]', '[::ffff:127.0.0.1]']) {
      const decision = decide({ HTTPS_PROXY: 'proxy:1' }, `https://${host}:5000/`);
      assert.equal(decision.proxy, null, host);
      assert.match(decision.reason, /never proxied/);
    }
    assert.notEqual(decide({ HTTPS_PROXY: 'proxy:1' }, 'https://a.localhost/').proxy, null);
  });

  // true: Go 1.26 goes direct.
  const entries: readonly [entry: string, url: string, direct: boolean][] = [
    ['corp', 'https://corp/', true],
    ['corp', 'https://reg.corp/', true],
    ['corp', 'https://xcorp/', false],
    ['.corp', 'https://reg.corp/', true],
    ['.corp', 'https://corp/', false],
    ['*.corp', 'https://a.reg.corp/', true],
    ['*.corp', 'https://corp/', false],
    ['REG.Corp', 'https://reg.corp/', true],
    [' reg.corp ', 'https://reg.corp/', true],
    ['reg.corp:443', 'https://reg.corp/', true],
    ['reg.corp:443', 'https://reg.corp:5000/', false],
    ['reg.corp:5000', 'https://reg.corp:5000/', true],
    ['reg.corp:80', 'http://reg.corp/', true],
    ['*', 'https://anything.example/', true],
    ['other,*', 'https://10.1.2.3/', true],
    ['10.0.0.0/8', 'https://10.1.2.3/', true],
    ['10.0.0.0/8', 'https://11.1.2.3/', false],
    ['10.0.0.0/8', 'https://reg.corp/', false],
    ['10.0.0.0/8:443', 'https://10.1.2.3/', false],
    ['10.1.2.3', 'https://10.1.2.3:5000/', true],
    ['10.1.2.3:443', 'https://10.1.2.3:5000/', false],
    ['2.3', 'https://10.1.2.3/', false],
    ['10.', 'https://10.1.2.3/', false],
    ['2001:db8::5', 'https://[2001:db8::5]/', true],
    ['[2001:db8::5]', 'https://[2001:db8::5]/', false],
    ['[2001:db8::5]:443', 'https://[2001:db8::5]/', true],
    ['2001:db8::/32', 'https://[2001:db8::5]/', true],
    ['::ffff:10.0.0.0/104', 'https://10.1.2.3/', true],
    ['reg.corp.', 'https://reg.corp/', false],
    ['a b', 'https://b/', false],
    ['a;b', 'https://b/', false],
    ['示例.com', 'https://www.xn--fsq092h.com/', true],
    [':443', 'https://reg.corp/', false],
  ];
  for (const [entry, url, direct] of entries) {
    it(`NO_PROXY=${entry} ${direct ? 'takes' : 'does not take'} ${url} off the proxy`, () => {
      const decision = decide(
        { HTTPS_PROXY: 'proxy:1', HTTP_PROXY: 'proxy:1', NO_PROXY: `unrelated.example,${entry}` },
        url,
      );
      assert.equal(decision.proxy === null, direct);
    });
  }

  it('names the entry and where it is set', () => {
    const settings = proxySettings({ https_proxy: 'proxy:1', no_proxy: 'a.example, .corp ' }, (name) => `file:${name}`);
    assert.equal(proxyForUrl(settings, target('https://reg.corp')).reason, 'no_proxy entry .corp (file:no_proxy)');
    assert.equal(proxyForUrl(settings, target('https://reg.example')).reason, 'https_proxy from file:https_proxy');
  });
});

describe('noProxyProblems', () => {
  const dead: readonly [entry: string, says: RegExp][] = [
    ['a.corp b.corp', /not by spaces/],
    ['a.corp;b.corp', /not by ";"/],
    ['a.corp|b.corp', /not by "\|"/],
    ['10.0.*', /"\*" stands/],
    ['*corp', /"\*" stands/],
    ['reg*.corp', /"\*" stands/],
    ['reg.corp.', /dot at its end/],
    ['10.', /beginning of an address/],
    ['192.168', /beginning of an address/],
    ['[2001:db8::5]', /without brackets/],
    ['10.0.0.0/8:5000', /takes no port/],
    ['10.0.0.0/33', /CIDR/],
    ['reg.corp/24', /CIDR/],
    ['https://reg.corp', /not a URL/],
    ['"reg.corp"', /quotes/],
    ['reg.corp:https', /port is not a number/],
    [':443', /names no host/],
    ['.', /dot at its end/],
  ];
  for (const [entry, says] of dead) {
    it(`warns of ${entry}`, () => {
      const [problem, ...more] = noProxyProblems(
        proxySettings({ HTTPS_PROXY: 'p:1', NO_PROXY: `ok.corp,${entry}` }, 'f:3'),
      );
      assert.equal(more.length, 0);
      assert.equal(problem?.severity, 'warning');
      assert.equal(problem?.source, 'f:3');
      assert.match(problem?.message ?? '', says);
    });
  }

  it('is silent about entries that work, about any entry beside "*", and without a proxy', () => {
    const fine =
      'corp,.corp,*.corp,localhost,127.0.0.1,10.0.0.0/8,fd00::/8,[2001:db8::5]:443,2001:db8::5,reg.corp:5000,.svc,.cluster.local,';
    const problems = (variables: Record<string, string>) => noProxyProblems(proxySettings(variables, 'x'));
    assert.deepEqual(problems({ HTTPS_PROXY: 'p:1', NO_PROXY: fine }), []);
    assert.deepEqual(problems({ HTTPS_PROXY: 'p:1', NO_PROXY: '10.0.*,*' }), []);
    assert.deepEqual(problems({ NO_PROXY: '10.0.*' }), []);
  });

  it('calls no entry dead that takes a real host off the proxy', () => {
    const piece = fc.constantFrom(
      '*',
      '.',
      '10',
      '192.168',
      'corp',
      'reg',
      ':',
      '443',
      '/',
      '8',
      '[',
      ']',
      '::1',
      ' ',
      ';',
      '-',
      '10.1.2.3',
      '2001:db8::5',
    );
    const host = fc.constantFrom('corp', 'reg.corp', '10.1.2.3', '192.168.1.1', '2001:db8::5', 'registry-1.docker.io');
    fc.assert(
      fc.property(
        fc.array(piece, { minLength: 1, maxLength: 5 }),
        host,
        fc.constantFrom(443, 8, 5000),
        (pieces, name, port) => {
          const entry = pieces.join('');
          if (deadEntries(entry).length === 0) return;
          const settings = proxySettings({ HTTPS_PROXY: 'p:1', NO_PROXY: entry }, 'x');
          assert.notEqual(proxyForUrl(settings, { scheme: 'https', host: name, port }).proxy, null, entry);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe('parseProxyValue', () => {
  it('never throws, and shows no userinfo, whatever the value', () => {
    const odd = fc.constantFrom(
      'http',
      '://',
      ':',
      '/',
      '@',
      'p',
      '[',
      ']',
      '%',
      '%41',
      '#',
      '?',
      '"',
      ' ',
      '\\',
      '1',
      'ü',
      '::',
    );
    const value = fc.oneof(
      fc.string(),
      fc.array(odd, { maxLength: 9 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(value, (text) => {
        const settings: ProxySettings = proxySettings({ HTTPS_PROXY: text, NO_PROXY: text }, 'x');
        if (settings.https === null) return;
        const { proxy, problem } = parseProxyValue(settings.https);
        if (proxy !== null && problem === null) assert.match(proxy.url, /^[a-z0-9+.-]+:\/\/[^@/]+$/);
        assert.ok(proxy === null || Number.isInteger(proxy.port));
        parseNoProxy(text);
        deadEntries(text);
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.stringMatching(/^SECRET[ -~]{0,8}$/), (password) => {
        const decision = proxyForUrl(
          proxySettings({ HTTPS_PROXY: `http://app:${password}@proxy:3128` }, 'x'),
          target('https://a.b'),
        );
        assert.doesNotMatch(JSON.stringify(decision), /SECRET/);
      }),
      { numRuns: 1000 },
    );
  });
});
