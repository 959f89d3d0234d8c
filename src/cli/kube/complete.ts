import { isRecord, recordMember, stringMember } from '../../lib/json.ts';
import { fail, ok } from '../../lib/result.ts';
import type { KubeClient } from '../../wire/kube-client.ts';
import type { CommandShape } from '../completion/shape.ts';
import { openCluster } from './cluster.ts';
import { isName } from './target.ts';
import { workloadKind, workloadWords } from './workload.ts';

/** What completing needs. */
export interface CompletionNeeds {
  readonly shape: CommandShape;
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** Longest wait for the API server: a person waits for a key to act. */
const patienceMs = 3000;

/** Names that are offered. */
const mostNames = 500;

/** What the shell does with the answer (cobra, ShellCompDirective): no file names, and no space behind a word. */
const noFiles = 4;
const noSpace = 2;
const files = 0;

/**
 * The answer of `kubectl_complete-pullwhy`, which kubectl runs for `kubectl pullwhy …<Tab>` with the words so far (kubectl,
 * pkg/cmd/plugin/plugin_completion.go): a candidate on each line, then the directive. What cannot be asked is not offered.
 */
export async function completePlugin(words: readonly string[], needs: CompletionNeeds): Promise<string> {
  const { shape } = needs;
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const flag = shape.flags.find(
    ({ short, long, value }) => value !== 'none' && [short, long].includes(before.at(-1) ?? ''),
  );
  if (flag?.value === 'file') return answer([], files);
  if (flag !== undefined) {
    const path = /^--(?:agent-)?namespace$/.test(flag.long ?? '') ? '/api/v1/namespaces' : '/api/v1/nodes';
    const asked = flag.long !== null && /namespace|node/.test(flag.long);
    return answer(begin(asked ? await names(path, before, needs) : flag.choices, typed), noFiles);
  }
  if (typed.startsWith('-'))
    return answer(
      begin(
        shape.flags.flatMap(({ long }) => long ?? []),
        typed,
      ),
      noFiles,
    );
  const [word = '', name] = typed.split('/');
  if (name === undefined) {
    const pods = begin(await names('pods', before, needs), typed);
    const kinds = begin(
      workloadWords.map((kind) => `${kind}/`),
      typed,
    );
    return answer([...pods, ...kinds], pods.length === 0 ? noFiles + noSpace : noFiles);
  }
  const kind = workloadKind(word);
  const place = kind === null ? (/^(?:po|pods?)$/.test(word) ? 'pods' : null) : `${kind.group} ${kind.plural}`;
  const known = place === null ? [] : await names(place, before, needs);
  return answer(
    begin(
      known.map((one) => `${word}/${one}`),
      typed,
    ),
    noFiles,
  );
}

function answer(candidates: readonly string[], directive: number): string {
  return [...candidates.slice(0, mostNames), `:${directive}`].join('\n');
}

function begin(candidates: readonly string[], typed: string): string[] {
  return candidates.filter((one) => one.startsWith(typed));
}

/** Names of objects: by a path, or in the namespace that the words before mean. */
async function names(
  what: string,
  before: readonly string[],
  { variables, signal }: CompletionNeeds,
): Promise<string[]> {
  const given = (...flags: readonly string[]): string | null => {
    const at = before.findLastIndex((word) => flags.includes(word));
    return at === -1 ? null : (before[at + 1] ?? null);
  };
  const choice = { kubeconfig: given('--kubeconfig'), context: given('--context'), variables, terminal: false };
  const cluster = await openCluster(choice);
  if (!cluster.ok) return [];
  const client = cluster.value;
  try {
    const [group = '', plural] = what.split(' ');
    const namespace = given('-n', '--namespace') ?? client.namespace ?? 'default';
    if (!isName(namespace)) return [];
    const path = what.startsWith('/api/')
      ? what
      : `${plural === undefined ? '/api/v1' : group}/namespaces/${namespace}/${plural ?? what}`;
    return await namesAt(client, path, signal);
  } finally {
    await client.close();
  }
}

async function namesAt(client: KubeClient, path: string, signal: AbortSignal): Promise<string[]> {
  const listed = await client.list(
    {
      path,
      pageItems: mostNames,
      read(object) {
        const metadata = isRecord(object) ? recordMember(object, 'metadata') : null;
        const name = metadata === null ? null : stringMember(metadata, 'name');
        return name !== null && isName(name) ? ok(name) : fail('An object without a name.');
      },
    },
    { timeoutMs: patienceMs, signal },
  );
  return listed.ok ? [...listed.value.items] : [];
}
