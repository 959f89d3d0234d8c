import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { renderMarkdown, renderPlanMarkdown } from '../../../src/cli/render/markdown.ts';
import { code, codeBlock, escaped } from '../../../src/lib/markdown.ts';
import { investigationOf, planDocumentOf } from '../../kit/documents.ts';
import { Scene } from '../../kit/view.ts';

function broken(): Scene {
  const scene = new Scene();
  scene.dns('registry.test', ['192.0.2.10']);
  scene.tcp('registry.test', '192.0.2.10', ['refused', 'connecting to 192.0.2.10:443: connection refused']);
  scene.pull('dial tcp 192.0.2.10:443: connect: connection refused', 'tcp-refused');
  return scene;
}

/** Cells of a row: a pipe that is escaped ends none. */
function cells(line: string): number {
  return line.replace(/\\\\/g, '').replace(/\\\|/g, '').split('|').length;
}

describe('cli/render/markdown', () => {
  it('says verdict, cause and what to do first, and folds the evidence', () => {
    const text = renderMarkdown(investigationOf(broken()));
    const parts = [
      '### ✗ registry.test/team/app:1.0 cannot be pulled on worker-3',
      '**Cause:** tcp-refused',
      '```sh',
      '| hop |',
      '<details>',
      '</details>',
    ];
    const places = parts.map((part) => text.indexOf(part));
    assert.ok(
      places.every((place) => place >= 0),
      text,
    );
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
    );
    assert.match(text, /\| ✗ \| tcp \| 1 ms \| failed: 192\.0\.2\.10:443: connection refused \|/);
    assert.match(text, /```\ndial tcp 192\.0\.2\.10:443: connect: connection refused\n```/);
  });

  it('gives commands as they are, in blocks of their own', () => {
    const document = investigationOf(broken());
    const text = renderMarkdown(document);
    for (const { command } of document.findings[0]?.remedies ?? []) {
      if (command !== null) assert.ok(text.includes(`  \`\`\`sh\n  ${command}\n  \`\`\``), command);
    }
  });

  it('lets no foreign text be markup, or more cells', () => {
    const scene = new Scene();
    scene.reach();
    const message = '| a ` b ```\n# c <script>alert(1)</script> @team [x](http://y) \\';
    scene.ping({ status: 503, errors: [{ code: null, message }] });
    scene.pull(message, 'registry-error');
    const text = renderMarkdown(investigationOf(scene));
    const outside = text.replace(/^(`{3,}).*?^\1$/gms, '');
    assert.doesNotMatch(outside, /(?<!\\)<script/);
    assert.doesNotMatch(outside, /(^|\s)@team/m);
    assert.doesNotMatch(outside, /(?<!\\)\]\(http/);
    for (const block of text.split('\n\n').filter((one) => one.startsWith('| '))) {
      const lines = block.split('\n');
      for (const line of lines) assert.equal(cells(line), cells(lines[0] ?? ''), line);
    }
  });

  it('fences any text safely', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('`', 'a', '|', ' ', '\\', '<') }), (text) => {
        const [open = '', ...rest] = codeBlock([text]).split('\n');
        assert.equal(rest.at(-1), open);
        assert.ok(!rest.slice(0, -1).join('\n').includes(open));
        const span = code(text);
        const fence = /^`+/.exec(span)?.[0] ?? '';
        assert.ok(span.endsWith(fence) && !span.includes('|'));
        assert.doesNotMatch(escaped(text).replace(/\\./g, ''), /[`|<]/);
      }),
    );
  });

  it('writes a plan as tables', () => {
    const text = renderPlanMarkdown(planDocumentOf(new Scene({ users: ['app'] })));
    assert.match(text, /^### Plan for `registry\.test\/team\/app:1\.0` on worker-3$/m);
    assert.match(text, /^\*\*1\. upstream\*\* `https:\/\/registry\.test\/v2`$/m);
    assert.match(text, /^\| credentials \| user app for /m);
  });
});
