import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type HostFiles, hostFiles } from '../../src/node/host-files.ts';

/** A host root in a temporary folder with these files: path without the leading slash → text. */
export async function hostWith(files: Readonly<Record<string, string>>): Promise<{ host: HostFiles; root: string }> {
  const root = await mkdtemp(join(tmpdir(), 'pullwhy-crio-'));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return { host: hostFiles(root), root };
}

/** Runs `use` with such a host root and removes it. */
export async function withHost<T>(
  files: Readonly<Record<string, string>>,
  use: (host: HostFiles, root: string) => Promise<T>,
): Promise<T> {
  const { host, root } = await hostWith(files);
  try {
    return await use(host, root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
