import assert from 'node:assert/strict';
import { readSources } from '../arch/sources.ts';
import { at, build, findKubectl, listAt, only } from './kustomize.ts';

/** Folders of src whose texts name places of the node. */
const readers = ['node', 'engine', 'agent', 'probes', 'signals', 'journal'];

/**
 * Places that the code looks at and no manifest mounts, and why an agent without them is right all the same. With a slash
 * at its end: everything below it, too.
 */
const notMounted: Readonly<Record<string, string>> = {
  '/lib/systemd/': 'a link to /usr/lib/systemd wherever /usr is merged: every distribution that is still maintained',
  '/run/systemd/': 'a socket at which root commands systemd is in it; units that are made at run time are rare',
  '/run/containers/0/auth.json': "a person's own login by podman, which is gone with the next start",
  '/run/cri-dockerd.sock': 'no overlay for Docker: a patch as that of overlays/containerd makes one',
  '/var/run/': 'the same folder as /run',
  '/var/cache/containers/short-name-aliases.conf': 'podman writes it; a node whose runtime is CRI-O has none',
  '/root/': "CRI-O's home, and where `docker login` writes: a person's own files",
  '/var/lib/kubelet': 'the volumes of all pods are in it, with their secrets: its files are mounted one by one',
  '/var': 'a prefix that is cut off',
  '/run': 'a prefix that is looked for',
};

/** Mounts of which the code does not name a place, and what they are for. */
const notNamed: Readonly<Record<string, string>> = {
  '/var/lib/containers/storage': 'CRI-O names it as its image file system',
  '/var/lib/rancher/k3s/agent/containerd': 'the containerd of k3s names it',
  '/var/lib/rancher/rke2/agent/containerd': 'the containerd of RKE2 names it',
  '/run/systemd/resolve': '/etc/resolv.conf links there',
  '/var/lib/kubelet/config.json': 'put together from the root folder of the kubelet',
};

describe('deploy: mounts', function () {
  this.timeout(120_000);
  const mounts = new Set<string>();
  const named = placesOf();

  before(async function () {
    const found = await findKubectl();
    if ('why' in found) {
      process.stdout.write(`    left out: ${found.why}\n`);
      return this.skip();
    }
    for (const name of ['containerd', 'cri-o', 'k3s', 'rke2']) {
      const built = await build(found.kubectl, name, ['kubeadm', 'node-credentials']);
      for (const volume of listAt(only(built, 'DaemonSet'), 'spec.template.spec.volumes')) {
        const path = at(volume, 'hostPath.path');
        if (typeof path === 'string' && path !== '/var/lib/pullwhy') mounts.add(path);
      }
    }
  });

  it('sees the places that the code names', () => {
    for (const place of ['/etc/resolv.conf', '/proc', '/run/crio/crio.sock', '/var/lib/kubelet/config.yaml']) {
      assert.ok(named.has(place), place);
    }
    assert.ok(named.size > 60, `${named.size} places`);
  });

  it('whatever the code looks at is mounted, or said not to be', () => {
    const missing = [...named].filter(([place]) => !under(place, mounts) && !isExcused(place));
    assert.deepEqual(
      missing.map(([place, files]) => `${place} (${[...files].join(', ')})`),
      [],
      'mount it in deploy/, or say in this test why an agent does without it',
    );
  });

  it('what is mounted is looked at', () => {
    const places = [...named.keys()];
    const idle = [...mounts].filter(
      (mount) => !(mount in notNamed) && !places.some((place) => under(place, [mount]) || under(mount, [place])),
    );
    assert.deepEqual(idle, []);
  });

  it('no reason outlives what it is for', () => {
    const places = [...named.keys()];
    assert.deepEqual(
      Object.keys(notMounted).filter((key) => !places.some((place) => excuses(key, place))),
      [],
    );
    assert.deepEqual(
      Object.keys(notNamed).filter((mount) => !mounts.has(mount)),
      [],
    );
  });
});

function isExcused(place: string): boolean {
  return Object.keys(notMounted).some((key) => excuses(key, place));
}

function excuses(key: string, place: string): boolean {
  return key.endsWith('/') ? under(place, [key.slice(0, -1)]) : place === key;
}

function under(place: string, folders: Iterable<string>): boolean {
  return [...folders].some((folder) => place === folder || place.startsWith(`${folder}/`));
}

/** Absolute paths in texts of the code, up to where something is put in, with the files that name them. */
function placesOf(): ReadonlyMap<string, ReadonlySet<string>> {
  const places = new Map<string, Set<string>>();
  for (const { path, folder, code } of readSources()) {
    if (!readers.includes(folder.split('/')[0] ?? '')) continue;
    for (const line of code) {
      for (const [, found = ''] of line.matchAll(/['"`](\/(?:etc|lib|opt|proc|root|run|usr|var)\b[^'"`$:]*)/g)) {
        const place = found.replace(/\/+$/, '');
        places.set(place, (places.get(place) ?? new Set()).add(path));
      }
    }
  }
  return places;
}
