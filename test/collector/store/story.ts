import type { CheckedBatch, CheckedRecord } from '../../../src/collector/parts.ts';
import { batch, broken, check, health, heartbeat, image, investigation, nodeRecord, time } from './batches.ts';

/** Forty records in which the same things are said again and again, differently. */
export function story(of: number): readonly CheckedRecord[] {
  return Array.from({ length: 40 }, (_, index): CheckedRecord => {
    const seq = index + 1;
    const subject = `r${(index * 7 + of) % 3}.example`;
    switch ((index + of) % 6) {
      case 0:
        return nodeRecord(seq, { zone: [`z${index % 4}`], nameserver: ['a', `${index}`] }, `${index}`);
      case 1:
        return heartbeat(seq, index);
      case 2:
        return health(seq, index % 4 === 0 ? check({ subject }) : broken({ subject, summary: `${index}` }), check());
      case 3:
        return image(seq, { normalized: subject, pods: index });
      case 4: {
        const endedBy = index % 3 === 0 ? 'gone' : 'agent';
        return image(seq, { normalized: subject, state: 'over', endedAt: time(-1), endedBy, secondsGained: index });
      }
      default:
        return investigation(seq, { id: `i${of}-${index % 5}`, summary: `${index}` });
    }
  });
}

/** Batches of forty nodes that tell the story, one after the other in turns. */
export function storyBatches(): readonly CheckedBatch[] {
  return Array.from({ length: 400 }, (_, index) => {
    const [of, part] = [index % 40, Math.floor(index / 40)];
    return batch(story(of).slice(part * 4, part * 4 + 4), { node: `node-${of}` });
  });
}
