import { writeFile } from 'node:fs/promises';
import type { LabCase, Situation } from '../case.ts';
import { type Lab, users } from '../lab.ts';

const { name, password } = users.app;
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const entry = { auth: base64(`${name}:${password}`) };
const config = (auths: object): string => JSON.stringify({ auths });

let serial = 0;

/** private.lab's image, which wants a password, with this text in the pod's secret. */
function secret(text: string, host = 'private.lab', fileName = 'pull.dockerconfigjson') {
  return async (lab: Lab): Promise<Situation> => {
    const repository = `secret/case-${serial++}`;
    await lab.push(repository, '1.0');
    const file = `${lab.folder}/${serial}-${fileName}`;
    await writeFile(file, text, { mode: 0o600 });
    return { image: `${host}/${repository}:1.0`, args: ['--auth-file', file], secrets: [password] };
  };
}

const manifest = (type: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'regcred' },
    type,
    data: { '.dockerconfigjson': base64(config({ 'private.lab': entry })) },
  });

const invalid = {
  verdict: 'faulty',
  cause: 'pull-secret-invalid',
  confidence: 'proven',
  nearMissOf: ['credentials-missing', 'credentials-rejected'],
  pull: 'fails',
} as const;

const missing = {
  verdict: 'faulty',
  cause: 'credentials-missing',
  confidence: 'proven',
  nearMissOf: ['pull-secret-invalid', 'credentials-rejected'],
  pull: 'fails',
} as const;

const works = { verdict: 'healthy', cause: null, nearMissOf: ['pull-secret-invalid'], pull: 'works' } as const;

export const cases: readonly LabCase[] = [
  { ...invalid, name: 'the secret is no JSON', prepare: secret(`{"auths": {"private.lab": ${password}`) },
  { ...invalid, name: 'the secret is a list', prepare: secret('[]') },
  { ...invalid, name: 'its auths is a text', prepare: secret('{"auths": "private.lab"}') },
  {
    ...invalid,
    name: 'an entry’s auth is not base64',
    prepare: secret(config({ 'private.lab': { auth: `${name}:${password}` } })),
  },
  {
    ...invalid,
    name: 'an entry’s auth has no colon',
    prepare: secret(config({ 'private.lab': { auth: base64(password) } })),
  },
  {
    ...invalid,
    name: 'another registry’s entry is bad, and the kubelet drops the whole secret',
    prepare: secret(config({ 'private.lab': entry, 'other.lab': { auth: '!!!' } })),
  },
  {
    ...invalid,
    name: 'the entry has neither user name nor password',
    alsoNames: [/neither user name nor password/],
    prepare: secret(config({ 'private.lab': {} })),
  },
  {
    ...invalid,
    name: 'the secret is base64 twice',
    prepare: secret(base64(config({ 'private.lab': entry }))),
  },
  {
    ...invalid,
    name: 'the Secret object is given, not what it holds',
    alsoNames: [/kubectl get secret/],
    prepare: secret(manifest('kubernetes.io/dockerconfigjson')),
  },
  {
    ...invalid,
    name: 'the Secret is of a type that the kubelet does not use for pulls',
    alsoNames: [/of type Opaque/],
    prepare: secret(manifest('Opaque')),
  },
  {
    ...invalid,
    name: 'the key names port 443, which is not the same as no port',
    alsoNames: [/443/],
    prepare: secret(config({ 'https://private.lab:443/v2/': entry })),
  },
  {
    ...invalid,
    name: 'the key ends in /v1 without a slash',
    alsoNames: [/ends in no slash/],
    prepare: secret(config({ 'https://private.lab/v1': entry })),
  },
  {
    ...missing,
    name: 'the key is for another port of the host: that may be another registry',
    alsoNames: [/for port 5000/],
    prepare: secret(config({ 'private.lab:5000': entry })),
  },
  {
    ...missing,
    name: 'the key is for another path of the registry',
    alsoNames: [/for the path \/other/],
    prepare: secret(config({ 'private.lab/other': entry })),
  },
  { ...missing, name: 'the secret has no auths', prepare: secret('{"credsStore": "desktop"}') },
  {
    verdict: 'faulty',
    cause: 'credentials-rejected',
    confidence: 'proven',
    nearMissOf: ['pull-secret-invalid', 'credentials-missing'],
    pull: 'fails',
    name: 'the password ends in a line break, as echo leaves it',
    alsoNames: [/ends in a line break/],
    prepare: secret(config({ 'private.lab': { auth: base64(`${name}:${password}\n`) } })),
  },
  {
    verdict: 'degraded',
    cause: 'pull-secret-invalid',
    pull: 'works',
    name: 'the secret cannot be used, and the image needs none',
    prepare: secret('{', 'registry.lab'),
  },
  { ...works, name: 'an entry with scheme and path', prepare: secret(config({ 'https://private.lab/v2/': entry })) },
  { ...works, name: 'an entry with a wildcard', prepare: secret(config({ '*.lab': entry })) },
  {
    ...works,
    name: 'an entry of user name and password',
    prepare: secret(config({ 'private.lab': { username: name, password } })),
  },
  {
    ...works,
    name: 'an older .dockercfg',
    prepare: secret(JSON.stringify({ 'private.lab': entry }), 'private.lab', '.dockercfg'),
  },
];
