import { amount, flag, list, nullable, number, object, oneOf, text } from '../lib/shape.ts';
import type { CredentialLifetimeInfo, CredentialsInfo } from './plan.ts';

/** What one of the kubelet's plugins gave for the image. */
export interface PluginFacts {
  readonly name: string;
  /** The entry of the kubelet's configuration, with its line. */
  readonly source: string;
  /**
   * `answered`: it may have answered with nothing for this image; `failed`: the kubelet goes on without it then; `not-run`:
   * it was not asked, or not waited for to its end, so nothing is known of it.
   */
  readonly outcome: 'answered' | 'failed' | 'not-run';
  /** Why it failed or was not run, a clause whose subject is the plugin; null: it answered. */
  readonly why: string | null;
  readonly exitCode: number | null;
  /** The end of its standard error, one line, without secrets. */
  readonly stderr: string;
  /** The answer is one from before, kept by the kubelet's rules. */
  readonly cached: boolean;
  readonly cacheKeyType: 'Image' | 'Registry' | 'Global' | null;
  readonly cacheSeconds: number | null;
  /** Registries that its answer has entries for. */
  readonly keys: readonly string[];
}

/** What the kubelet's credential plugins gave for the image, all together. */
export interface CredentialsFacts {
  /** As the kubelet hands it to them: without tag and digest. */
  readonly image: string;
  readonly plugins: readonly PluginFacts[];
  /** Entries that serve the image, in the kubelet's order: after those of the pod's secrets and the node's files. */
  readonly matches: CredentialsInfo['matches'];
}

/** One entry that matches an image, in a saved document. */
export const matchShape = object<CredentialsInfo['matches'][number]>(
  {
    key: text,
    source: text,
    username: text,
    sentTo: text,
    ofPod: oneOf([true]),
    lifetime: object<CredentialLifetimeInfo>({ expiresAt: text, issuedAt: nullable(text), by: text }),
    empty: oneOf([true]),
    odd: text,
  },
  ['sentTo', 'ofPod', 'lifetime', 'empty', 'odd'],
);

/** The shape of these facts in a saved document. */
export const credentialsShape = object<CredentialsFacts>({
  image: text,
  plugins: list(
    object<PluginFacts>({
      name: text,
      source: text,
      outcome: oneOf(['answered', 'failed', 'not-run']),
      why: nullable(text),
      exitCode: nullable(number),
      stderr: text,
      cached: flag,
      cacheKeyType: nullable(oneOf(['Image', 'Registry', 'Global'])),
      cacheSeconds: nullable(amount),
      keys: list(text),
    }),
  ),
  matches: list(matchShape),
});
