import { fail, ok, type Result } from '../lib/result.ts';
import { type JsonFailure, type JsonMember, type JsonNode, parseJsonNodes } from './signature-policy-json.ts';

/**
 * policy.json, which says which images may be pulled (containers-policy.json(5); containers/image
 * signature/policy_config.go). It is read strictly: an unknown or repeated key, or a missing one, makes the whole file
 * invalid, and then nothing is pulled.
 */

/** What an image must fulfil. */
export const requirementTypes = [
  'insecureAcceptAnything',
  'reject',
  'signedBy',
  'sigstoreSigned',
  'signedBaseLayer',
] as const;

/** One word of `requirementTypes`. */
export type RequirementType = (typeof requirementTypes)[number];

/** One requirement; all of a list must be fulfilled. */
export interface SignatureRequirement {
  readonly type: RequirementType;
  /** From 1. */
  readonly line: number;
  /** Files of keys and certificates that it names. */
  readonly keyPaths: readonly string[];
}

/** A policy file. */
export interface SignaturePolicy {
  readonly fallback: readonly SignatureRequirement[];
  /** Transport (`docker`) → scope (`quay.io/team`, empty for the transport's default) → requirements. */
  readonly transports: ReadonlyMap<string, ReadonlyMap<string, readonly SignatureRequirement[]>>;
}

/** The requirements that apply to one image. */
export interface AppliedPolicy {
  /** `docker scope "quay.io/team"`, `docker default`, `default`. */
  readonly scope: string;
  readonly requirements: readonly SignatureRequirement[];
}

/** Parses a policy file; the failure is the first thing that containers/image would refuse, with its place. */
export function parseSignaturePolicy(text: string): Result<SignaturePolicy, JsonFailure> {
  const parsed = parseJsonNodes(text);
  if (!parsed.ok) return parsed;
  const check = new Checker();
  const top = check.object(parsed.value, ['default', 'transports'], ['default']);
  const fallback = check.requirements(top.get('default')?.value);
  const transports = new Map<string, Map<string, readonly SignatureRequirement[]>>();
  for (const [name, transport] of check.anyObject(top.get('transports')?.value)) {
    const scopes = new Map<string, readonly SignatureRequirement[]>();
    for (const [scope, list] of check.anyObject(transport.value)) scopes.set(scope, check.requirements(list.value));
    transports.set(name, scopes);
  }
  return check.failure === null ? ok({ fallback, transports }) : fail(check.failure);
}

/**
 * The requirements for an image from a registry: the scope of the whole reference, else of the repository, its
 * parents and the host, else `*.` and each parent domain of the host, else the transport's, else the file's default
 * (signature/policy_eval.go requirementsForImageRef, docker/policyconfiguration/naming.go). Mirrors play no part: the
 * name is the one that was asked for.
 */
export function policyFor(
  policy: SignaturePolicy,
  image: { readonly domain: string; readonly path: string; readonly normalized: string },
): AppliedPolicy {
  const scopes = policy.transports.get('docker');
  for (const scope of scopesOf(image)) {
    const requirements = scopes?.get(scope);
    if (requirements !== undefined) return { scope: `docker scope "${scope}"`, requirements };
  }
  const transportDefault = scopes?.get('');
  if (transportDefault !== undefined) return { scope: 'docker default', requirements: transportDefault };
  return { scope: 'default', requirements: policy.fallback };
}

/** The scopes in which an image is looked for, most special first. */
export function scopesOf(image: {
  readonly domain: string;
  readonly path: string;
  readonly normalized: string;
}): readonly string[] {
  const scopes = [image.normalized];
  let name = `${image.domain}/${image.path}`;
  for (; name.includes('/'); name = name.slice(0, name.lastIndexOf('/'))) scopes.push(name);
  scopes.push(name);
  let host = name.split(':', 1)[0] ?? '';
  for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.')) {
    host = host.slice(dot + 1);
    scopes.push(`*.${host}`);
  }
  return scopes;
}

const sigstoreKeys = ['keyPath', 'keyPaths', 'keyData', 'keyDatas', 'fulcio', 'pki'];
const rekorKeys = ['rekorPublicKeyPath', 'rekorPublicKeyPaths', 'rekorPublicKeyData', 'rekorPublicKeyDatas'];
const keyTypes = ['GPGKeys', 'signedByGPGKeys', 'X509Certificates', 'signedByX509CAs'];

/** What each kind of identity needs besides its type. */
const identities: ReadonlyMap<string, readonly string[]> = new Map([
  ['matchExact', []],
  ['matchRepoDigestOrExact', []],
  ['matchRepository', []],
  ['exactReference', ['dockerReference']],
  ['exactRepository', ['dockerRepository']],
  ['remapIdentity', ['prefix', 'signedPrefix']],
]);

type Members = ReadonlyMap<string, JsonMember>;

/** Checks a tree and keeps the first failure; what it returns after one is not used. */
class Checker {
  failure: JsonFailure | null = null;

  refuse(place: { readonly line: number; readonly column: number } | undefined, message: string): void {
    this.failure ??= { line: place?.line ?? 1, column: place?.column ?? 1, message };
  }

  /** An object with these keys and no others. */
  object(node: JsonNode | undefined, allowed: readonly string[], required: readonly string[]): Members {
    const members = this.anyObject(node);
    for (const member of members.values()) {
      if (!allowed.includes(member.key)) {
        this.refuse(member, `unknown key ${JSON.stringify(member.key)}; known here: ${allowed.join(', ')}`);
      }
    }
    for (const key of required) if (!members.has(key)) this.refuse(node, `the key "${key}" is missing`);
    return members;
  }

  anyObject(node: JsonNode | undefined): Members {
    const members = new Map<string, JsonMember>();
    if (node === undefined) return members;
    if (node.kind !== 'object') {
      this.refuse(node, 'an object is expected');
      return members;
    }
    for (const member of node.members) {
      if (members.has(member.key)) this.refuse(member, `the key ${JSON.stringify(member.key)} stands here twice`);
      members.set(member.key, member);
    }
    return members;
  }

  requirements(node: JsonNode | undefined): readonly SignatureRequirement[] {
    if (node === undefined) return [];
    if (node.kind !== 'array') {
      this.refuse(node, 'a list of requirements is expected');
      return [];
    }
    if (node.items.length === 0) this.refuse(node, 'a list of requirements must not be empty');
    return node.items.flatMap((item) => this.requirement(item));
  }

  requirement(node: JsonNode): readonly SignatureRequirement[] {
    const members = this.anyObject(node);
    const written = this.string(members.get('type'), 'type', node);
    const type = requirementTypes.find((known) => known === written);
    if (type === undefined) {
      const place = members.get('type')?.value ?? node;
      this.refuse(place, `unknown requirement type ${JSON.stringify(written)}; known: ${requirementTypes.join(', ')}`);
      return [];
    }
    switch (type) {
      case 'insecureAcceptAnything':
      case 'reject':
        this.object(node, ['type'], ['type']);
        break;
      case 'signedBaseLayer':
        this.object(node, ['type', 'baseLayerIdentity'], ['type', 'baseLayerIdentity']);
        this.identity(members.get('baseLayerIdentity')?.value);
        break;
      case 'signedBy': {
        const sources = ['keyPath', 'keyPaths', 'keyData'];
        this.object(node, ['type', 'keyType', ...sources, 'signedIdentity'], ['keyType']);
        const keyType = this.string(members.get('keyType'), 'keyType', node);
        if (!keyTypes.includes(keyType)) this.refuse(members.get('keyType')?.value, `unknown keyType "${keyType}"`);
        this.oneOf(node, members, sources);
        this.identity(members.get('signedIdentity')?.value);
        break;
      }
      case 'sigstoreSigned':
        this.object(node, ['type', ...sigstoreKeys, ...rekorKeys, 'signedIdentity'], []);
        this.oneOf(node, members, sigstoreKeys);
        this.sigstore(node, members);
        this.identity(members.get('signedIdentity')?.value);
        break;
    }
    return [{ type, line: node.line, keyPaths: this.paths(members) }];
  }

  sigstore(node: JsonNode, members: Members): void {
    const rekor = rekorKeys.filter((key) => members.has(key));
    if (rekor.length > 1) this.refuse(node, `only one of ${rekorKeys.join(', ')} may be set`);
    const fulcio = members.get('fulcio')?.value;
    if (fulcio !== undefined) {
      const keys = ['caPath', 'caData', 'oidcIssuer', 'subjectEmail'];
      this.oneOf(fulcio, this.object(fulcio, keys, ['oidcIssuer', 'subjectEmail']), ['caPath', 'caData']);
      if (rekor.length === 0) this.refuse(node, `fulcio needs one of ${rekorKeys.join(', ')}`);
    }
    const pki = members.get('pki')?.value;
    if (pki !== undefined) {
      const subjects = ['subjectEmail', 'subjectHostname'];
      const intermediates = ['caIntermediatesPath', 'caIntermediatesData'];
      const found = this.object(pki, ['caRootsPath', 'caRootsData', ...intermediates, ...subjects], []);
      this.oneOf(pki, found, ['caRootsPath', 'caRootsData']);
      if (intermediates.every((key) => found.has(key)))
        this.refuse(pki, `only one of ${intermediates.join(', ')} may be set`);
      if (!subjects.some((key) => found.has(key))) this.refuse(pki, `one of ${subjects.join(', ')} is missing`);
      if (rekor.length > 0) this.refuse(node, 'pki and a Rekor key do not go together');
    }
  }

  identity(node: JsonNode | undefined): void {
    if (node === undefined) return;
    const type = this.string(this.anyObject(node).get('type'), 'type', node);
    const needs = identities.get(type);
    if (needs === undefined) this.refuse(node, `unknown identity type ${JSON.stringify(type)}`);
    else {
      const members = this.object(node, ['type', ...needs], ['type', ...needs]);
      for (const key of needs) this.string(members.get(key), key, node);
    }
  }

  /** Exactly one of these keys. */
  oneOf(node: JsonNode, members: Members, keys: readonly string[]): void {
    const found = keys.filter((key) => members.has(key));
    if (found.length !== 1) this.refuse(node, `exactly one of ${keys.join(', ')} must be set, not ${found.length}`);
  }

  string(member: JsonMember | undefined, key: string, node: JsonNode): string {
    if (member?.value.kind === 'string') return member.value.value;
    this.refuse(member?.value ?? node, `"${key}" must be a string`);
    return '';
  }

  /** The files that a requirement names, in itself and in its fulcio and pki parts. */
  paths(members: Members): readonly string[] {
    const paths: string[] = [];
    for (const { key, value } of members.values()) {
      if (/Path$/.test(key)) {
        if (value.kind === 'string') paths.push(value.value);
        else this.refuse(value, `"${key}" must be a string`);
      } else if (/Paths$/.test(key)) {
        if (value.kind !== 'array' || value.items.length === 0) this.refuse(value, `"${key}" must be a list of paths`);
        else
          for (const item of value.items) {
            if (item.kind === 'string') paths.push(item.value);
            else this.refuse(item, `"${key}" must be a list of strings`);
          }
      } else if (key === 'fulcio' || key === 'pki') paths.push(...this.paths(this.anyObject(value)));
    }
    return paths;
  }
}
