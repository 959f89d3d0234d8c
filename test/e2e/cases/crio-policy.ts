import type { DiagnoseCase } from '../../kit/diagnose-case.ts';
import type { Situation, Stage } from '../../kit/diagnose-stage.ts';
import { grpcCodes } from '../../kit/fake-cri.ts';

interface Node {
  /** `etc/containers/policy.json`; everything is accepted where none is given. */
  readonly policy?: object;
  /** Behind the entry that leads reg.example to the registry of the case. */
  readonly registries?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly image?: string;
  /** CRI-O's own words about the pull; null: it works. Absent: none is asked for. */
  readonly pull?: string | null;
}

/** A node whose runtime says that it is CRI-O, and a registry that works. */
function crio({ policy, registries = '', files = {}, image = 'reg.example/team/app:1', pull }: Node) {
  return async (stage: Stage): Promise<Situation> => {
    const registry = await stage.registry();
    const way = `[[registry]]\nprefix = "reg.example"\nlocation = "registry.test:${registry.port}"\n`;
    await stage.file('etc/containers/registries.conf', `${registries}\n${way}`);
    const accepts = { default: [{ type: 'insecureAcceptAnything' }] };
    await stage.file('etc/containers/policy.json', JSON.stringify(policy ?? accepts));
    await stage.file('etc/crio/crio.conf', '[crio.image]\n');
    for (const [path, text] of Object.entries(files)) await stage.file(path, text);
    const runtime = await stage.runtime({
      Version: () => ({
        answer: { version: '0.1.0', runtime_name: 'cri-o', runtime_version: '1.36.3', runtime_api_version: 'v1' },
      }),
      ...(pull === undefined || pull === null ? {} : { PullImage: () => ({ code: grpcCodes.unknown, message: pull }) }),
    });
    return { image, args: [...runtime.args, ...(pull === undefined ? [] : ['--pull'])] };
  };
}

const accept = [{ type: 'insecureAcceptAnything' }];
const reject = [{ type: 'reject' }];
const scoped = (scopes: object, fallback: object = accept): object => ({
  default: fallback,
  transports: { docker: scopes },
});

/** As a real CRI-O 1.36.3 says it. */
const captured = {
  rejected:
    'SignatureValidationFailed: unable to pull image or OCI artifact: pull image err: Source image rejected: Running image docker://reg.example/team/app:1 is rejected by policy.; artifact err: image reference: reference is a container image, not an OCI artifact',
  unsigned:
    'SignatureValidationFailed: unable to pull image or OCI artifact: pull image err: Source image rejected: A signature was required, but no signature exists; artifact err: image reference: reference is a container image, not an OCI artifact',
};

const rejected = { verdict: 'faulty', cause: 'signature-rejected', confidence: 'proven' } as const;
const healthy = { verdict: 'healthy', cause: null, never: ['signature-rejected', 'registry-blocked'] } as const;
const blocked = { verdict: 'faulty', cause: 'registry-blocked', confidence: 'proven' } as const;
const unresolved = { verdict: 'faulty', cause: 'short-name-unresolved', confidence: 'proven' } as const;

/** What CRI-O's own files decide, on a node whose runtime names itself. */
export const cases: readonly DiagnoseCase[] = [
  { ...healthy, name: 'everything is accepted', prepare: crio({}) },
  { ...rejected, name: 'the policy rejects everything', prepare: crio({ policy: { default: reject } }) },
  {
    ...rejected,
    name: 'the policy rejects everything, and CRI-O says so',
    prepare: crio({ policy: { default: reject }, pull: captured.rejected }),
    pull: { ok: false, cause: 'signature-rejected' },
    says: /etc\/containers\/policy\.json:1.*rejects it/,
  },
  {
    ...rejected,
    name: 'the policy rejects this registry',
    prepare: crio({ policy: scoped({ 'reg.example': reject }) }),
    says: /docker scope "reg\.example"/,
  },
  {
    ...rejected,
    name: 'the policy rejects the names of a domain',
    prepare: crio({ policy: scoped({ '*.example': reject }) }),
    says: /docker scope "\*\.example"/,
  },
  {
    ...healthy,
    name: 'the policy rejects the domain and accepts this registry: the more special counts',
    prepare: crio({ policy: scoped({ '*.example': reject, 'reg.example': accept }, reject) }),
  },
  {
    ...rejected,
    name: 'the policy accepts the registry and rejects this image',
    prepare: crio({ policy: scoped({ 'reg.example': accept, 'reg.example/team/app:1': reject }) }),
  },
  {
    ...healthy,
    name: 'the policy rejects another repository of the registry',
    prepare: crio({ policy: scoped({ 'reg.example/team/other': reject }) }),
  },
  {
    ...healthy,
    name: 'the policy rejects the registry that the name is rewritten to: the name that was asked for counts',
    prepare: crio({ policy: scoped({ 'registry.test': reject, '*.test': reject }) }),
  },
  {
    ...rejected,
    name: 'the policy rejects every image of a registry, by the transport’s default',
    prepare: crio({ policy: scoped({ '': reject }) }),
  },
  {
    ...rejected,
    name: 'the key of the signature does not exist',
    prepare: crio({
      policy: scoped({
        'reg.example': [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: '/etc/pki/containers/reg.gpg' }],
      }),
      files: { 'etc/pki/containers/other.gpg': '' },
    }),
    says: /etc\/pki\/containers\/reg\.gpg, which does not exist/,
  },
  {
    ...rejected,
    name: 'the key of the sigstore signature does not exist',
    prepare: crio({
      policy: { default: [{ type: 'sigstoreSigned', keyPath: '/etc/pki/containers/cosign.pub' }] },
      files: { 'etc/pki/containers/other.pub': '' },
    }),
  },
  {
    name: 'a signature is demanded, and CRI-O finds none',
    prepare: crio({
      policy: { default: [{ type: 'sigstoreSigned', keyPath: '/etc/pki/cosign.pub' }] },
      files: { 'etc/pki/cosign.pub': 'key' },
      pull: captured.unsigned,
    }),
    verdict: 'faulty',
    cause: 'signature-rejected',
    pull: { ok: false, cause: 'signature-rejected' },
    says: /no signature exists/,
  },
  {
    name: 'a signature is demanded, and CRI-O finds a good one',
    prepare: crio({
      policy: { default: [{ type: 'sigstoreSigned', keyPath: '/etc/pki/cosign.pub' }] },
      files: { 'etc/pki/cosign.pub': 'key' },
      pull: null,
    }),
    ...healthy,
    pull: { ok: true },
    check: ({ document }) => {
      const told = document.problems.find(({ cause }) => cause === 'signature-rejected');
      if (told === undefined || !/Pullwhy does not verify/.test(told.message)) throw new Error('it is not told');
    },
  },
  {
    name: 'a policy with a key that is not known: CRI-O pulls nothing',
    prepare: crio({ policy: { default: accept, transport: {} } }),
    verdict: 'faulty',
    cause: 'runtime-misconfigured',
    confidence: 'proven',
  },
  {
    ...rejected,
    name: 'crio.conf names another policy',
    prepare: crio({
      files: {
        'etc/crio/crio.conf': '[crio.image]\nsignature_policy = "/etc/crio/policy.json"\n',
        'etc/crio/policy.json': JSON.stringify({ default: reject }),
      },
    }),
    says: /etc\/crio\/policy\.json/,
  },

  {
    ...blocked,
    name: 'the registry is blocked, by its prefix',
    prepare: crio({
      registries: '[[registry]]\nprefix = "reg.example/team"\nlocation = "reg.example/team"\nblocked = true\n',
    }),
  },
  {
    ...healthy,
    name: 'another path of the registry is blocked',
    prepare: crio({
      registries: '[[registry]]\nprefix = "reg.example/other"\nlocation = "reg.example/other"\nblocked = true\n',
    }),
  },
  {
    ...blocked,
    name: 'a domain is blocked by a wildcard',
    prepare: crio({
      registries: '[[registry]]\nprefix = "*.blocked.example"\nblocked = true\n',
      image: 'a.blocked.example/team/app:1',
    }),
  },

  {
    ...unresolved,
    name: 'a short name with two search registries, under enforcing',
    prepare: crio({ registries: search('enforcing', 'a.example', 'b.example'), image: 'team/app:1' }),
  },
  {
    ...unresolved,
    name: 'a short name with two search registries and no mode: enforcing is CRI-O’s default',
    prepare: crio({ registries: search(null, 'a.example', 'b.example'), image: 'team/app:1' }),
  },
  {
    ...unresolved,
    name: 'a short name without search registries',
    prepare: crio({ image: 'team/app:1' }),
  },
  {
    ...healthy,
    name: 'a short name with one search registry',
    prepare: crio({ registries: search('enforcing', 'reg.example'), image: 'team/app:1' }),
  },
  {
    ...healthy,
    name: 'a short name with an alias, and two search registries',
    prepare: crio({
      registries: `${search('enforcing', 'a.example', 'b.example')}[aliases]\n"team/app" = "reg.example/team/app"\n`,
      image: 'team/app:1',
    }),
  },
  {
    name: 'a short name with two search registries, disabled by crio.conf: the first that has it serves',
    prepare: crio({
      registries: search(null, 'reg.example', 'b.example'),
      files: { 'etc/crio/crio.conf': '[crio.image]\nshort_name_mode = "disabled"\n' },
      image: 'team/app:1',
    }),
    verdict: 'healthy',
    cause: null,
    never: ['short-name-unresolved'],
  },
];

function search(mode: string | null, ...registries: readonly string[]): string {
  const list = registries.map((registry) => JSON.stringify(registry)).join(', ');
  return `unqualified-search-registries = [${list}]\n${mode === null ? '' : `short-name-mode = "${mode}"\n`}`;
}
