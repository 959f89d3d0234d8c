import { type Command, InvalidArgumentError, Option } from 'commander';
import type { FleetIncident } from '../../api/fleet.ts';
import { causeIds } from '../../model/cause-id.ts';
import type { AgentClient } from '../agent-client.ts';
import { collectorPeer } from '../agent-lost.ts';
import { addClientFlags, type ClientFlags, clientOf } from '../client-flags.ts';
import { exitStatus } from '../exit-status.ts';
import { complain, jsonText, print } from '../output.ts';
import { stdoutStyle } from '../terminal.ts';

interface FleetFlags extends ClientFlags {
  readonly collector: string;
  readonly output: 'text' | 'json' | 'ndjson' | 'markdown' | 'html';
}

interface ListFlags extends FleetFlags {
  readonly limit: number;
}

/** Longest wait for an answer. */
const answerMs = 15_000;

/** Items that are asked for at most, page by page, unless `--limit` says so. */
const usualItems = 1000;
const mostItems = 100_000;

/** `pullwhy fleet …`: what a collector knows of all nodes. */
export function addFleet(program: Command, finish: (status: number) => void, signal: AbortSignal): void {
  const fleet = program
    .command('fleet')
    .description('ask the collector about all nodes, over HTTP')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Examples:
  pullwhy fleet incidents
    what fails, on which nodes, what these have in common, and what to do
  pullwhy fleet compare worker-3 worker-4 --collector https://pullwhy:9450 \\
      --token-file token --ca-file ca.crt
    what differs between a node that pulls and one that does not
  pullwhy fleet report -o html > report.html
    the fleet-health report, as a page that stands alone`,
    );
  const asking = (name: string, description: string, formats: readonly FleetFlags['output'][]): Command =>
    addClientFlags(fleet.command(name).description(description), collectorPeer).addOption(
      new Option('-o, --output <FORMAT>', 'how to print').choices(formats).default('text'),
    );
  const listing = (name: string, description: string): Command =>
    asking(name, description, ['text', 'json', 'ndjson']).option(
      '--limit <N>',
      'at most so many, asked for page by page',
      wholeNumber,
      usualItems,
    );
  const withClient = async (flags: FleetFlags, work: (client: AgentClient) => Promise<number>): Promise<void> => {
    const client = await clientOf(flags, collectorPeer, 'fleet', signal);
    return finish(client === null ? exitStatus.usage : await work(client));
  };
  const lost = (message: string): number => {
    complain('fleet', message);
    return exitStatus.inconclusive;
  };
  const help = (text: string): readonly ['after', string] => ['after', `\nExamples:\n${text}`];

  listing('incidents', 'what fails now: cause, where, and what the failing nodes have in common')
    .addOption(new Option('--state <STATE>', 'only these').choices(['open', 'closed', 'all']).default('open'))
    .addOption(new Option('--cause <CAUSE>', 'only of this cause').choices([...causeIds]))
    .addOption(new Option('--scope <SCOPE>', 'only these').choices(['node', 'group', 'cluster']))
    .option('--subject <NAME>', 'only of this registry, image or part of the nodes')
    .option('--node <NODE>', 'only what hits this node')
    .option('--since <TIME>', 'a time (RFC 3339), or a span before now such as 2h')
    .addHelpText(
      ...help(
        '  pullwhy fleet incidents --scope cluster\n  pullwhy fleet incidents --state all --since 24h -o ndjson\n\nExit status: 0 no fault of nodes, network or registries is open, 1 one is,\n2 wrong command line, 3 no answer.',
      ),
    )
    .action((flags: ListFlags & Readonly<Record<string, string | undefined>>) =>
      withClient(flags, async (client) => {
        const [{ FleetIncidentsDocument }, { renderIncidents }, { everyPage }] = await listModules();
        const { state = 'open', cause, scope, subject, node, since } = flags;
        const filters = { state: state === 'all' ? undefined : state, cause, scope, subject, node, since };
        const got = await everyPage(client, FleetIncidentsDocument, '/v1/incidents', filters, flags.limit);
        if (!got.ok) return lost(got.error);
        const { items, at, next } = got.value;
        await printList(flags, got.value, () => renderIncidents(items, at, next !== null, stdoutStyle()));
        if (flags.output === 'text') await printSilent(client);
        return items.some(isFault) ? exitStatus.faulty : exitStatus.ok;
      }),
    );

  asking('incident', 'one incident, with all that is known of it', ['text', 'json'])
    .argument('<ID>')
    .addHelpText(
      ...help(
        '  pullwhy fleet incident 01JD0W9K3Q\n\nExit status: 0 it is over, or no fault, 1 it is open, 2 wrong command line,\n3 no answer, or there is no such incident.',
      ),
    )
    .action((id: string, flags: FleetFlags) =>
      withClient(flags, async (client) => {
        const [{ FleetIncidentDocument }, { renderIncident }] = await listModules();
        const path = `/v1/incidents/${encodeURIComponent(id)}`;
        const got = await client.document(FleetIncidentDocument, { path, timeoutMs: answerMs });
        if (!got.ok) return lost(got.error);
        await print(flags.output === 'json' ? jsonText(got.value) : renderIncident(got.value, stdoutStyle()));
        return isFault(got.value) ? exitStatus.faulty : exitStatus.ok;
      }),
    );

  listing('nodes', 'all nodes whose agents report, with their state')
    .addOption(
      new Option('--state <STATE>', 'only these').choices(['healthy', 'degraded', 'faulty', 'silent', 'unknown']),
    )
    .option('--attribute <NAME=VALUE>', 'only nodes of which this holds: zone=eu-1')
    .addOption(new Option('--cause <CAUSE>', 'only nodes on which this holds').choices([...causeIds]))
    .addOption(
      new Option('--sort <BY>', 'by name, or by the last report, the newest first').choices(['node', 'last-seen']),
    )
    .addHelpText(
      ...help(
        '  pullwhy fleet nodes --state silent\n  pullwhy fleet nodes --attribute nameserver=10.0.0.53\n\nExit status: 0 none of them is faulty, 1 some are, 2 wrong command line,\n3 no answer.',
      ),
    )
    .action((flags: ListFlags & Readonly<Record<string, string | undefined>>) =>
      withClient(flags, async (client) => {
        const [{ FleetNodesDocument }, { renderNodes }, { everyPage }] = await listModules();
        const { state, attribute, cause, sort } = flags;
        const filters = { state, attribute, cause, sort };
        const got = await everyPage(client, FleetNodesDocument, '/v1/nodes', filters, flags.limit);
        if (!got.ok) return lost(got.error);
        const { items, at, next } = got.value;
        await printList(flags, got.value, () => renderNodes(items, at, next !== null, stdoutStyle()));
        return items.some((row) => row.state === 'faulty') ? exitStatus.faulty : exitStatus.ok;
      }),
    );

  asking('node', 'one node: what it is, what it found, and what hits it', ['text', 'json'])
    .argument('<NODE>')
    .addHelpText(
      ...help(
        '  pullwhy fleet node worker-3\n\nExit status: 0 healthy or degraded, 1 faulty, 2 wrong command line,\n3 silent or not known, or no answer.',
      ),
    )
    .action((name: string, flags: FleetFlags) =>
      withClient(flags, async (client) => {
        const [{ FleetNodeDocument }, { renderNode }] = await listModules();
        const path = `/v1/nodes/${encodeURIComponent(name)}`;
        const got = await client.document(FleetNodeDocument, { path, timeoutMs: answerMs });
        if (!got.ok) return lost(got.error);
        await print(flags.output === 'json' ? jsonText(got.value) : renderNode(got.value, stdoutStyle()));
        const { state } = got.value;
        if (state === 'faulty') return exitStatus.faulty;
        return state === 'silent' || state === 'unknown' ? exitStatus.inconclusive : exitStatus.ok;
      }),
    );

  listing('registries', 'every registry in use, over all nodes')
    .addHelpText(
      ...help(
        '  pullwhy fleet registries\n\nExit status: 0 none is faulty on any node, 1 some are, 2 wrong command line,\n3 no answer.',
      ),
    )
    .action((flags: ListFlags) =>
      withClient(flags, async (client) => {
        const [{ FleetRegistriesDocument }, { renderRegistries }, { everyPage }] = await listModules();
        const got = await everyPage(client, FleetRegistriesDocument, '/v1/registries', {}, flags.limit);
        if (!got.ok) return lost(got.error);
        const { items, at, next } = got.value;
        await printList(flags, got.value, () => renderRegistries(items, at, next !== null, stdoutStyle()));
        return items.some(({ nodes }) => nodes.faulty > 0) ? exitStatus.faulty : exitStatus.ok;
      }),
    );

  asking('report', 'the fleet-health report', ['text', 'markdown', 'html', 'json'])
    .addHelpText(
      ...help(
        '  pullwhy fleet report -o html > report.html\n    a page that stands alone, to be kept or sent\n\nExit status: 0 healthy or degraded, 1 faulty, 2 wrong command line,\n3 nothing is known, or no answer.',
      ),
    )
    .action((flags: FleetFlags) =>
      withClient(flags, async (client) => {
        const [{ FleetReport }, { fleetHtml }, { fleetMarkdown }] = await Promise.all([
          import('../../api/fleet-report.ts'),
          import('../../collector/report/fleet-html.ts'),
          import('../../collector/report/fleet-markdown.ts'),
        ]);
        // Always the document: how it ends must not depend on the form that it is printed in.
        const got = await client.document(FleetReport, { path: '/v1/report', timeoutMs: answerMs });
        if (!got.ok) return lost(got.error);
        const { output } = flags;
        const report = got.value;
        await print(
          output === 'json' ? jsonText(report) : output === 'html' ? fleetHtml(report) : fleetMarkdown(report),
        );
        if (report.verdict === 'faulty') return exitStatus.faulty;
        return report.verdict === 'inconclusive' ? exitStatus.inconclusive : exitStatus.ok;
      }),
    );

  asking('compare', 'what differs between two nodes', ['text', 'json'])
    .argument('<NODE>')
    .argument('<OTHER>')
    .addHelpText(
      ...help(
        '  pullwhy fleet compare worker-3 worker-4\n\nExit status: 0 whatever differs, 2 wrong command line, 3 no answer, or one of\nthem is not known.',
      ),
    )
    .action((a: string, b: string, flags: FleetFlags) =>
      withClient(flags, async (client) => {
        const [{ CompareDocument }, { renderComparison }] = await listModules();
        const path = `/v1/compare?${new URLSearchParams({ a, b })}`;
        const got = await client.document(CompareDocument, { path, timeoutMs: answerMs });
        if (!got.ok) return lost(got.error);
        await print(flags.output === 'json' ? jsonText(got.value) : renderComparison(got.value, stdoutStyle()));
        return exitStatus.ok;
      }),
    );

  asking('events', 'what changed: incidents, and nodes that fall silent', ['text', 'ndjson'])
    .option('-f, --follow', 'go on with what happens from now on, until interrupted')
    .option('--after <ID>', 'only what came behind this event', eventId)
    .addHelpText(
      ...help(
        '  pullwhy fleet events --follow\n  pullwhy fleet events -o ndjson\n\nExit status: 0 told, or interrupted, 2 wrong command line, 3 no answer.',
      ),
    )
    .action((flags: FleetFlags & { readonly follow?: boolean; readonly after?: string }) =>
      withClient(flags, async (client) => {
        const [{ followEvents }, { renderEvent }] = await Promise.all([
          import('../fleet-events.ts'),
          import('../render/fleet-text.ts'),
        ]);
        const style = stdoutStyle();
        const { follow = false, after = follow ? null : '0' } = flags;
        const ended = await followEvents(client, {
          after,
          follow,
          signal,
          onEvent: (event) => print(flags.output === 'ndjson' ? jsonText(event, 0) : renderEvent(event, style)),
          onTrouble: (words) => void complain('fleet', words),
        });
        return ended.ok ? exitStatus.ok : lost(ended.error);
      }),
    );
}

/** What somebody has to mend who is not the owner of one workload. */
function isFault({ state, severity, fault }: FleetIncident): boolean {
  return state === 'open' && severity === 'fault' && fault !== 'workload';
}

/** Loaded when they are needed: a command's help needs none of them. */
function listModules() {
  return Promise.all([import('../../api/fleet.ts'), import('../render/fleet-text.ts'), import('../fleet-pages.ts')]);
}

async function printList(
  { output }: FleetFlags,
  document: { readonly items: readonly unknown[] },
  text: () => string,
): Promise<void> {
  if (output === 'json') return print(jsonText(document));
  if (output === 'text') return print(text());
  for (const item of document.items) await print(jsonText(item, 0));
}

/** Where no incident is open, that may be because nobody tells of one. */
async function printSilent(client: AgentClient): Promise<void> {
  const [{ FleetNodesDocument }, { renderSilence }] = await listModules();
  const path = '/v1/nodes?state=silent&limit=500';
  const got = await client.document(FleetNodesDocument, { path, timeoutMs: answerMs });
  if (!got.ok || got.value.items.length === 0) return;
  await print(`\n${renderSilence(got.value.items, got.value.next !== null, stdoutStyle())}`);
}

function wholeNumber(value: string): number {
  if (!/^[1-9]\d{0,5}$/.test(value) || Number(value) > mostItems) {
    throw new InvalidArgumentError(`It must be a whole number, 1 to ${mostItems}.`);
  }
  return Number(value);
}

function eventId(value: string): string {
  if (!/^\d{1,15}$/.test(value)) throw new InvalidArgumentError('It must be the id of an event: a whole number.');
  return value;
}
