import type { Problem } from '../model/problem.ts';
import { at } from './crio-fields.ts';
import type { FileFailure, HostFiles } from './host-files.ts';
import { sourceName } from './host-files.ts';
import { parseToml, type TomlDocument } from './toml.ts';

/** What became of a TOML file of CRI-O. */
export type TomlFile =
  | { readonly kind: 'parsed'; readonly document: TomlDocument }
  | { readonly kind: 'absent' }
  /** The runtime cannot use it: an error. */
  | { readonly kind: 'broken'; readonly problem: Problem }
  /** This process cannot read it, which says nothing of the runtime: a warning. */
  | { readonly kind: 'unread'; readonly problem: Problem };

/**
 * The home of the user that CRI-O runs as. Its unit sets none, so containers/image takes root's from the user database
 * (storage/pkg/homedir); files below it come before those in /etc.
 */
export const crioHome = '/root';

/** Reads and parses one file. `consequence` ends the sentence: what CRI-O does when the file is broken. */
export async function readTomlFile(host: HostFiles, path: string, consequence: string): Promise<TomlFile> {
  const source = sourceName(path);
  const text = await host.readText(path);
  if (!text.ok) {
    if (text.error.kind === 'absent') return { kind: 'absent' };
    if (text.error.kind === 'not-a-file') {
      return { kind: 'broken', problem: misconfigured(source, `${source} is not a file; ${consequence}`) };
    }
    return { kind: 'unread', problem: unread(text.error) };
  }
  const parsed = parseToml(text.value, source);
  if (parsed.ok) return { kind: 'parsed', document: parsed.value };
  const { line, column, message } = parsed.error;
  return {
    kind: 'broken',
    problem: misconfigured(
      at(source, line),
      `${source} is not valid TOML at column ${column}: ${message}; ${consequence}`,
    ),
  };
}

/** An `error` of cause `runtime-misconfigured`. */
export function misconfigured(source: string, message: string): Problem {
  return { severity: 'error', cause: 'runtime-misconfigured', source, message };
}

/** A `warning` of cause `runtime-misconfigured`. */
export function suspicious(source: string, message: string): Problem {
  return { severity: 'warning', cause: 'runtime-misconfigured', source, message };
}

/** A file that Pullwhy itself cannot read: the plan may lack what the file says. */
export function unread(failure: FileFailure): Problem {
  const source = sourceName(failure.path);
  const why =
    failure.kind === 'denied'
      ? 'this process has no permission'
      : failure.kind === 'too-large'
        ? `it has ${failure.bytes} bytes, more than the ${failure.limit} that are read`
        : failure.kind === 'failed'
          ? failure.code
          : failure.kind === 'absent'
            ? 'it is absent'
            : 'it is not a file';
  return {
    ...suspicious(source, `${source} could not be read here (${why}), so what it sets is missing from this plan.`),
    harmless: true,
  };
}
