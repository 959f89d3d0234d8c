import type { StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { posix } from 'node:path';
import { probesOf, type View } from '../evidence/view.ts';
import type { DiskFacts } from '../model/facts.ts';
import type { Mount } from '../node/mount-table.ts';
import type { ProbeContext } from './context.ts';
import type { Probe, ProbeInput } from './probe.ts';

interface DiskInput extends ProbeInput {
  readonly path: string;
}

/** Free space and inodes of the file systems that images are stored on, and whether they can be written. Nothing is. */
export const diskProbe: Probe<'disk', DiskInput> = {
  kind: 'disk',
  title: 'Image file system',
  cost: 'free',
  budgetMs: 2000,
  proves: {
    ok: 'how much room the file system that holds images has, and whether it can be written',
    failed: 'the file system that holds images cannot be looked at',
  },
  inputs: (view) =>
    pathsOf(view).map((path) => ({
      key: `disk ${path}`,
      target: path,
      hop: 'node',
      endpoint: null,
      counterfactual: false,
      path,
    })),
  run: async ({ path }, context) => {
    const cannot = { status: 'skipped' as const, message: `${path} cannot be looked at from here.` };
    try {
      // What containerd's plugins have not made yet lies on the file system of its root.
      const above = posix.basename(path).startsWith('io.containerd.') ? posix.dirname(path) : path;
      const seen = (await look(path, context)) ?? (await look(above, context));
      if (seen === null) return cannot;
      const { facts } = seen;
      const mount = await context.mountOf(seen.path);
      return {
        status: 'ok',
        error: null,
        facts: {
          path: seen.path,
          totalBytes: facts.blocks * facts.bsize,
          freeBytes: facts.bavail * facts.bsize,
          totalInodes: facts.files,
          freeInodes: facts.ffree,
          ...(mount === null ? {} : { mount: shown(mount) }),
        },
      };
    } catch {
      return cannot;
    }
  },
};

/** Null: nothing has this path. */
async function look(
  path: string,
  { locate }: Pick<ProbeContext, 'locate'>,
): Promise<{ readonly path: string; readonly facts: StatsFs } | null> {
  const place = await locate(path);
  if (place === null) return null;
  return statfs(place).then(
    (facts) => ({ path, facts }),
    () => null,
  );
}

/**
 * Where the runtime says that it keeps images: the snapshots (ImageFsInfo), and the folders of containerd's own plugins,
 * for its content can lie on another file system. Of a runtime that does not answer: where its files have them.
 */
function pathsOf(view: View): readonly string[] {
  const runtimes = probesOf(view, 'runtime');
  const named = runtimes.flatMap(({ facts }) => [
    ...facts.imageFileSystems,
    ...(facts.failure === null ? (facts.plugins ?? []) : []).flatMap(({ root }) => root ?? []),
  ]);
  const silent = runtimes.some(({ facts }) => facts.failure !== null && facts.failure !== 'not-permitted');
  const written = silent && view.plan.imageRoot !== undefined ? [view.plan.imageRoot.value] : [];
  return [...new Set([...named, ...written])].filter((path) => path.startsWith('/')).slice(0, 4);
}

function shown({ point, type, readOnly, emergency }: Mount): NonNullable<DiskFacts['mount']> {
  return { point, type, readOnly, emergency };
}
