import { probesOf } from '../evidence/view.ts';
import { parseReference } from '../image/reference.ts';
import { isRecord, parseJson, stringMember } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import type { SandboxFacts } from '../model/facts.ts';
import type { CriClient } from '../wire/cri.ts';
import type { ProbeContext } from './context.ts';
import type { Probe, ProbeInput } from './probe.ts';

/** As long as the layers below it wait for an answer, and a little more. */
const pullMs = 6000;

/**
 * The pause image: on the node, or could the runtime pull it? Without it no new pod starts, whatever becomes of the image
 * asked for; and it is pulled at the first pod of a node only, long after whoever blocked its registry.
 */
export const sandboxProbe: Probe<'sandbox', ProbeInput> = {
  kind: 'sandbox',
  title: 'Pause image',
  cost: 'network',
  budgetMs: pullMs + 1500,
  proves: {
    ok: 'the image that every new pod needs is on the node, or can be pulled',
    failed: 'the image that every new pod needs is not on the node and cannot be pulled',
  },
  inputs: (view) =>
    probesOf(view, 'runtime').some(({ status }) => status === 'ok')
      ? [{ key: 'sandbox', target: 'pause image', hop: 'runtime', endpoint: null, counterfactual: false }]
      : [],
  run: async (_input, context, signal) => {
    const opened = await context.cri?.();
    if (opened === undefined || !opened.ok) return { status: 'skipped', message: 'The runtime does not answer.' };
    const setting = await settingOf(opened.value, context, signal);
    if (setting === null)
      return { status: 'skipped', message: 'Which pause image the runtime is set to is not known.' };
    const { image, source } = setting;
    const status = await opened.value.imageStatus(image, signal);
    if (!status.ok) return { status: 'skipped', message: `The runtime does not say whether it has ${image}.` };
    const facts: SandboxFacts = { image, source, present: status.value.present, pull: null };
    if (facts.present || context.tryOther === null) return { status: 'ok', error: null, facts };
    // The image asked for is what this investigation is about already.
    if (image === context.plan.image.normalized) return { status: 'ok', error: null, facts };
    const pull = await context.tryOther(image, context.patience(pullMs), signal);
    if (pull?.verdict !== 'faulty') return { status: 'ok', error: null, facts: { ...facts, pull } };
    return { status: 'failed', error: { code: 'rpc', message: pull.summary }, facts: { ...facts, pull } };
  },
};

/**
 * containerd 1.x and CRI-O tell it in their verbose status (`sandboxImage`). Of 2.x the files do; a default counts only
 * where the process is known, whose configuration file then is too.
 */
async function settingOf(
  cri: CriClient,
  { plan, runtimeProcess }: Pick<ProbeContext, 'plan' | 'runtimeProcess'>,
  signal: AbortSignal,
): Promise<{ readonly image: string; readonly source: string } | null> {
  const status = await cri.status(signal);
  const text = status.ok ? status.value.info.config : undefined;
  const config = text === undefined || text.length > limits.criInfoChars ? undefined : parseJson(text);
  const name = isRecord(config) ? stringMember(config, 'sandboxImage') : null;
  const parsed = name === null ? null : parseReference(name);
  const told = parsed?.ok === true ? parsed.value.normalized : name;
  const written = plan.sandboxImage;
  if (told !== null && told !== '') {
    // Where it is set helps more than that the runtime says so.
    return { image: told, source: written?.value === told ? written.source : 'the runtime' };
  }
  if (written === undefined || (written.source === 'default' && runtimeProcess === null)) return null;
  return { image: written.value, source: written.source };
}
