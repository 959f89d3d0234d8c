import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readContainerdConfig } from '../../src/node/containerd-config.ts';
import { containerdRules, parseContainerdVersion } from '../../src/node/containerd-rules.ts';
import { readContainerdSettings } from '../../src/node/containerd-settings.ts';
import { hostFiles } from '../../src/node/host-files.ts';
import { asTable, at, parseToml, type TomlTable } from '../../src/node/toml.ts';
import { dumpConfig, installedContainerds, type Program, writeTree } from './containerd-real.ts';

const v2 = 'plugins."io.containerd.grpc.v1.cri"';
const v3 = 'plugins."io.containerd.cri.v1.images"';

/** Files (the first is the main one) whose reading by the real program is compared with ours. `@` is their folder. */
const cases: Record<string, Record<string, string>> = {
  'version 2': { 'c.toml': `version = 2\n[${v2}]\nsandbox_image = "a/b:1"\n[${v2}.registry]\nconfig_path = "/x"\n` },
  'version 2 with the version 3 name': { 'c.toml': `version = 2\n[${v3}.registry]\nconfig_path = "/x"\n` },
  'version 3 with the version 2 name': { 'c.toml': `version = 3\n[${v2}.registry]\nconfig_path = "/x"\n` },
  'version 3': {
    'c.toml': `version = 3\n[${v3}.registry]\nconfig_path = "/x"\n[${v3}.pinned_images]\nsandbox = "p:1"\n`,
  },
  'version 4': { 'c.toml': `version = 4\n[${v3}.registry]\nconfig_path = "/x"\n` },
  'version 1': { 'c.toml': '[plugins.cri]\nsandbox_image = "p:1"\n[plugins.cri.registry]\nconfig_path = "/x"\n' },
  'no version with the version 2 name': { 'c.toml': `[${v2}.registry]\nconfig_path = "/x"\n` },
  'version 2 with the version 1 name': { 'c.toml': 'version = 2\n[plugins.cri.registry]\nconfig_path = "/x"\n' },
  'version 2 disabling cri': { 'c.toml': 'version = 2\ndisabled_plugins = ["cri"]\n' },
  'version 1 disabling cri': { 'c.toml': 'disabled_plugins = ["cri"]\n' },
  'version 2 disabling a foreign name': { 'c.toml': 'version = 2\ndisabled_plugins = ["a.b.c.d"]\n' },
  'version 2 disabling a short name': { 'c.toml': 'version = 2\ndisabled_plugins = ["a.b"]\n' },
  'version 2 requiring cri': { 'c.toml': 'version = 2\nrequired_plugins = ["cri"]\n' },
  'an import over the main file': {
    'c.toml': `version = 2\nimports = ["@/d.toml"]\n[${v2}]\nsandbox_image = "p:1"\n[${v2}.registry]\nconfig_path = "/x"\n`,
    'd.toml': `version = 2\n[${v2}.registry]\nconfig_path = "/y"\n`,
  },
  'an import that names another plugin': {
    'c.toml': `version = 2\nimports = ["@/d.toml"]\n[${v2}.registry]\nconfig_path = "/x"\n`,
    'd.toml': 'version = 2\n[plugins."io.containerd.gc.v1.scheduler"]\npause_threshold = 0.5\n',
  },
  'a glob, in the order of names, and a relative import after it': {
    'c.toml': 'version = 2\nimports = ["@/d/*.toml", "e.toml"]\n',
    'd/2.toml': `version = 2\n[${v2}]\nsandbox_image = "two"\n[${v2}.registry]\nconfig_path = "/2"\n`,
    'd/10.toml': `version = 2\n[${v2}]\nsandbox_image = "ten"\n[${v2}.registry]\nconfig_path = "/10"\n`,
    'd/.hidden.toml': `version = 2\n[${v2}]\nsandbox_image = "hidden"\n`,
    'e.toml': `version = 2\n[${v2}.registry]\nconfig_path = "/e"\n`,
  },
  'a relative glob': {
    'c.toml': 'version = 2\nimports = ["d/*.toml"]\n',
    'd/1.toml': `version = 2\n[${v2}.registry]\nconfig_path = "/1"\n`,
  },
  'a glob that finds nothing': { 'c.toml': 'version = 2\nimports = ["@/none/*.toml"]\n' },
  'a malformed glob': { 'c.toml': 'version = 2\nimports = ["@/[*.toml"]\n', 'x.toml': 'version = 2\n' },
  'an import that is not there': { 'c.toml': 'version = 2\nimports = ["@/none.toml"]\n' },
  'a cycle': {
    'c.toml': `version = 2\nimports = ["@/d.toml"]\n[${v2}.registry]\nconfig_path = "/c"\n`,
    'd.toml': `version = 2\nimports = ["@/c.toml", "@/d.toml"]\n[${v2}.registry]\nconfig_path = "/d"\n`,
  },
  'nested imports, breadth first': {
    'c.toml': 'version = 2\nimports = ["@/a.toml", "@/b.toml"]\n',
    'a.toml': 'version = 2\nimports = ["@/a1.toml"]\n',
    'a1.toml': `version = 2\n[${v2}.registry]\nconfig_path = "/a1"\n`,
    'b.toml': `version = 2\n[${v2}.registry]\nconfig_path = "/b"\n`,
  },
  'an import without a version': {
    'c.toml': `version = 2\nimports = ["@/d.toml"]\n[${v2}.registry]\nconfig_path = "/x"\n`,
    'd.toml': `[${v2}]\nsandbox_image = "p:1"\n`,
  },
  'an import of version 3 below version 2': {
    'c.toml': `version = 2\nimports = ["@/d.toml"]\n[${v2}.registry]\nconfig_path = "/x"\n`,
    'd.toml': `version = 3\n[${v3}.pinned_images]\nsandbox = "p:1"\n`,
  },
  'an import of version 2 below version 3': {
    'c.toml': `version = 3\nimports = ["@/d.toml"]\n[${v3}.registry]\nconfig_path = "/x"\n`,
    'd.toml': `version = 2\n[${v2}]\nsandbox_image = "p:1"\n`,
  },
  'an import of version 2 with a registry below version 3': {
    'c.toml': `version = 3\nimports = ["@/d.toml"]\n[${v3}.registry]\nconfig_path = "/x"\n[${v3}.registry.headers]\nX-A = ["b"]\n`,
    'd.toml': `version = 2\n[${v2}.registry]\nconfig_path = "/y"\n`,
  },
  'an empty import over a value': {
    'c.toml': `version = 2\nimports = ["@/d.toml"]\n[${v2}.registry]\nconfig_path = "/x"\n`,
    'd.toml': `version = 2\n[${v2}.registry]\nconfig_path = ""\n`,
  },
  'a comma before a closing brace': { 'c.toml': `version = 2\n[${v2}]\nregistry = { config_path = "/x", }\n` },
  'a line break in an inline table': { 'c.toml': `version = 2\n[${v2}]\nregistry = { config_path = "/x"\n}\n` },
  'an escape of TOML 1.1': { 'c.toml': `version = 2\n[${v2}.registry]\nconfig_path = "\\x2fx"\n` },
  'a byte order mark': { 'c.toml': `\u{FEFF}version = 2\n[${v2}.registry]\nconfig_path = "/x"\n` },
  'CRLF and blanks in a header': {
    'c.toml': `version = 2\r\n[ plugins . 'io.containerd.grpc.v1.cri' . registry ]\r\nconfig_path = '/x'\r\n`,
  },
  'dotted keys': { 'c.toml': `version = 2\n${v2}.registry.config_path = "/x"\n` },
  'a list of mixed types': { 'c.toml': 'version = 2\nfoo = ["a", ["b"], 1]\n' },
  'a key twice': { 'c.toml': 'version = 2\nversion = 2\n' },
  'a table twice': { 'c.toml': `version = 2\n[${v2}]\n[${v2}]\n` },
  'a version that is text': { 'c.toml': 'version = "2"\n' },
  'a config_path that is a list': { 'c.toml': `version = 2\n[${v2}.registry]\nconfig_path = ["/x"]\n` },
  'an endpoint that is text': { 'c.toml': `version = 2\n[${v2}.registry.mirrors."a"]\nendpoint = "https://x"\n` },
  'a registry that is text': { 'c.toml': `version = 2\n[${v2}]\nregistry = "x"\n` },
  'an unknown key': { 'c.toml': `version = 2\n[${v2}.registry]\nconfig_paths = "/x"\n` },
  'imports that is text': { 'c.toml': 'version = 2\nimports = "x"\n' },
  'a bare word': { 'c.toml': 'version = 2\nroot = /x\n' },
  'an empty file': { 'c.toml': '' },
};

/** Outcomes of `config dump` that say nothing about the daemon. */
function unlikeTheDaemon(name: string, program: Program): boolean {
  // The dump of 2.x goes on without a missing import, where the daemon ends.
  return name === 'an import that is not there' && program.version.startsWith('2.');
}

function registryOf(dump: TomlTable, program: Program): TomlTable | null {
  const name = program.version.startsWith('1.') ? 'io.containerd.grpc.v1.cri' : 'io.containerd.cri.v1.images';
  return asTable(at(asTable(at(dump, 'plugins')), name));
}

const programs = installedContainerds();

describe('config.toml, beside the real program', function () {
  this.timeout(60_000);
  let folder = '';

  before(function () {
    if (programs.length > 0) return;
    console.log('    skipped: containerd is not installed');
    this.skip();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pullwhy-config-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  for (const program of programs) {
    for (const [name, files] of Object.entries(cases)) {
      if (unlikeTheDaemon(name, program)) continue;
      it(`${program.version}: ${name}`, async () => {
        await writeTree(
          folder,
          Object.fromEntries(Object.entries(files).map(([path, text]) => [path, text.replaceAll('@', folder)])),
        );
        const main = join(folder, 'c.toml');
        const version = parseContainerdVersion(program.version);
        assert.ok(version);
        const rules = containerdRules(version);
        const config = await readContainerdConfig(hostFiles('/'), main, rules);
        const settings = config.starts ? readContainerdSettings(config.section, rules) : null;
        const ours =
          config.disabled !== null && program.version.startsWith('1.')
            ? 'disabled'
            : settings?.ok
              ? {
                  configPath: settings.value.configPath?.name ?? '',
                  sandboxImage: settings.value.sandboxImage.name,
                  headers: Object.keys(settings.value.headers),
                }
              : 'refused';

        const dumped = dumpConfig(program, main);
        const parsed = dumped.ok ? parseToml(dumped.text, 'dump') : null;
        const section = parsed?.ok ? registryOf(parsed.value.value, program) : null;
        const registry = asTable(at(section, 'registry'));
        const real =
          dumped.ok && section === null
            ? 'disabled'
            : dumped.ok
              ? {
                  configPath: at(registry, 'config_path') ?? '',
                  sandboxImage: at(section, 'sandbox_image') ?? at(asTable(at(section, 'pinned_images')), 'sandbox'),
                  headers: Object.keys(asTable(at(registry, 'headers')) ?? {}),
                }
              : 'refused';
        assert.deepEqual(ours, real, dumped.text.slice(0, 400));
      });
    }
  }
});
