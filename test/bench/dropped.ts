import { join } from 'node:path';
import { canMakeNamespaces } from '../kit/network-namespace.ts';
import { type Command, pullwhy, timed } from './command.ts';
import { figureOf, type Part } from './figure.ts';
import { noNamespaces } from './healthy.ts';
import { type World, writeRoot } from './world.ts';

/** A person who waits for a verdict on a silent registry has it within this. */
const verdictMs = 5000;
/** The default of --deadline; nothing may take longer. */
const deadlineMs = 10_000;
const runs = 3;

/** Registries whose packets vanish, in network namespaces of their own. */
export async function dropped(world: World): Promise<Part> {
  if (!(await canMakeNamespaces())) return { figures: [], notes: [noNamespaces('dropped packets')] };
  const network = await world.network();
  const [upstream, mirror] = ['10.77.0.20:5000', '10.77.0.60:5000'];
  world.defer(await network.filter('reg', 'input', ['ip daddr 10.77.0.20 drop']));
  world.defer(await network.filter('mirror', 'input', ['ip daddr 10.77.0.60 drop']));

  const at = async (name: string, files: Readonly<Record<string, string>>): Promise<Command> => {
    const root = join(world.folder, name);
    await writeRoot(root, files);
    const made = pullwhy(
      name,
      ['diagnose', '--host-root', root, '--runtime', 'containerd', '-o', 'json', `${upstream}/team/app:1.0`],
      [1],
    );
    const [file, args] = network.at('node', made.file, made.args);
    return { ...made, file, args };
  };
  const one = await at('diagnose, a silent registry', {});
  const two = await at('diagnose, a silent mirror and a silent registry', {
    [`etc/containerd/certs.d/${upstream}/hosts.toml`]: `server = "https://${upstream}"\n[host."https://${mirror}"]\n`,
  });
  const times = await timed([one, two], runs);
  const single = figureOf(one.name, 'ms', times.get(one) ?? [], { atMost: verdictMs });
  const both = figureOf(two.name, 'ms', times.get(two) ?? [], { reference: single, atMost: deadlineMs });
  return {
    figures: [single, both],
    notes: ['not measured here: containerd itself waits 30 s for each such connection (its dial limit)'],
  };
}
