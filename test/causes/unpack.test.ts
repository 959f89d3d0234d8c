import type { BlobFacts } from '../../src/model/facts.ts';
import { holds, misses } from '../kit/cause-cases.ts';
import { digest, Scene } from '../kit/view.ts';

const well = { compression: 'gzip', problem: null, diffId: digest('d') };
const damaged = { ...well, problem: 'is damaged gzip data (incorrect data check)', diffId: null };
const local = { endpoint: null, host: null } as const;

/** A registry that serves everything; what its layer and its config are is the case's. */
const served = (layer: Parameters<Scene['blob']>[1], config: Partial<BlobFacts> = {}) => {
  const scene = new Scene({
    endpoints: [{ url: 'https://mirror.test/v2', role: 'mirror' }, { url: 'https://registry.test/v2' }],
  });
  scene.reach();
  scene.ping();
  scene.manifest();
  const configId = scene.blob('config', { diffIds: [digest('d')], ...config });
  const layerId = scene.blob('layer', { archive: well, ...layer });
  return { scene, layerId, configId };
};

describe('causes: unpacking', () => {
  holds('unpack-failed', 'the whole layer came, and is damaged', () => {
    const { scene, layerId } = served({ archive: damaged });
    return {
      ...{ scene, evidence: [layerId], ...local, alternatives: [] },
      says: /cannot be unpacked \(sha256:1{12} is damaged gzip data/,
    };
  });
  holds('unpack-failed', 'the beginning of the layer is no archive', () => {
    const { scene, layerId } = served({ archive: damaged, digestMatches: null, bytes: 65_536, size: 900_000 });
    return { scene, evidence: [layerId], ...local, confidence: 'likely', alternatives: ['digest-mismatch'] };
  });
  holds('unpack-failed', 'it unpacks to another thing than the config says', () => {
    const { scene, layerId, configId } = served({}, { diffIds: [digest('e')] });
    return {
      ...{ scene, evidence: [layerId, configId], ...local },
      says: /unpacks to sha256:d{12}, and the image's config says sha256:e{12}/,
    };
  });
  misses('unpack-failed', 'it unpacks to what the config says', () => served({}).scene, null);
  misses('unpack-failed', 'a config without layers says nothing', () => served({}, { diffIds: [] }).scene, null);
  misses(
    'unpack-failed',
    'what came is another layer than the manifest names',
    () =>
      served({ archive: damaged, digestMatches: false, error: ['digest-mismatch', 'the content is another'] }).scene,
    'digest-mismatch',
  );
});
