import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { labCache } from '../lab/containerd-versions.ts';
import { unpackedPackage } from '../lab/debian-package.ts';
import { isObject, type Manifest } from './kustomize.ts';

/**
 * Kubernetes' OpenAPI description, as the types that its Python client is generated with: Debian has that client (half a
 * MiB), and each of its models lists the JSON names, their types and which of them are required. Kubernetes itself has no
 * package with the description, and kubectl has none within it.
 */
export interface ApiTypes {
  /** `release-1.35` */
  readonly release: string;
  /** What an API server would refuse: unknown names, wrong types, what is missing. */
  readonly problems: (manifest: Manifest) => readonly string[];
}

/** One type, by the JSON names of its fields. */
interface ApiType {
  readonly fields: ReadonlyMap<string, { readonly type: string; readonly required: boolean }>;
}

const models = 'usr/lib/python3/dist-packages/kubernetes/client/models';

/** Fetches and reads them; `why` is one line for a person. */
export async function readApiTypes(): Promise<ApiTypes | { readonly why: string }> {
  if (!existsSync('/usr/bin/apt-get')) return { why: 'this is not Debian' };
  const unpacked = await unpackedPackage(labCache(), 'sid', 'python3-kubernetes');
  if ('why' in unpacked) return unpacked;
  const folder = `${unpacked.folder}/${models}`;
  const types = new Map<string, ApiType>();
  let release = '';
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.py')) continue;
    const text = await readFile(`${folder}/${name}`, 'utf8');
    const parsed = parseModel(text);
    if (parsed !== null) types.set(parsed.name, parsed.type);
    release = /OpenAPI document: (\S+)/.exec(text)?.[1] ?? release;
  }
  return { release, problems: (manifest) => problemsOf(manifest, types) };
}

/** What a generated model says of its type; null for a file without one. */
export function parseModel(text: string): { readonly name: string; readonly type: ApiType } | null {
  const name = /^class (\w+)\(object\):/m.exec(text)?.[1];
  const types = /openapi_types = \{([^}]*)\}/.exec(text)?.[1];
  const names = /attribute_map = \{([^}]*)\}/.exec(text)?.[1];
  const made = /def __init__\(self([\s\S]*?)\n {4}@property/.exec(text)?.[1] ?? '';
  if (name === undefined || types === undefined || names === undefined) return null;
  const json = pairs(names);
  const fields = new Map<string, { readonly type: string; readonly required: boolean }>();
  for (const [attribute, type] of pairs(types)) {
    // An optional one is set only where it is given: `if x is not None:` stands before it.
    const required = new RegExp(`^ {8}self\\.${attribute} = ${attribute}$`, 'm').test(made);
    fields.set(json.get(attribute) ?? attribute, { type, required });
  }
  return { name, type: { fields } };
}

function pairs(text: string): ReadonlyMap<string, string> {
  return new Map([...text.matchAll(/'([^']+)': '([^']+)'/g)].map(([, key = '', value = '']) => [key, value]));
}

function problemsOf({ apiVersion, kind, name, object }: Manifest, types: ReadonlyMap<string, ApiType>) {
  const version = apiVersion.slice(apiVersion.indexOf('/') + 1);
  const type = `${version.charAt(0).toUpperCase()}${version.slice(1)}${kind}`;
  const problems: string[] = [];
  if (types.has(type)) check(object, type, `${kind} ${name}`, types, problems);
  else problems.push(`${kind} ${name}: Kubernetes has no ${apiVersion} ${kind}`);
  return problems;
}

function check(
  value: unknown,
  type: string,
  where: string,
  types: ReadonlyMap<string, ApiType>,
  problems: string[],
): void {
  const list = /^list\[(.+)\]$/.exec(type)?.[1];
  const entries = /^dict[[(]str, (.+)[\])]$/.exec(type)?.[1];
  const known = types.get(type);
  if (list !== undefined) {
    if (!Array.isArray(value)) return void problems.push(`${where} must be a list`);
    for (const [index, item] of value.entries()) check(item, list, `${where}.${index}`, types, problems);
  } else if (entries !== undefined) {
    if (!isObject(value)) return void problems.push(`${where} must be an object`);
    for (const [key, item] of Object.entries(value)) check(item, entries, `${where}.${key}`, types, problems);
  } else if (known !== undefined) {
    if (!isObject(value)) return void problems.push(`${where} must be an object`);
    for (const [key, item] of Object.entries(value)) {
      const field = known.fields.get(key);
      if (field === undefined) problems.push(`${where}.${key}: there is no such field in ${type}`);
      else check(item, field.type, `${where}.${key}`, types, problems);
    }
    for (const [key, { required }] of known.fields) {
      if (required && value[key] === undefined) problems.push(`${where}.${key} is required`);
    }
  } else if (type === 'object') {
    // Numbers or texts (ports, percentages), or anything.
  } else if (!simple[type]?.(value)) {
    problems.push(`${where} must be of type ${type}, and is ${JSON.stringify(value)}`);
  }
}

const simple: Readonly<Record<string, (value: unknown) => boolean>> = {
  str: (value) => typeof value === 'string',
  datetime: (value) => typeof value === 'string',
  bool: (value) => typeof value === 'boolean',
  int: (value) => Number.isInteger(value),
  float: (value) => typeof value === 'number',
};
