import assert from 'node:assert/strict';
import { defaultPullPolicy } from '../../src/image/pull-policy.ts';
import { parseReference } from '../../src/image/reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

describe('image: the default of imagePullPolicy', () => {
  for (const [image, policy] of [
    ['nginx', 'Always'],
    ['nginx:latest', 'Always'],
    ['nginx:1.27', 'IfNotPresent'],
    [`nginx@${digest}`, 'IfNotPresent'],
    [`nginx:1.27@${digest}`, 'IfNotPresent'],
    // The tag alone is compared (SetDefaults_Container), whatever stands behind it.
    [`nginx:latest@${digest}`, 'Always'],
    ['reg.corp:5000/latest', 'Always'],
    ['reg.corp:5000/latest:v1', 'IfNotPresent'],
    ['Not/An Image', 'IfNotPresent'],
  ] as const)
    it(`of ${image.slice(0, 40)} is ${policy}`, () => {
      const parsed = parseReference(image);
      assert.equal(defaultPullPolicy(parsed.ok ? parsed.value : null), policy);
    });
});
