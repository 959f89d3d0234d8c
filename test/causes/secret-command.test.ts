import assert from 'node:assert/strict';
import { secretCommand } from '../../src/causes/refused.ts';
import { explainText } from '../../src/engine/explain.ts';
import { parseReference } from '../../src/image/reference.ts';
import { parseCredentials } from '../../src/node/credential-file.ts';
import { matchCredentials } from '../../src/node/credential-keyring.ts';

const server = (command: string): string => /--docker-server=(\S+)/.exec(command)?.[1] ?? '';

describe('causes: the command that makes a pull secret', () => {
  for (const image of ['reg.corp/app:1', 'reg.corp:15001/team/app:1', 'nginx', 'docker.io/team/app', '[::1]:5000/app'])
    it(`makes one that the kubelet finds for ${image}`, () => {
      // The host that refused may be a mirror's, or a name of Docker Hub's that no secret may have.
      for (const host of ['mirror.corp', 'registry-1.docker.io', undefined]) {
        const key = server(secretCommand({ image, ...(host === undefined ? {} : { host }) }));
        const parsed = parseReference(image);
        assert.ok(parsed.ok);
        const secret = JSON.stringify({ auths: { [key]: { username: 'u', password: 'p' } } });
        const file = parseCredentials(secret, 'secret', 'dockerconfigjson');
        assert.ok(file.ok);
        assert.equal(matchCredentials(file.value, parsed.value).length, 1, key);
      }
    });

  it('goes by the host and its port where no image is known', () => {
    assert.equal(server(secretCommand({ host: 'reg.corp', port: '5000' })), 'reg.corp:5000');
    assert.equal(server(secretCommand({ host: 'reg.corp:5000' })), 'reg.corp:5000');
    assert.equal(server(secretCommand({ host: 'registry-1.docker.io' })), 'https://index.docker.io/v1/');
    assert.equal(server(secretCommand({})), 'HOST');
  });

  it('has the port of a registry that a text names', () => {
    const { remedies } = explainText(
      'failed to pull and unpack image "private.lab:15001/web:1": failed to resolve reference "private.lab:15001/web:1": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials',
    );
    const commands = remedies.flatMap(({ command }) => command ?? []);
    assert.ok(
      commands.some((command) => server(command) === 'private.lab:15001'),
      commands.join('\n'),
    );
  });
});
