import { createHash } from 'node:crypto';
import { probesOf } from '../evidence/view.ts';
import { kubeletImage } from '../image/reference.ts';
import { arrayMember, isRecord, type JsonRecord, parseJson, recordMember, stringMember } from '../lib/json.ts';
import { safeLine } from '../lib/redact.ts';
import type { PodInfo } from '../model/pod-info.ts';
import type { RecordsFacts } from '../model/records-facts.ts';
import { sourceName } from '../node/host-files.ts';
import type { ProbeCredential } from './context.ts';
import type { Probe, ProbeInput } from './probe.ts';

interface RecordsInput extends ProbeInput {
  /** As the node names it. */
  readonly folder: string;
  /** The image's id, as the runtime says. */
  readonly imageId: string;
  /** Names under which a pull that is under way would be noted. */
  readonly asked: readonly string[];
}

/** Owners of a pull that are kept; the kubelet itself writes no more than 100 while it only compares. */
const maxOwners = 32;

/** Reads the kubelet's own records of whose credentials pulled an image that is on the node. */
export const recordsProbe: Probe<'records', RecordsInput> = {
  kind: 'records',
  title: "Kubelet's records of pulls",
  cost: 'free',
  budgetMs: 1000,
  proves: {
    ok: "the kubelet's records say whose credentials pulled this image, or that it did not pull it",
    failed: 'never: records that cannot be read were not checked',
  },
  inputs: (view) => {
    const { plan } = view;
    const { pullRecords } = plan.kubelet;
    const id = probesOf(view, 'image').find(({ facts }) => facts.present === true)?.facts.id;
    if (pullRecords === undefined || id === null || id === undefined || id === '') return [];
    const handed = kubeletImage(plan.image.input);
    const asked = [...new Set([plan.image.input, ...(handed.ok ? [handed.value] : [])])];
    const input = { hop: 'node' as const, endpoint: null, counterfactual: false };
    return [{ key: 'records', target: pullRecords, ...input, folder: `/${pullRecords}`, imageId: id, asked }];
  },
  run: async ({ folder, imageId, asked }, context) => {
    const { host, plan } = context;
    const file = `${folder}/pulled/${fileName(imageId)}`;
    const nothing: RecordsFacts = {
      directory: sourceName(folder),
      record: 'none',
      file: null,
      nodePods: null,
      secrets: [],
      serviceAccounts: [],
      credentialsFit: null,
    };
    const text = await host.readText(file);
    if (!text.ok && text.error.kind !== 'absent')
      return { status: 'skipped', message: `${sourceName(file)} cannot be read from here (${text.error.kind}).` };
    if (!text.ok) {
      for (const name of asked) {
        const intent = await host.info(`${folder}/pulling/${fileName(name)}`);
        if (intent.ok) return { status: 'ok', error: null, facts: { ...nothing, record: 'intent' } };
      }
      return { status: 'ok', error: null, facts: nothing };
    }
    const name = `${plan.image.registry}/${plan.image.repository}`;
    const facts = {
      ...nothing,
      file: sourceName(file),
      ...recordOwners(parseJson(text.value), name, { credentials: context.credentials, pod: plan.pod }),
    };
    return { status: 'ok', error: null, facts };
  },
};

/** `sha256-` and the hash of a name or id in hex (fs_pullrecords.go). */
function fileName(name: string): string {
  return `sha256-${sha256(name)}`;
}

/**
 * Whose credentials a record (kubelet.config.k8s.io, ImagePulledRecord) names for one repository. The pod's own are those with the
 * same hash, and its secret that pulled it also when its content has changed since (image_pull_manager.go, kubernetesSecretsMatch).
 */
export function recordOwners(
  record: unknown,
  name: string,
  { credentials, pod }: { readonly credentials: readonly ProbeCredential[]; readonly pod: PodInfo | undefined },
): Pick<RecordsFacts, 'record' | 'nodePods' | 'secrets' | 'serviceAccounts' | 'credentialsFit'> {
  const nobody = { nodePods: false, secrets: [], serviceAccounts: [], credentialsFit: null };
  if (!isRecord(record) || record.kind !== 'ImagePulledRecord') return { record: 'damaged', ...nobody };
  const mapping = recordMember(record, 'credentialMapping');
  const owners = mapping === null ? null : recordMember(mapping, name);
  if (owners === null) return { record: 'pulled', ...nobody };
  const secrets = (arrayMember(owners, 'kubernetesSecrets') ?? []).filter(isRecord);
  const accounts = (arrayMember(owners, 'kubernetesServiceAccounts') ?? []).filter(isRecord);
  const given = credentials.filter(({ ofPod }) => ofPod);
  const hashes = new Set(given.map(credentialHash));
  const own = new Set(
    (pod?.secrets ?? []).flatMap((one) =>
      one.state === 'usable' && one.uid !== undefined ? [`${one.uid} ${pod?.namespace}/${one.name}`] : [],
    ),
  );
  const fits = secrets.some(
    (secret) =>
      hashes.has(stringMember(secret, 'credentialHash') ?? '') ||
      own.has(`${stringMember(secret, 'uid')} ${coordinates(secret)}`),
  );
  return {
    record: 'pulled',
    nodePods: owners.nodePodsAccessible === true,
    secrets: secrets.slice(0, maxOwners).map(coordinates),
    serviceAccounts: accounts.slice(0, maxOwners).map(coordinates),
    credentialsFit: given.length === 0 ? null : fits,
  };
}

function coordinates(owner: JsonRecord): string {
  return safeLine(`${stringMember(owner, 'namespace') ?? ''}/${stringMember(owner, 'name') ?? ''}`, 400);
}

/**
 * The hash by which the kubelet knows credentials again, whatever secret they stand in (keyring.go, hashAuthConfig): of
 * the JSON that Go makes of them, without empty members.
 */
function credentialHash({ username, password, email }: ProbeCredential): string {
  const secret = password.reveal();
  const members = [
    ...(username === '' ? [] : [['username', username] as const]),
    ...(secret === '' ? [] : [['password', secret] as const]),
    ...(email === '' ? [] : [['email', email] as const]),
  ];
  const json = JSON.stringify(Object.fromEntries(members));
  // Go's encoder also escapes what HTML would take for markup, and two line separators.
  const asGo = json.replace(/[<>&\u2028\u2029]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return sha256(asGo);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
