import { strict as assert } from 'node:assert';
import { plainStyle, type Style, terminalStyle } from '../../../src/cli/render/style.ts';
import { renderText } from '../../../src/cli/render/text.ts';
import type { Investigation } from '../../../src/model/investigation.ts';
import { investigationOf } from '../../kit/documents.ts';
import { certificate, challenge, digest, partyOf, Scene } from '../../kit/view.ts';

const mirrored = {
  endpoints: [
    {
      url: 'http://mirror.test:5000/v2',
      role: 'mirror' as const,
      source: 'etc/containerd/certs.d/registry.test/hosts.toml:3',
    },
    { url: 'https://registry.test/v2' },
  ],
};

/** Scenes by what is wrong in them. */
const scenes: Readonly<Record<string, () => Scene>> = {
  healthy: () => {
    const scene = new Scene();
    scene.serve();
    return scene;
  },
  expired: () => {
    const scene = new Scene();
    scene.dns('registry.test', ['192.0.2.10']);
    scene.tcp('registry.test', '192.0.2.10');
    const chain = [certificate({ notAfter: '2026-11-19T08:00:00.000Z', issuer: 'CN=Corp CA 2' })];
    const words = 'the certificate expired on 2026-11-19T08:00:00Z';
    scene.tls(['tls-expired', words], { chain, failedCertificate: 0 });
    scene.pull('x509: certificate has expired or is not yet valid', 'tls-certificate-expired');
    return scene;
  },
  'no such name': () => {
    const scene = new Scene({ nameservers: ['192.0.2.53', '192.0.2.54'] });
    scene.dns('registry.test', 'name-not-found', 0);
    scene.dns('registry.test', 'name-not-found', 1);
    return scene;
  },
  'one nameserver silent': () => {
    const scene = new Scene({ nameservers: ['192.0.2.53', '192.0.2.54'] });
    scene.dns('registry.test', 'timeout', 0);
    scene.dns('registry.test', ['192.0.2.10'], 1);
    scene.tcp('registry.test', '192.0.2.10');
    scene.tls();
    scene.ping();
    scene.manifest();
    scene.blob('config');
    scene.blob('layer');
    return scene;
  },
  'one address dead': () => {
    const scene = new Scene();
    scene.dns('registry.test', ['192.0.2.10', '2001:db8::10']);
    scene.tcp('registry.test', '192.0.2.10');
    scene.tcp('registry.test', '2001:db8::10', ['timeout', 'connecting to [2001:db8::10]:443: no answer in 3300 ms']);
    scene.tls();
    scene.ping();
    scene.manifest();
    scene.blob('config');
    scene.blob('layer');
    return scene;
  },
  'dead mirror': () => {
    const scene = new Scene(mirrored);
    scene.dns('mirror.test', ['192.0.2.60']);
    scene.tcp('mirror.test', '192.0.2.60', ['refused', 'connecting to 192.0.2.60:5000: connection refused'], {
      port: 5000,
    });
    scene.serve({ endpoint: 1 });
    return scene;
  },
  'NO_PROXY lacks it': () => {
    const proxy = 'http://proxy.test:3128';
    const scene = new Scene({ endpoints: [{ url: 'https://registry.test/v2', proxy, proxyReason: 'https_proxy' }] });
    scene.dns('proxy.test', ['192.0.2.30']);
    scene.tcp('proxy.test', '192.0.2.30', null, { port: 3128, hop: 'proxy' });
    scene.connect(['proxy-refused', `proxy ${proxy}, asked for registry.test:443: it answers 403 Forbidden`], {
      status: 403,
    });
    scene.dns('registry.test', ['192.0.2.10']);
    scene.tcp('registry.test', '192.0.2.10', null, { counterfactual: true, proxy: null });
    scene.tls(null, { counterfactual: true, proxy: null });
    scene.ping({ counterfactual: true, proxy: null });
    return scene;
  },
  'token service down': () => {
    const scene = new Scene();
    scene.reach();
    scene.ping({ status: 401, challenges: [challenge('bearer')] });
    scene.dns('auth.test', ['192.0.2.50']);
    scene.tcp('auth.test', '192.0.2.50', ['refused', 'connecting to 192.0.2.50:443: connection refused'], {
      hop: 'realm',
    });
    return scene;
  },
  'content host down': () => {
    const scene = new Scene();
    scene.reach();
    scene.ping();
    scene.manifest();
    scene.blob('config', { status: 307, next: partyOf('https://cdn.test/c') });
    scene.blob('layer', { status: 307, next: partyOf('https://cdn.test/l') });
    scene.dns('cdn.test', ['192.0.2.40']);
    scene.tcp('cdn.test', '192.0.2.40', ['refused', 'connecting to 192.0.2.40:443: connection refused'], {
      hop: 'blob',
    });
    return scene;
  },
  'no such tag': () => {
    const scene = new Scene({ image: 'registry.test/team/app:1.O' });
    scene.reach();
    scene.ping();
    scene.manifest({ status: 404, errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }] });
    scene.names('tags', ['1.0', '1.1'], { nearest: ['1.0', '1.1'] });
    return scene;
  },
  'wrong platform': () => {
    const scene = new Scene();
    scene.reach();
    scene.ping();
    scene.manifest({ kind: 'index', platforms: ['linux/arm64', 'linux/s390x'], chosen: null });
    return scene;
  },
  'disk full': () => {
    const scene = new Scene({ runtime: { name: 'containerd', asked: true } });
    scene.runtime({ imageFileSystems: ['/var/lib/containerd'] });
    scene.image(false);
    scene.disk({ freeBytes: 0 });
    scene.serve();
    return scene;
  },
  'cut by the deadline': () => {
    const scene = new Scene();
    scene.dns('registry.test', ['192.0.2.10']);
    scene.skipped('tcp');
    return scene;
  },
};

function shown(name: string, style: Style = plainStyle): { document: Investigation; text: string; lines: string[] } {
  const document = investigationOf(scenes[name]?.() ?? new Scene());
  const text = renderText(document, style);
  return { document, text, lines: text.split('\n') };
}

/** What a person reads, whole: the one place where a change of the form must be meant. */
const expiredText = `✗ registry.test/team/app:1.0 cannot be pulled on worker-3
  The certificate of registry.test expired on 2026-11-19 08:00 UTC; it was
  issued by CN=Corp CA 2.
  cause: tls-certificate-expired (proven)
  → Its owner renews it; look at the dates with:
      openssl s_client -connect registry.test:443 </dev/null | openssl x509 -noout -subject -issuer -dates
  → If the date is not past, this node's clock is ahead.

upstream https://registry.test/v2: failed
  direct (no proxy is set); bars: 0 to 4 ms
    dns        2 ms  ▆▆▆▆▆       registry.test is 192.0.2.10, from 192.0.2.53
    tcp        1 ms       ▆▆▆    192.0.2.10:443 connects
  ✗ tls        1 ms         ▆▆▆  failed: the certificate expired on
                                 2026-11-19T08:00:00Z; presented:
                                 CN=registry.test, issued by CN=Corp CA 2
    registry, auth, manifest and content: not reached

ruled out: dns, tcp
containerd says after 1 ms:
  x509: certificate has expired or is not yet valid
  which means tls-certificate-expired too

5 probes in 412 ms, 2026-11-22T08:00:00.000Z; -o json has every one
`;

const marks = { healthy: '✓', degraded: '!', faulty: '✗', inconclusive: '?' };

describe('cli/render/text', () => {
  it('reads like this', () => {
    const { document } = shown('expired');
    const [primary] = document.findings;
    assert.ok(primary !== undefined);
    // The causes' own words are not of this test.
    const summary = 'The certificate of registry.test expired on 2026-11-19 08:00 UTC; it was issued by CN=Corp CA 2.';
    const command =
      'openssl s_client -connect registry.test:443 </dev/null | openssl x509 -noout -subject -issuer -dates';
    const remedies = [
      { text: 'Its owner renews it; look at the dates with:', command },
      { text: "If the date is not past, this node's clock is ahead.", command: null },
    ];
    const fixed = { ...document, summary, findings: [{ ...primary, summary, remedies }] };
    assert.equal(renderText(fixed, plainStyle), expiredText);
  });

  for (const name of Object.keys(scenes)) {
    describe(name, () => {
      const { document, lines, text } = shown(name);

      it('says the verdict and the image first, with a mark and in words', () => {
        const words = {
          healthy: /can be pulled/,
          degraded: /something is wrong|already/,
          faulty: /cannot be pulled/,
          inconclusive: /not found out/,
        };
        assert.ok(lines[0]?.startsWith(`${marks[document.verdict]} ${document.image.input}`), lines[0]);
        assert.match(
          lines
            .slice(0, 2)
            .map((line) => line.trim())
            .join(' '),
          words[document.verdict],
        );
      });

      it('says cause and remedies before the way', () => {
        const way = lines.findIndex((line) => /^(?:this node|\d of \d, )?(?:mirror|upstream|, )/.test(line));
        assert.ok(way > 0);
        if (document.cause === null) return;
        const cause = lines.findIndex((line) => line.startsWith(`  cause: ${document.cause}`));
        assert.ok(cause > 0 && cause < way);
        const remedies = lines.slice(cause, way).filter((line) => line.startsWith('  → '));
        assert.equal(remedies.length, document.findings[0]?.remedies.length);
      });

      it('keeps every command whole on a line of its own, and all else within 80 columns', () => {
        const commands = document.findings.flatMap(({ remedies }) => remedies.map(({ command }) => command));
        for (const { command } of document.findings[0]?.remedies ?? []) {
          if (command !== null) assert.ok(lines.includes(`      ${command}`), command);
        }
        for (const line of lines.filter((one) => one.length > 80)) assert.ok(commands.includes(line.trim()), line);
      });

      it('has no colour, no control character and no space at the end of a line', () => {
        assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
        for (const line of lines) assert.equal(line, line.trimEnd());
      });

      it('marks what is broken in words too', () => {
        const broken = lines.filter((line) => /^ {2}✗ /.test(line));
        assert.equal(broken.length > 0, document.verdict === 'faulty' || name === 'dead mirror');
        for (const line of broken) assert.match(line, /failed/);
      });

      it('says the same in colours', () => {
        const paint = (code: number) => (of: string) => `\u001b[${code}m${of}\u001b[0m`;
        const colours = { bold: paint(1), dim: paint(2), bad: paint(31), good: paint(32), warn: paint(33) };
        const painted = renderText(document, { ...plainStyle, ...colours });
        assert.match(painted, /\u001b\[/);
        const bare = painted
          .replace(/\u001b\[\d+m/g, '')
          .split('\n')
          .map((line) => line.trimEnd());
        assert.deepEqual(bare, lines);
      });
    });
  }

  it('places each hop on one time axis, in the order of a pull', () => {
    const { lines } = shown('healthy');
    const rows = lines.filter((line) => /^ {4}\w+ +(?:<?\d+ ms) /.test(line));
    assert.deepEqual(
      rows.map((line) => line.trim().split(' ')[0]),
      ['dns', 'tcp', 'tls', 'registry', 'manifest', 'content'],
    );
    const starts = rows.map((line) => line.search(/[▆▏]/u));
    assert.deepEqual(
      starts,
      [...starts].sort((a, b) => a - b),
    );
    assert.ok((starts.at(-1) ?? 0) > (starts[0] ?? 0));
  });

  it('takes families and nameservers that agree together', () => {
    const scene = new Scene({ nameservers: ['192.0.2.53', '192.0.2.54'] });
    scene.serve();
    const dns = renderText(investigationOf(scene), plainStyle)
      .split('\n')
      .filter((line) => / dns /.test(line));
    assert.equal(dns.length, 1);
    assert.match(
      renderText(investigationOf(scene), plainStyle),
      /registry\.test is 192\.0\.2\.10, same from both\s+nameservers/,
    );
  });

  it('keeps nameservers apart that do not', () => {
    const { text } = shown('one nameserver silent');
    assert.match(text, /^ {2}! dns .*failed/m);
    assert.match(text, /^ {4}dns .*registry\.test is 192\.0\.2\.10, from/m);
  });

  it('marks a dead address of a host that works as less than a failure', () => {
    const { text } = shown('one address dead');
    assert.match(text, /^ {4}tcp .*192\.0\.2\.10:443 connects/m);
    assert.match(text, /^ {2}! tcp .*failed: \[2001:db8::10\]:443: no answer/m);
  });

  it('says which hops were not reached', () => {
    assert.match(shown('expired').text, /^ {4}registry, auth, manifest and content: not reached$/m);
    assert.match(shown('no such name').text, /^ {4}tcp, tls, registry, auth, manifest and content: not reached$/m);
    assert.match(shown('token service down').text, /^ {4}auth, manifest and content: not reached$/m);
    assert.match(shown('no such tag').text, /^ {4}content: not reached$/m);
    assert.doesNotMatch(shown('content host down').text, /not reached/);
    assert.doesNotMatch(shown('healthy').text, /not reached/);
  });

  it('shows each endpoint in the order of the pull, with where it is set', () => {
    const { text } = shown('dead mirror');
    const mirror = text.indexOf('1 of 2, mirror http://mirror.test:5000/v2: failed');
    const upstream = text.indexOf('2 of 2, upstream https://registry.test/v2: serves the image');
    assert.ok(mirror > 0 && upstream > mirror);
    assert.match(text, /set by etc\/containerd\/certs\.d\/registry\.test\/hosts\.toml:3; direct/);
    assert.match(text, /cause: mirror-failed, because of tcp-refused \(proven\)/);
  });

  it('marks a counterfactual as one', () => {
    const { text } = shown('NO_PROXY lacks it');
    assert.match(text, /^ {2}✗ proxy .*failed: asked for registry\.test:443/m);
    assert.match(text, /^ {13,}\d ms .*instead, directly: works, /m);
    assert.match(shown('no such tag').text, /instead, by another name: there are 2 tags;\s+nearest: 1\.0 and 1\.1/);
  });

  it('names the token service and the content host where they are other hosts', () => {
    assert.match(shown('token service down').text, /^ {2}token service auth\.test$/m);
    assert.match(
      shown('token service down').text,
      /token service auth\.test\n.* dns .*\n {2}✗ tcp .*failed: 192\.0\.2\.50:443/,
    );
    assert.match(
      shown('content host down').text,
      /content host cdn\.test\n.* dns .*\n {2}✗ tcp .*failed: 192\.0\.2\.40:443/,
    );
  });

  it('marks the hop whose good answer says why it cannot be', () => {
    assert.match(shown('wrong platform').text, /^ {2}✗ manifest .*failed: 1\.0 has linux\/arm64 and linux\/s390x,/m);
  });

  it('shows the node itself where the fault lies there', () => {
    const { text } = shown('disk full');
    assert.match(
      text,
      /^this node, worker-3\n {4}runtime .*\n {4}image .*the image is not on the node\n {2}✗ disk .*failed: 0 bytes of 100 GiB free/m,
    );
    assert.doesNotMatch(shown('healthy').text, /this node/);
  });

  it("gives the runtime's own words, and whether they mean the same", () => {
    assert.match(
      shown('expired').text,
      /containerd says after 1 ms:\n {2}x509: certificate has expired or is not yet valid\n {2}which means tls-certificate-expired too/,
    );
    const scene = new Scene();
    scene.serve();
    scene.pull(null);
    assert.match(renderText(investigationOf(scene), plainStyle), /^containerd pulled it in 1 ms$/m);
  });

  it('says what was not checked, and why', () => {
    const { text } = shown('cut by the deadline');
    assert.match(text, /^ {2}\? tcp .*not checked: /m);
    assert.match(text, /--deadline/);
    const noRuntime = investigationOf(new Scene(), {
      name: null,
      version: null,
      ready: null,
      imagePresent: null,
      endpoint: null,
    });
    assert.match(renderText(noRuntime, plainStyle), /not checked: runtime: none was asked/);
  });

  it('says an image that is on the node starts all the same', () => {
    const scene = new Scene({ runtime: { name: 'containerd', asked: true }, policy: 'IfNotPresent' });
    scene.runtime();
    scene.image(true);
    scene.dns('registry.test', 'name-not-found');
    const [first] = renderText(investigationOf(scene), plainStyle).split('\n');
    assert.equal(first, '! registry.test/team/app:1.0 is on worker-3 already, and could not be pulled');
  });

  it('lists what is wrong in the files of the node, with file and line', () => {
    const source = 'etc/containerd/certs.d/registry.test/hosts.toml:2';
    const scene = new Scene({
      problems: [
        { severity: 'warning', cause: 'runtime-unreachable', source, message: 'A thing is odd.' },
        {
          severity: 'warning',
          cause: 'runtime-unreachable',
          source: 'etc/x',
          message: 'So it is meant.',
          harmless: true,
        },
      ],
    });
    scene.serve();
    const text = renderText(investigationOf(scene), plainStyle);
    assert.match(text, new RegExp(`^! warning: ${source}: A thing is odd\\.$`, 'm'));
    assert.match(text, /^ {2}note: etc\/x: So it is meant\.$/m);
  });

  it('lets no foreign text write to the terminal', () => {
    const scene = new Scene();
    scene.reach();
    scene.ping({ status: 503, errors: [{ code: 'X\u001b]0;owned\u0007', message: 'a\u001b[2Jb\r\nc\u202e' }] });
    scene.pull('\u001b[31mred\u001b[0m\nsecond line \u009b1m', 'registry-error');
    const text = renderText(investigationOf(scene), plainStyle);
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    assert.doesNotMatch(text, /^second line/m);
  });

  it('keeps a name that is longer than a line whole', () => {
    const host = `${'long-'.repeat(20)}name.test`;
    const scene = new Scene({ image: `${host}/app@${digest('d')}` });
    scene.dns(host, 'name-not-found');
    const text = renderText(investigationOf(scene), plainStyle);
    assert.ok(text.startsWith(`✗ ${host}/app@${digest('d')}\n  cannot be pulled on worker-3\n`), text.slice(0, 300));
  });

  it('does without symbols where the locale has none', () => {
    const stream = Object.assign(process.stdout, {});
    const style = { ...terminalStyle(stream, { LC_ALL: 'C' }), width: 80 };
    for (const name of Object.keys(scenes)) {
      // Placeholders in commands are the causes' own.
      assert.match(shown(name, style).text.replaceAll('…', ''), /^[\u0000-\u007f]*$/);
    }
    assert.equal(terminalStyle(stream, { LC_ALL: '', LANG: 'de_DE.UTF-8' }).symbols.bad, '✗');
    assert.equal(terminalStyle(stream, {}).symbols.bad, '✗');
  });

  it('has no colour where the stream is no terminal', () => {
    const stream = { isTTY: false, columns: 200 };
    const style = terminalStyle(Object.assign(Object.create(process.stdout), stream), {});
    assert.equal(style.width, 80);
    assert.equal(style.bad('x'), 'x');
  });
});
