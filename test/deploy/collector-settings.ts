import assert from 'node:assert/strict';
import { CollectorSettings } from '../../src/collector/settings.ts';
import { loadSettings } from '../../src/settings/load.ts';
import { at, type Built, isObject, listAt, only } from './kustomize.ts';

const pod = 'spec.template.spec';
const container = `${pod}.containers.0`;

/** The settings as the collector would load them: the file of the ConfigMap, and the environment above it. */
export function collectorSettings(built: Built): CollectorSettings {
  const deployment = only(built, 'Deployment');
  const volume = listAt(deployment, `${pod}.volumes`).find(({ name }) => name === 'settings');
  const map = built.objects.find((one) => one.kind === 'ConfigMap' && one.name === at(volume, 'configMap.name'));
  const data = at(map?.object, 'data');
  const text = isObject(data) ? data['collector.yaml'] : undefined;
  assert.ok(typeof text === 'string');
  const environment = Object.fromEntries(
    listAt(deployment, `${container}.env`).map(({ name, value }) => [String(name), String(value)]),
  );
  const loaded = loadSettings(CollectorSettings, {
    file: { path: 'collector.yaml', text },
    environment,
    flags: new Map(),
  });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return loaded.value.value;
}
