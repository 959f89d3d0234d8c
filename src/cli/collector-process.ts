import { startCollector } from '../collector/collector.ts';
import type { CollectorSettings } from '../collector/settings.ts';
import { type Staying, stay } from './stay.ts';
import { version } from './version.ts';

/** What the process needs. */
export interface CollectorProcess extends Omit<Staying<CollectorSettings>, 'who' | 'start'> {
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** Runs the collector until the signal. */
export async function runCollectorProcess(needs: CollectorProcess): Promise<number> {
  const { env, variables } = needs;
  return stay({
    ...needs,
    who: 'collector',
    start: (log, settings) => startCollector({ env, log, settings, version, variables, threads: true }),
  });
}
