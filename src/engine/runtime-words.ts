import type { View } from '../evidence/view.ts';
import type { LoadedFacts } from '../model/facts.ts';
import type { Remedy } from '../model/investigation.ts';

/** `The running containerd (process 512, started 2026-11-22 08:00:00 UTC)`. */
export function runtimeWords(view: View, { pid, startedAt }: LoadedFacts): string {
  const name = view.runtime.name ?? 'runtime';
  return `The running ${name} (process ${pid}${startedAt === null ? '' : `, started ${timeWords(startedAt)}`})`;
}

/** To the second: `2026-11-22 08:00:00 UTC`. */
export function timeWords(iso: string): string {
  return `${iso.slice(0, 19).replace('T', ' ')} UTC`;
}

/** What makes a runtime load what its files say now. */
export function restart(view: View, { unit }: LoadedFacts): Remedy {
  const usual = view.runtime.name === 'cri-o' ? 'crio' : 'containerd';
  const name = unit !== null && /^[\w@.-]+$/.test(unit) && !unit.startsWith('-') ? unit : usual;
  return {
    text: 'Restart the runtime, so that it loads what the files say now; running containers go on.',
    command: `systemctl daemon-reload && systemctl restart ${name}`,
  };
}
