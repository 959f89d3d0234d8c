import { FleetIncident } from '../../api/fleet.ts';
import { checkAgainst } from '../../api/schema.ts';
import { arrayMember, isRecord, numberMember, parseJson, stringMember } from '../../lib/json.ts';

/** What the evaluator keeps of an incident between two looks. Times in milliseconds since the epoch. */
export interface IncidentMemory {
  /** When the first node failed, of this time that it is open. */
  readonly began: number;
  /** Since when no node fails or may fail any more; null: some do. */
  readonly emptySince: number | null;
  /** When it was last written. */
  readonly writtenAt: number;
  /** Nodes that failed and are unknown since. */
  readonly held: number;
  /** Nodes that failed or may fail, of the last look at which there were any; the first ones. */
  readonly last: readonly string[];
  /** Nodes that failed when it was at its worst. */
  readonly worstFailing: number;
  /** The document of that time, as JSON: read only when it is closed. */
  readonly worst: string;
}

/** As it is stored. */
export function memoryText(memory: IncidentMemory): string {
  return JSON.stringify(memory);
}

/** From the store; what does not fit is as good as nothing, and the incident goes on from its document. */
export function parseMemory(text: string, openedAt: number): IncidentMemory {
  const read = parseJson(text);
  const record = isRecord(read) ? read : {};
  return {
    began: numberMember(record, 'began') ?? openedAt,
    emptySince: numberMember(record, 'emptySince'),
    writtenAt: numberMember(record, 'writtenAt') ?? 0,
    held: numberMember(record, 'held') ?? 0,
    last: (arrayMember(record, 'last') ?? []).filter((name) => typeof name === 'string'),
    worstFailing: numberMember(record, 'worstFailing') ?? 0,
    worst: stringMember(record, 'worst') ?? '',
  };
}

/** The document at its worst; null when there is none. */
export function worstOf({ worst }: IncidentMemory): FleetIncident | null {
  const checked = checkAgainst(FleetIncident, parseJson(worst));
  return checked.ok ? checked.value : null;
}
