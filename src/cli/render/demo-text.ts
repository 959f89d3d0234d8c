import { causeOf } from '../../causes/index.ts';
import { attributionWords, scopeWords, subjectWords } from '../../collector/report/fleet-words.ts';
import type { DemoEvent } from '../../demo/demo.ts';
import type { Style } from './style.ts';
import { count, duration, visible, wrap } from './words.ts';

type Told<K extends DemoEvent['kind']> = DemoEvent & { readonly kind: K };

/** Where texts of an act begin. */
const indent = '     ';

/** One thing that happens in the demo, for somebody who has never seen Pullwhy. */
export function renderDemo(event: DemoEvent, style: Style): string {
  switch (event.kind) {
    case 'started':
      return linesOf(startLines(event, style));
    case 'broken': {
      const { act, number, of } = event;
      return linesOf([
        '',
        style.bold(`${`${number}/${of}`.padEnd(indent.length)}${visible(act.title)}`),
        ...wrap(act.broken, style.width, indent),
      ]);
    }
    case 'opened':
      return linesOf(openedLines(event, style));
    case 'missed': {
      const after = duration(event.afterMs);
      const words =
        event.what === 'incident'
          ? `Within ${after} the collector has not said it.`
          : `Within ${after} the collector has not closed it.`;
      return linesOf(marked(style.symbols.bad, words, style).map(style.bad));
    }
    case 'besides': {
      const words = `Besides, which nobody made: ${event.incident.summary}`;
      return linesOf(marked(style.symbols.warn, words, style).map(style.warn));
    }
    case 'mended':
      return linesOf([style.dim(`${indent}Mended.`)]);
    case 'closed': {
      const after = seconds(event.afterMs);
      return linesOf(marked(style.symbols.good, `Closed, ${after} after that.`, style).map(style.good));
    }
    case 'ended': {
      const { right, of } = event;
      const all = right === of;
      const words = all
        ? `All ${of} were told right: the cause, how far it reaches, and what the failing nodes share.`
        : `${right} of ${of} were told right.`;
      return linesOf([
        '',
        ...wrap(words, style.width, `${all ? style.symbols.good : style.symbols.bad} `).map(
          all ? style.good : style.bad,
        ),
      ]);
    }
    case 'trouble':
      return linesOf(wrap(visible(event.message), style.width, `${style.symbols.warn} `).map(style.warn));
  }
}

function startLines(event: Told<'started'>, style: Style): string[] {
  const { url, sites, real, registry, closeAfterMs, acts, once } = event;
  const { width } = style;
  const fact = (name: string, words: string): string[] => wrap(words, width, `  ${name.padEnd(11)}`);
  const [first, last] = [sites[0]?.name ?? '', sites.at(-1)?.name ?? ''];
  const names = first === last ? first : `${first} to ${last}`;
  return [
    ...wrap(
      'A cluster in which images fail to come, and a collector that says why. All of it is on this machine, on loopback.',
      width,
    ).map(style.bold),
    '',
    ...fact('collector', `real: ${url}, with SQLite in a temporary folder`),
    ...fact(
      'nodes',
      `${count(sites.length, 'simulated node')}, ${names}: they are made up, and so is what they report. It goes to the collector over HTTP as an agent's does, and what the collector makes of it is its own.`,
    ),
    ...(real.length === 0
      ? []
      : fact(
          'agents',
          `${count(real.length, 'real one')}, ${real.join(', ')}: pullwhy agent processes, each with a made-up node's files. They really probe ${registry}, a small registry of this demo's.`,
        )),
    ...fact(
      'incidents',
      `closed ${duration(closeAfterMs)} after the last failure here, so that you need not wait; two minutes otherwise.`,
    ),
    '',
    ...wrap(`${acts} things break, one after the other. Look for yourself meanwhile, in another terminal:`, width),
    `  pullwhy fleet incidents --collector ${url}`,
    `  pullwhy fleet nodes --collector ${url}`,
    ...(once ? [] : wrap('Ctrl-C ends everything and leaves nothing.', width)),
  ];
}

function openedLines({ act, incident, afterMs, wrong }: Told<'opened'>, style: Style): string[] {
  const { width, symbols } = style;
  const bad = incident.severity === 'fault' && incident.fault !== 'workload';
  const paint = bad ? style.bad : style.warn;
  const head = `${incident.cause} at ${subjectWords(incident)}: ${scopeWords(incident)}`;
  const [remedy] = incident.remedies;
  const apart = attributionWords(incident);
  return [
    style.dim(`${indent}After ${seconds(afterMs)} the collector says:`),
    ...marked(bad ? symbols.bad : symbols.warn, visible(head), style).map(paint),
    ...(apart.length === 0 ? [`${causeOf(incident.cause).title}. ${faultWords[incident.fault]}`] : apart).flatMap(
      (words) => wrap(sentence(visible(words)), width, indent),
    ),
    ...(remedy === undefined ? [] : wrap(visible(remedy.text), width, `${indent}${symbols.arrow} `)),
    ...(remedy?.command === null || remedy === undefined ? [] : [`${indent}    ${visible(remedy.command)}`]),
    ...wrap(act.lesson, width, indent).map(style.dim),
    ...wrong.flatMap((words) => marked(symbols.bad, `Not right: ${words}.`, style).map(style.bad)),
  ];
}

function sentence(words: string): string {
  return words.endsWith('.') ? words : `${words}.`;
}

const faultWords = {
  workload: "It is the workload's own to mend.",
  node: 'It is to be mended on the node.',
  network: 'It is to be mended in the network.',
  registry: 'It is to be mended at the registry.',
  nobody: 'Nobody has to mend anything.',
} as const;

/** Behind a mark, where the texts of an act begin. */
function marked(mark: string, words: string, { width }: Style): string[] {
  return wrap(words, width, `${' '.repeat(indent.length - 2)}${mark} `);
}

/** `1.4 s`. */
function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function linesOf(lines: readonly string[]): string {
  return lines.map((line) => line.trimEnd()).join('\n');
}
