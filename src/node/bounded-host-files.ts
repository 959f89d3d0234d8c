import { limits } from '../lib/limits.ts';
import { fail } from '../lib/result.ts';
import type { HostFiles } from './host-files.ts';

/**
 * `host` for one plan, with a bound on all that is read through it together: each file has a bound of its own, but a
 * folder may hold thousands of files (or links to one large file). What lies beyond is `too-large`, which every reader
 * of files tells as a problem of Pullwhy's, not of the runtime's.
 */
export function boundedHostFiles(host: HostFiles): HostFiles {
  // Configuration is parsed, which takes a hundred times as long as reading it.
  const left = { configuration: limits.planConfigBytes, other: limits.planOtherBytes };
  return {
    ...host,
    async readText(path, maxBytes = limits.configFileBytes) {
      const kind = maxBytes <= limits.configFileBytes ? 'configuration' : 'other';
      const limit = kind === 'configuration' ? limits.planConfigBytes : limits.planOtherBytes;
      if (left[kind] <= 0) return fail({ kind: 'too-large', path, bytes: limit - left[kind], limit });
      const text = await host.readText(path, maxBytes);
      if (text.ok) left[kind] -= text.value.length;
      return text;
    },
  };
}
