import { isRecord } from '../lib/json.ts';
import { safeLine } from '../lib/redact.ts';

/** Who is asked, and the flag that names its address. */
export interface Peer {
  readonly name: 'agent' | 'collector';
  readonly flag: '--agent' | '--collector';
}

/** The agent of a node. */
export const agentPeer: Peer = { name: 'agent', flag: '--agent' };

/** The collector. */
export const collectorPeer: Peer = { name: 'collector', flag: '--collector' };

/** Why it could not be asked, and what to do; one sentence. */
export function lostWords(url: URL, error: Error, peer: Peer = agentPeer): string {
  const { host } = url;
  if (error.name === 'AbortError') return 'It was interrupted.';
  const code = String(Reflect.get(error, 'code') ?? '');
  const known = words[code];
  if (known !== undefined) return known(url, error, peer);
  // OpenSSL's codes: an answer that is no TLS.
  if (/WRONG.VERSION.NUMBER|PACKET.LENGTH|UNEXPECTED.MESSAGE|HTTP.REQUEST/i.test(`${code} ${error.message}`)) {
    return `${host} does not speak TLS: use http:// (${peer.flag} URL), or another port.`;
  }
  return `${host} cannot be asked: ${safeLine(error.message === '' ? code : error.message, 500)}`;
}

type Words = (url: URL, error: Error, peer: Peer) => string;

const unknownAuthority: Words = ({ host }) =>
  `The certificate of ${host} is of no authority that is known here: name its own by --ca-file FILE.`;

const unreachable: Words = ({ host }) => `${host} cannot be reached from here: there is no route, or a firewall.`;

const unknownHost: Words = ({ hostname }, _, { flag }) => `The host ${hostname} is not known (${flag} URL).`;

const closed: Words = ({ host, protocol }, _, { flag }) =>
  protocol === 'http:'
    ? `${host} closed the connection without an answer: if it speaks TLS, use https:// (${flag} URL).`
    : `${host} closed the connection without an answer.`;

const words: Readonly<Record<string, Words>> = {
  ECONNREFUSED: ({ host }, _, { name, flag }) =>
    `Nothing listens at ${host}: is the ${name} running there? (${flag} URL names another address)`,
  ENOTFOUND: unknownHost,
  EAI_AGAIN: ({ hostname }) => `The host ${hostname} could not be looked up: the nameserver does not answer.`,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  ETIMEDOUT: unreachable,
  ECONNRESET: closed,
  EPIPE: closed,
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  CERT_HAS_EXPIRED: ({ host }) => `The certificate of ${host} has expired: it has to be renewed there.`,
  CERT_NOT_YET_VALID: ({ host }) => `The certificate of ${host} is not valid yet: is the clock of this machine right?`,
  ERR_TLS_CERT_ALTNAME_INVALID: ({ hostname }, error) => {
    const certificate: unknown = Reflect.get(error, 'cert');
    const names: unknown = isRecord(certificate) ? certificate.subjectaltname : undefined;
    const has = typeof names === 'string' ? safeLine(names, 300) : 'it has none';
    return `The certificate is not for ${hostname}: ask by a name that it has (${has}).`;
  },
};
