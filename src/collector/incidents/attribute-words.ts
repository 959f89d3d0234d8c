import { count } from '../../lib/words.ts';
import type { Table } from './fisher.ts';

/** How an attribute is spoken of: `12 nodes` + `use nameserver 10.0.0.53`, and `all` + `with nameserver 10.0.0.53`. */
interface Phrase {
  readonly verb: 'use' | 'are' | 'run' | 'have' | 'ask';
  readonly has: (value: string) => string;
  readonly where: (value: string) => string;
  /** For nodes that are known to have none. */
  readonly none: string;
}

const phrases: Readonly<Record<string, Phrase>> = {
  nameserver: same('use', 'nameserver', 'no nameserver'),
  'first-nameserver': {
    verb: 'ask',
    has: (value) => `nameserver ${value} first`,
    where: (value) => `asking nameserver ${value} first`,
    none: 'no nameserver',
  },
  'search-domain': same('use', 'search domain', 'no search domain'),
  proxy: { verb: 'use', has: (value) => `proxy ${value}`, where: (value) => `behind proxy ${value}`, none: 'no proxy' },
  'no-proxy': {
    verb: 'have',
    has: (value) => `${value} in NO_PROXY`,
    where: (value) => `with ${value} in NO_PROXY`,
    none: 'no NO_PROXY',
  },
  zone: place('zone'),
  region: place('region'),
  'node-pool': place('node pool'),
  'instance-type': same('have', 'instance type', 'no instance type'),
  'egress-address': {
    verb: 'use',
    has: (value) => `egress address ${value}`,
    where: (value) => `behind egress address ${value}`,
    none: 'no egress address',
  },
  runtime: { verb: 'run', has: (value) => value, where: (value) => `on ${value}`, none: 'no runtime' },
  'runtime-version': same('run', 'runtime version', 'no runtime version'),
  'kubelet-version': same('run', 'kubelet', 'no kubelet'),
  kernel: same('run', 'kernel', 'no kernel'),
  os: { verb: 'run', has: (value) => value, where: (value) => `on ${value}`, none: 'no operating system' },
  architecture: same('have', 'architecture', 'no architecture'),
  'trust-store': same('have', 'trust store', 'no trust store'),
  'registry-configuration': same('have', 'registry configuration', 'no registry configuration'),
  'agent-version': same('run', 'agent', 'no agent version'),
};

function same(verb: Phrase['verb'], noun: string, none: string): Phrase {
  return { verb, has: (value) => `${noun} ${value}`, where: (value) => `with ${noun} ${value}`, none };
}

function place(noun: string): Phrase {
  return {
    verb: 'are',
    has: (value) => `in ${noun} ${value}`,
    where: (value) => `in ${noun} ${value}`,
    none: `in no ${noun}`,
  };
}

function phraseOf(attribute: string): Phrase {
  return (
    (Object.hasOwn(phrases, attribute) ? phrases[attribute] : undefined) ?? same('have', attribute, `no ${attribute}`)
  );
}

/** `12 of 12 failing nodes use nameserver 10.0.0.53, none of the 188 healthy ones does`. */
export function attributionSentence(attribute: string, value: string, counts: Table): string {
  const { verb, has, none } = phraseOf(attribute);
  const what = value === 'none' ? none : has(value);
  const { failingWith, failing, healthyWith, healthy } = counts;
  const [one, many] = verb === 'are' ? ['is', 'are'] : verb === 'have' ? ['has', 'have'] : ['does', 'do'];
  const others =
    healthyWith === 0
      ? `none of the ${healthy} healthy ones ${one}`
      : `${healthyWith} of the ${healthy} healthy ones ${healthyWith === 1 ? one : many}`;
  return `${failingWith} of ${count(failing, 'failing node')} ${verb} ${what}, ${others}`;
}

/** `in zone eu-1c`, `with nameserver 10.0.0.53`: behind `all` or a number of nodes. */
export function whereWords(attribute: string, value: string): string {
  const { where, none, verb } = phraseOf(attribute);
  return value !== 'none' ? where(value) : verb === 'are' ? none : `with ${none}`;
}

/** What an attribute is called in a sentence: `nameserver`, `NO_PROXY`. */
export function attributeNoun(attribute: string): string {
  const own: Readonly<Record<string, string>> = {
    'no-proxy': 'NO_PROXY',
    'kubelet-version': 'kubelet version',
    'runtime-version': 'runtime version',
    'agent-version': 'agent version',
    os: 'operating system',
  };
  return (Object.hasOwn(own, attribute) ? own[attribute] : undefined) ?? attribute.replaceAll('-', ' ');
}
