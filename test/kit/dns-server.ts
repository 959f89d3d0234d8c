import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { startTcpServer, type TcpServer } from './tcp-server.ts';

/**
 * A name server on loopback, UDP and TCP on one port, that answers as a test tells it: byte by byte if need be. The
 * messages are made here and not by the library that the product decodes with.
 */
export interface DnsTestServer {
  readonly address: string;
  readonly port: number;
  /** Every query that came, in order. */
  readonly queries: readonly DnsTestQuery[];
  readonly tcp: TcpServer | null;
  readonly close: () => Promise<void>;
}

/** A query as it came. */
export interface DnsTestQuery {
  readonly id: number;
  readonly name: string;
  readonly type: number;
  readonly edns: boolean;
  readonly transport: 'udp' | 'tcp';
  readonly raw: Buffer;
}

/** One record of an answer; `data` as text for the types of `recordTypes`, else raw. */
export interface DnsTestRecord {
  readonly name: string;
  readonly type: keyof typeof recordTypes;
  readonly data: string | Buffer;
  readonly ttl?: number;
}

/** What goes into an answer; everything left out is right for the query. */
export interface DnsTestAnswer {
  /** Above 15 its high bits go into an OPT record. */
  readonly rcode?: number;
  readonly records?: readonly DnsTestRecord[];
  readonly authorities?: readonly DnsTestRecord[];
  readonly truncated?: boolean;
  readonly withoutQuestion?: boolean;
  readonly id?: number;
  /** The question that is sent back. */
  readonly name?: string;
  readonly type?: number;
  /** Extended DNS error: info code and text. */
  readonly extendedError?: readonly [number, string];
  /** Sent as a query: the response bit is not set. */
  readonly query?: boolean;
}

/** Type numbers. */
export const recordTypes = { A: 1, NS: 2, CNAME: 5, SOA: 6, TXT: 16, AAAA: 28, SRV: 33 } as const;

/** Answers a query gets: messages sent at once, in order; none is silence. A promise delays them. */
export type DnsHandler = (query: DnsTestQuery) => readonly Buffer[] | Promise<readonly Buffer[]>;

/**
 * Starts a server. `tcp: false` leaves TCP closed; a function takes each TCP connection itself. The messages that
 * `handle` returns for TCP get their length prefix here.
 */
export async function startDnsServer(
  handle: DnsHandler,
  options: {
    readonly address?: string;
    /** A free one. */
    readonly port?: number;
    readonly tcp?: false | Parameters<typeof startTcpServer>[0];
  } = {},
): Promise<DnsTestServer> {
  const address = options.address ?? '127.0.0.1';
  const queries: DnsTestQuery[] = [];
  const onTcp: Parameters<typeof startTcpServer>[0] =
    typeof options.tcp === 'function'
      ? options.tcp
      : (socket) => {
          let pending = Buffer.alloc(0);
          socket.on('data', (chunk: Buffer) => {
            pending = Buffer.concat([pending, chunk]);
            while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
              const end = 2 + pending.readUInt16BE(0);
              const query = readQuery(pending.subarray(2, end), 'tcp');
              pending = pending.subarray(end);
              queries.push(query);
              void Promise.resolve(handle(query)).then((messages) => {
                for (const message of messages) socket.write(lengthPrefixed(message));
              });
            }
          });
        };
  // A port that is free for both: TCP picks, UDP follows.
  for (let attempt = 0; ; attempt += 1) {
    const tcp = await startTcpServer(onTcp, address, options.port);
    const udp = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const bound = await bind(udp, address, tcp.port);
    if (!bound) {
      await tcp.close();
      if (attempt > 20) throw new Error('no port is free for TCP and UDP');
      continue;
    }
    if (options.tcp === false) await tcp.close();
    udp.on('message', (raw, from) => {
      const query = readQuery(raw, 'udp');
      queries.push(query);
      void Promise.resolve(handle(query)).then((messages) => {
        for (const message of messages) udp.send(message, from.port, from.address, () => undefined);
      });
    });
    return {
      address,
      port: tcp.port,
      queries,
      tcp: options.tcp === false ? null : tcp,
      close: async () => {
        udp.close();
        await once(udp, 'close');
        if (options.tcp !== false) await tcp.close();
      },
    };
  }
}

/** An answer to `query`. */
export function dnsAnswer(query: DnsTestQuery, answer: DnsTestAnswer = {}): Buffer {
  const { rcode = 0, records = [], authorities = [] } = answer;
  const options = answer.extendedError === undefined ? null : extendedErrorOption(...answer.extendedError);
  const opt = options !== null || rcode > 15 ? optRecord(rcode >> 4, options ?? Buffer.alloc(0)) : null;
  const header = Buffer.alloc(12);
  header.writeUInt16BE(answer.id ?? query.id, 0);
  header.writeUInt16BE((answer.query ? 0 : 0x8000) | 0x0180 | (answer.truncated ? 0x0200 : 0) | (rcode & 15), 2);
  header.writeUInt16BE(answer.withoutQuestion ? 0 : 1, 4);
  header.writeUInt16BE(records.length, 6);
  header.writeUInt16BE(authorities.length, 8);
  header.writeUInt16BE(opt === null ? 0 : 1, 10);
  const question = answer.withoutQuestion
    ? Buffer.alloc(0)
    : Buffer.concat([encodeName(answer.name ?? query.name), uint16(answer.type ?? query.type), uint16(1)]);
  const all = [...records, ...authorities].map(encodeRecord);
  return Buffer.concat([header, question, ...all, ...(opt === null ? [] : [opt])]);
}

/** `message` behind its length, as over TCP. */
export function lengthPrefixed(message: Buffer): Buffer {
  return Buffer.concat([uint16(message.length), message]);
}

/** Reads a query; the name is whatever can be read of it. */
export function readQuery(raw: Buffer, transport: 'udp' | 'tcp'): DnsTestQuery {
  const labels: string[] = [];
  let at = 12;
  for (let length = raw[at] ?? 0; length !== 0; length = raw[at] ?? 0) {
    labels.push(raw.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = raw.length >= at + 3 ? raw.readUInt16BE(at + 1) : 0;
  return { id: raw.readUInt16BE(0), name: labels.join('.'), type, edns: raw.readUInt16BE(10) > 0, transport, raw };
}

function bind(socket: UdpSocket, address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once('error', () => resolve(false));
    socket.bind(port, address, () => resolve(true));
  });
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

function encodeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')])),
    Buffer.from([0]),
  ]);
}

function encodeRecord(record: DnsTestRecord): Buffer {
  const data = typeof record.data === 'string' ? encodeData(record.type, record.data) : record.data;
  const ttl = Buffer.alloc(4);
  ttl.writeUInt32BE(record.ttl ?? 60);
  return Buffer.concat([
    encodeName(record.name),
    uint16(recordTypes[record.type]),
    uint16(1),
    ttl,
    uint16(data.length),
    data,
  ]);
}

function encodeData(type: keyof typeof recordTypes, text: string): Buffer {
  const words = text.split(' ');
  switch (type) {
    case 'A':
      return Buffer.from(text.split('.').map(Number));
    case 'AAAA': {
      const [head = '', tail] = text.split('::');
      const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
      const left = groups(head);
      const right = tail === undefined ? [] : groups(tail);
      const zeros = new Array<number>(8 - left.length - right.length).fill(0);
      return Buffer.concat([...left, ...zeros, ...right].map(uint16));
    }
    case 'CNAME':
    case 'NS':
      return encodeName(text);
    case 'TXT':
      return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
    case 'SRV':
      return Buffer.concat([...words.slice(0, 3).map((word) => uint16(Number(word))), encodeName(words[3] ?? '')]);
    case 'SOA': {
      const numbers = Buffer.alloc(20);
      for (let index = 0; index < 5; index += 1) numbers.writeUInt32BE(Number(words[2 + index] ?? 0), index * 4);
      return Buffer.concat([encodeName(words[0] ?? ''), encodeName(words[1] ?? ''), numbers]);
    }
  }
}

function extendedErrorOption(code: number, text: string): Buffer {
  const data = Buffer.concat([uint16(code), Buffer.from(text)]);
  return Buffer.concat([uint16(15), uint16(data.length), data]);
}

function optRecord(extendedRcode: number, options: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from([0]),
    uint16(41),
    uint16(1232),
    Buffer.from([extendedRcode & 0xff, 0, 0, 0]),
    uint16(options.length),
    options,
  ]);
}
