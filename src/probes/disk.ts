import { statfs } from 'node:fs/promises';
import { probesOf } from '../evidence/view.ts';
import type { Probe, ProbeInput } from './probe.ts';

interface DiskInput extends ProbeInput {
  readonly path: string;
}

/** Free space and inodes of the file system that images are stored on. */
export const diskProbe: Probe<'disk', DiskInput> = {
  kind: 'disk',
  title: 'Image file system',
  cost: 'free',
  budgetMs: 2000,
  proves: {
    ok: 'the file system that holds images has room',
    failed: 'the file system that holds images cannot be looked at',
  },
  inputs: (view) =>
    // The runtime says where (ImageFsInfo); a runtime that is full may not answer that, then its usual folder counts.
    probesOf(view, 'runtime')
      .flatMap((probe) => probe.facts.imageFileSystems)
      .slice(0, 4)
      .map((path) => ({ key: `disk ${path}`, target: path, hop: 'node', endpoint: null, counterfactual: false, path })),
  run: async ({ path }, context) => {
    try {
      const place = await context.locate(path);
      if (place === null) return { status: 'skipped', message: `${path} cannot be looked at from here.` };
      const facts = await statfs(place);
      return {
        status: 'ok',
        error: null,
        facts: {
          path,
          totalBytes: facts.blocks * facts.bsize,
          freeBytes: facts.bavail * facts.bsize,
          totalInodes: facts.files,
          freeInodes: facts.ffree,
        },
      };
    } catch {
      return { status: 'skipped', message: `${path} cannot be looked at from here.` };
    }
  },
};
