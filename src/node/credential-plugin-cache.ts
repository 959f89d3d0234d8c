import type { CacheKeyType, PluginAnswer } from './credential-plugin-answer.ts';

/** Answers of one plugin, kept by the kubelet's rules. It holds credentials: it is never written anywhere. */
export interface PluginCache {
  readonly get: (image: string) => PluginAnswer | null;
  readonly put: (image: string, answer: PluginAnswer) => void;
}

/** Answers that are kept: with the type `Image` there is one for each image. */
const maxAnswers = 512;

const globalKey = 'global';

/**
 * Makes one (Kubernetes, pkg/credentialprovider/plugin/plugin.go, getCachedCredentials and provide): looked up by the image,
 * then its registry, then for all; an answer that may be kept for no time at all is not kept. `now` in milliseconds.
 */
export function openPluginCache(defaultMs: number, now: () => number): PluginCache {
  const kept = new Map<string, { readonly answer: PluginAnswer; readonly until: number }>();
  return {
    get(image) {
      for (const type of ['Image', 'Registry', 'Global'] as const) {
        const key = keyOf(type, image);
        const one = kept.get(key);
        if (one === undefined) continue;
        if (now() <= one.until) return one.answer;
        kept.delete(key);
      }
      return null;
    },
    put(image, answer) {
      const ms = answer.cacheMs ?? defaultMs;
      if (ms === 0) return;
      const key = keyOf(answer.cacheKeyType, image);
      kept.delete(key);
      kept.set(key, { answer, until: now() + ms });
      for (const oldest of kept.keys()) {
        if (kept.size <= maxAnswers) break;
        kept.delete(oldest);
      }
    },
  };
}

function keyOf(type: CacheKeyType, image: string): string {
  if (type === 'Global') return globalKey;
  return type === 'Registry' ? (image.split('/', 1)[0] ?? '') : image;
}
