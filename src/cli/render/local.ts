import { probesOf } from '../../evidence/view.ts';
import type { Investigation } from '../../model/investigation.ts';
import type { Row } from './row.ts';
import { markBroken, viewOf } from './story.ts';
import { size } from './words.ts';

/**
 * What was looked at on the node itself: the runtime, the image, the disk. Nothing when no finding lies there: then the
 * line of what was ruled out says enough.
 */
export function localRows(document: Investigation): Row[] {
  const view = viewOf(document);
  const rows: Row[] = [
    ...probesOf(view, 'runtime').map((probe): Row => {
      const { name, version, ready, endpoint } = probe.facts;
      const state = probe.status === 'ok' ? 'ok' : 'failed';
      const word = ready === null ? '' : ready ? ', ready' : ', not ready';
      const message = probe.error?.message ?? '';
      const place = message.includes(endpoint.replace(/^unix:\/\//u, '')) ? '' : `${endpoint}: `;
      const words = state === 'ok' ? `${name} ${version}${word}` : `failed: ${place}${message}`;
      return { step: 'runtime', state, words, probes: [probe] };
    }),
    ...probesOf(view, 'image').map((probe): Row => {
      const { present, sizeBytes } = probe.facts;
      if (present === null) {
        return {
          step: 'image',
          state: 'not-checked',
          words: `not known: ${probe.error?.message ?? ''}`,
          probes: [probe],
        };
      }
      const bytes = sizeBytes === null ? '' : ` (${size(sizeBytes)})`;
      const words = present ? `the image is on the node${bytes}` : 'the image is not on the node';
      return { step: 'image', state: 'ok', words, probes: [probe] };
    }),
    ...probesOf(view, 'credentials').map((probe): Row => {
      const words = probe.facts.plugins
        .map(
          ({ name, why, keys }) => `${name} ${why ?? (keys.length === 0 ? 'gives none' : `gives ${keys.join(', ')}`)}`,
        )
        .join('; ');
      return { step: 'plugins', state: probe.status === 'ok' ? 'ok' : 'failed', words, probes: [probe] };
    }),
    ...probesOf(view, 'sandbox').map((probe): Row => {
      const { image, present, pull } = probe.facts;
      const way = pull === null ? '' : pull.verdict === 'faulty' ? ', and cannot be pulled' : ', and could be pulled';
      const words = `${image} is ${present ? 'on the node' : `not on the node${pull?.verdict === 'inconclusive' ? '' : way}`}`;
      return { step: 'pause', state: probe.status === 'ok' ? 'ok' : 'failed', words, probes: [probe] };
    }),
    ...probesOf(view, 'snapshotter').map((probe): Row => {
      const { name, address } = probe.facts;
      const words = probe.status === 'ok' ? `${name} listens at ${address}` : `failed: ${probe.error?.message ?? name}`;
      return { step: 'storage', state: probe.status === 'ok' ? 'ok' : 'failed', words, probes: [probe] };
    }),
    ...probesOf(view, 'disk').map((probe): Row => {
      const { path, freeBytes, totalBytes, freeInodes, mount } = probe.facts;
      const inodes = freeInodes === 0 && probe.facts.totalInodes > 0 ? ', no inode free' : '';
      const readOnly = mount === undefined || mount.readOnly === null ? '' : ', read-only';
      const words = `${size(freeBytes)} of ${size(totalBytes)} free${inodes}${readOnly}: ${path}`;
      return { step: 'disk', state: 'ok', words, probes: [probe] };
    }),
  ];
  const evidence = new Set(document.findings.flatMap((finding) => [...finding.evidence]));
  const concerned = rows.some(({ probes }) => probes.some(({ id }) => evidence.has(id)));
  return concerned ? markBroken(rows, document, null) : [];
}
