import { isIP } from 'node:net';
import { Packet } from 'dns2';
import type { Env } from '../lib/env.ts';
import { clip, limits } from '../lib/limits.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { WireError } from '../model/network-failure.ts';
import { askOverTcp, askOverUdp, type DnsExchange, type DnsReading, type DnsServer } from './dns-transport.ts';
import { wireError } from './errors.ts';

export type { DnsServer } from './dns-transport.ts';

/** What is asked. */
export interface DnsQuestion {
  /** Absolute; a final dot is allowed and changes nothing. */
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'CNAME' | 'SRV' | 'TXT';
}

/** How to ask. */
export interface DnsOptions {
  /** For one attempt. */
  readonly timeoutMs: number;
  /** How often the question is sent before the server counts as silent; at least 1. */
  readonly attempts: number;
  /** TCP from the start (resolv.conf `use-vc`). */
  readonly useTcp: boolean;
  readonly signal: AbortSignal;
  readonly env: Env;
}

/** What one server said, errors of its own included: an rcode is an answer. */
export interface DnsAnswer {
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL`, `REFUSED`, …, or `RCODE17` for one without a name. */
  readonly rcode: string;
  /** Addresses of the asked type at the end of the CNAMEs inside the answer; empty for other types. */
  readonly addresses: readonly string[];
  /** The CNAMEs followed, in order. */
  readonly canonicalNames: readonly string[];
  /** The records of the asked type as text: an address, a name, `priority weight port target`, a TXT's strings joined. */
  readonly records: readonly string[];
  /** The smallest TTL of the records used; null without any. */
  readonly minTtlSeconds: number | null;
  /** How long caches keep a "no" (RFC 2308: from the SOA record of the answer); null without one. */
  readonly negativeTtlSeconds: number | null;
  readonly transport: 'udp' | 'tcp';
  /** The answer over UDP was cut, so TCP was asked. */
  readonly truncated: boolean;
  /** Extended DNS errors (RFC 8914): why a server refuses or fails, in its own words. */
  readonly extendedErrors: readonly { readonly code: number; readonly text: string }[];
  /** Messages sent, over both transports. */
  readonly attempts: number;
  readonly durationMs: number;
  /** The server did not understand EDNS; it was asked again without. */
  readonly ednsDropped: boolean;
  /**
   * The answer does not repeat the question, as unbound's access control does when it refuses (pull-facts 17). It says
   * what it says, but Go's resolver drops it and waits: for the runtime this server is silent.
   */
  readonly questionMissing: boolean;
}

/** Why there is no answer. Codes: timeout, refused, unreachable, not-permitted, malformed, reset, closed, aborted, name-not-found (not a name). */
export interface DnsFailure extends WireError {
  readonly attempts: number;
  readonly durationMs: number;
}

/** Payload that Go's resolver announces (net/dnsclient_unix.go, maxDNSPacketSize): fits any path without fragments. */
const udpPayloadBytes = 1232;

/** CNAMEs that are followed inside one answer. */
const maxAliases = 16;

/**
 * Asks one server one question. Over UDP an answer that was cut is asked for again over TCP, and a server that does not
 * know EDNS is asked again without it.
 */
export async function queryDns(
  server: DnsServer,
  question: DnsQuestion,
  options: DnsOptions,
): Promise<Result<DnsAnswer, DnsFailure>> {
  const { env } = options;
  const started = env.monotonic();
  let attempts = 0;
  const failed = (error: WireError): Result<DnsAnswer, DnsFailure> =>
    fail({ code: error.code, message: error.message, attempts, durationMs: env.monotonic() - started });

  if (isIP(server.address) === 0) return failed(wireError('internal', `${server.address} is not an IP address`));
  // Go answers "no such host" for such names without asking anyone (net/dnsclient.go, isDomainName).
  if (!isAskable(question.name)) return failed(wireError('name-not-found', `${question.name} is not a DNS name`));

  const ask = async (transport: 'udp' | 'tcp', edns: boolean): Promise<DnsExchange<Message>> => {
    const query = makeQuery(question, Math.floor(env.random() * 0x10000), edns);
    const exchange = transport === 'tcp' ? askOverTcp : askOverUdp;
    const result = await exchange(server, query.bytes, (bytes) => readMessage(bytes, query), options);
    attempts += result.ok ? result.value.attempts : result.error.attempts;
    return result;
  };

  let transport: 'udp' | 'tcp' = options.useTcp ? 'tcp' : 'udp';
  let ednsDropped = false;
  let result = await ask(transport, true);
  if (result.ok && dislikesEdns(result.value.value)) {
    const plain = await ask(transport, false);
    // Silence on the plain question leaves what the server did say.
    if (plain.ok) {
      result = plain;
      ednsDropped = true;
    }
  }
  const truncated = result.ok && transport === 'udp' && result.value.value.truncated;
  if (truncated) {
    transport = 'tcp';
    result = await ask(transport, !ednsDropped);
    if (!result.ok) {
      const { code, message } = result.error;
      return failed(wireError(code, `the answer over UDP was cut, and TCP gives none: ${message}`));
    }
  }
  if (!result.ok) return failed(result.error);
  const { packet, questionMissing } = result.value.value;
  return ok({
    rcode: rcodeName(packet.header.rcode),
    ...readAnswers(packet, question),
    negativeTtlSeconds: negativeTtl(packet),
    transport,
    truncated,
    extendedErrors: extendedErrors(packet),
    attempts,
    durationMs: env.monotonic() - started,
    ednsDropped,
    questionMissing,
  });
}

interface Query {
  readonly id: number;
  readonly name: string;
  readonly type: number;
  readonly bytes: Buffer;
}

interface Message {
  readonly packet: Packet;
  readonly truncated: boolean;
  readonly questionMissing: boolean;
}

function makeQuery(question: DnsQuestion, id: number, edns: boolean): Query {
  const type = Packet.TYPE[question.type];
  const packet = new Packet();
  packet.header = new Packet.Header({ id, rd: 1 });
  packet.questions.push(new Packet.Question(question.name, type, Packet.CLASS.IN));
  if (edns) packet.additionals.push(Packet.Resource.EDNS([], { udpPayloadSize: udpPayloadBytes }));
  return { id, name: comparable(question.name), type, bytes: packet.toBuffer() };
}

/** Whether bytes are the answer to `query`; the header is looked at before the rest is worth decoding. */
function readMessage(bytes: Buffer, query: Query): DnsReading<Message> {
  if (bytes.length < Packet.HEADER_SIZE) return { kind: 'garbage', why: `only ${bytes.length} bytes` };
  const flags = bytes.readUInt16BE(2);
  if (bytes.readUInt16BE(0) !== query.id || (flags & 0xf800) !== 0x8000) return { kind: 'other' };
  let records = 0;
  for (const at of [4, 6, 8, 10]) records += bytes.readUInt16BE(at);
  // Compressed names make the decoder's work grow with records times bytes.
  if (records > limits.dnsRecords) return { kind: 'garbage', why: `it announces ${records} records` };
  const truncated = (flags & 0x0200) !== 0;
  const packet = Packet.parse(bytes);
  const asked = packet.questions[0];
  if (asked === undefined) {
    if (bytes.readUInt16BE(4) !== 0) return { kind: 'garbage', why: 'its question cannot be decoded' };
    // A refusal needs no question to be understood; addresses without one could be anybody's.
    if (packet.header.rcode === 0) return { kind: 'garbage', why: 'it has no question' };
    return { kind: 'answer', value: { packet, truncated: false, questionMissing: true } };
  }
  if (comparable(asked.name) !== query.name || asked.type !== query.type) return { kind: 'other' };
  const broken = packet.errors.find((error) => error.section === 'answers');
  if (broken !== undefined && !truncated) return { kind: 'garbage', why: clip(broken.message, 200) };
  return { kind: 'answer', value: { packet, truncated, questionMissing: false } };
}

/** FORMERR, NOTIMP and BADVERS are what servers without EDNS say to it (RFC 6891 section 7). */
function dislikesEdns({ packet }: Message): boolean {
  const { rcode } = packet.header;
  return rcode === Packet.RCODE.FORMERR || rcode === Packet.RCODE.NOTIMP || rcode === Packet.RCODE.BADVERS;
}

function readAnswers(
  packet: Packet,
  question: DnsQuestion,
): Pick<DnsAnswer, 'addresses' | 'canonicalNames' | 'records' | 'minTtlSeconds'> {
  const type = Packet.TYPE[question.type];
  const inClass = packet.answers.filter((record) => record.class === Packet.CLASS.IN);
  const canonicalNames: string[] = [];
  const ttls: number[] = [];
  let owner = comparable(question.name);
  if (question.type !== 'CNAME') {
    for (let hops = 0; hops < maxAliases; hops += 1) {
      const alias = inClass.find((one) => one.type === Packet.TYPE.CNAME && comparable(one.name) === owner);
      if (alias?.domain === undefined) break;
      canonicalNames.push(shown(alias.domain));
      ttls.push(alias.ttl);
      owner = comparable(alias.domain);
    }
  }
  const records: string[] = [];
  for (const one of inClass) {
    if (one.type !== type || comparable(one.name) !== owner) continue;
    const text = recordText(one, question.type);
    if (text === null) continue;
    records.push(text);
    ttls.push(one.ttl);
  }
  return {
    addresses: question.type === 'A' || question.type === 'AAAA' ? records : [],
    canonicalNames,
    records,
    minTtlSeconds: ttls.length === 0 ? null : Math.min(...ttls),
  };
}

function recordText(record: Packet['answers'][number], type: DnsQuestion['type']): string | null {
  switch (type) {
    case 'A':
    case 'AAAA':
      return record.address ?? null;
    case 'CNAME':
      return record.domain === undefined ? null : shown(record.domain);
    case 'SRV':
      return `${record.priority ?? 0} ${record.weight ?? 0} ${record.port ?? 0} ${shown(record.target ?? '')}`;
    case 'TXT':
      return Array.isArray(record.data) ? shown(record.data.join('')) : null;
  }
}

function negativeTtl(packet: Packet): number | null {
  if (packet.answers.length > 0) return null;
  const soa = packet.authorities.find((record) => record.type === Packet.TYPE.SOA);
  return soa?.minimum === undefined ? null : Math.min(soa.ttl, soa.minimum);
}

function extendedErrors(packet: Packet): { code: number; text: string }[] {
  const found: { code: number; text: string }[] = [];
  for (const record of packet.additionals) {
    if (record.type !== Packet.TYPE.EDNS) continue;
    for (const option of record.rdata ?? []) {
      if (!('infoCode' in option) || typeof option.infoCode !== 'number') continue;
      const text = 'extraText' in option && typeof option.extraText === 'string' ? option.extraText : '';
      found.push({ code: option.infoCode, text: shown(text) });
    }
  }
  return found;
}

const rcodeNames: ReadonlyMap<number, string> = new Map(
  // 16 has two names; BADVERS is the one that an EDNS query can meet.
  Object.entries(Packet.RCODE)
    .filter(([name]) => name !== 'BADSIG')
    .map(([name, code]) => [code, name]),
);

function rcodeName(rcode: number): string {
  return rcodeNames.get(rcode) ?? `RCODE${rcode}`;
}

/** Names are equal without regard to case and a final dot. */
function comparable(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/** Labels of 1 to 63 characters without spaces and controls, at most 253 in all. */
function isAskable(name: string): boolean {
  const bare = name.replace(/\.$/, '');
  return (
    bare.length > 0 && bare.length <= 253 && bare.split('.').every((label) => /^[\u0021-\u007e]{1,63}$/.test(label))
  );
}

/** Foreign text, fit for showing. */
function shown(text: string): string {
  return clip(text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?'), 500);
}
