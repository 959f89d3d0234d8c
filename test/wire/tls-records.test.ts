import assert from 'node:assert/strict';
import fc from 'fast-check';
import { printableStart, readServerFlight } from '../../src/wire/tls-records.ts';
import { makeCertificate } from '../kit/certificates.ts';

function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255]);
}

function u24(value: number): Buffer {
  return Buffer.from([value >> 16, (value >> 8) & 255, value & 255]);
}

function record(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type, 3, 3]), u16(body.length), body]);
}

function handshake(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type]), u24(body.length), body]);
}

function serverHello(version: number, extension?: number): Buffer {
  const extensions = extension === undefined ? Buffer.alloc(0) : Buffer.concat([u16(43), u16(2), u16(extension)]);
  return handshake(
    2,
    Buffer.concat([u16(version), Buffer.alloc(32), Buffer.from([0, 0x13, 1, 0]), u16(extensions.length), extensions]),
  );
}

function certificates(...list: readonly Buffer[]): Buffer {
  const entries = Buffer.concat(list.map((one) => Buffer.concat([u24(one.length), one])));
  return handshake(11, Buffer.concat([u24(entries.length), entries]));
}

function reading(...chunks: readonly Buffer[]) {
  const reader = readServerFlight();
  for (const chunk of chunks) reader.push(chunk);
  return reader.flight();
}

const made = [makeCertificate({ commonName: 'a' }).der, makeCertificate({ commonName: 'b' }).der];
const flight12 = Buffer.concat([
  record(22, serverHello(0x0303)),
  record(22, Buffer.concat([certificates(...made), handshake(13, Buffer.from([1, 1, 0, 0]))])),
]);

describe('readServerFlight', () => {
  it('reads version, certificates and the request for one, however the bytes are cut', () => {
    for (const size of [1, 2, 5, 64, 100_000]) {
      const chunks: Buffer[] = [];
      for (let at = 0; at < flight12.length; at += size) chunks.push(flight12.subarray(at, at + size));
      const flight = reading(...chunks);
      assert.equal(flight.version, 0x0303);
      assert.deepEqual(flight.certificates, made);
      assert.equal(flight.certificateRequested, true);
      assert.equal(flight.bytes, flight12.length);
      assert.equal(flight.partial, null);
    }
  });

  it('reads a message that spans records', () => {
    const message = certificates(...made);
    const half = message.length >> 1;
    const flight = reading(record(22, message.subarray(0, half)), record(22, message.subarray(half)));
    assert.deepEqual(flight.certificates, made);
  });

  it('takes the version of TLS 1.3 from the extension', () => {
    assert.equal(reading(record(22, serverHello(0x0303, 0x0304))).version, 0x0304);
    assert.equal(reading(record(22, serverHello(0x0302))).version, 0x0302);
  });

  it('reads alerts, a fatal one before a warning', () => {
    assert.equal(reading(record(21, Buffer.from([2, 40]))).alert, 40);
    assert.equal(reading(record(21, Buffer.from([1, 112])), record(21, Buffer.from([2, 80]))).alert, 80);
    assert.equal(reading(record(21, Buffer.from([2, 80])), record(21, Buffer.from([1, 0]))).alert, 80);
    assert.equal(reading(record(21, Buffer.alloc(26))).alert, null, 'an encrypted one cannot be read');
  });

  it('stops at encryption', () => {
    const flight = reading(
      record(22, serverHello(0x0303)),
      record(20, Buffer.from([1])),
      record(21, Buffer.from([2, 40])),
    );
    assert.equal(flight.alert, null);
  });

  it('says how much of a record is missing', () => {
    assert.deepEqual(reading(Buffer.from([22, 3, 3, 16, 0, 2])).partial, { have: 6, want: 4101 });
    assert.deepEqual(reading(Buffer.from([22, 3])).partial, { have: 2, want: 5 });
  });

  it('tells TLS from something else', () => {
    assert.equal(reading().looksLikeTls, null);
    assert.equal(reading(Buffer.from([22])).looksLikeTls, true);
    assert.equal(reading(Buffer.from('HTTP/1.1')).looksLikeTls, false);
    assert.equal(reading(Buffer.from([22, 9])).looksLikeTls, false);
  });

  it('keeps no more than its bounds', () => {
    const reader = readServerFlight();
    for (let count = 0; count < 100; count += 1) reader.push(record(22, Buffer.alloc(16_000, 255)));
    assert.ok(reader.flight().head.length <= 512);
    const many = certificates(...Array.from({ length: 60 }, () => Buffer.alloc(10)));
    assert.equal(reading(record(22, many)).certificates.length, 20);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 8 }), (chunks) => {
        reading(...chunks.map((chunk) => Buffer.from(chunk)));
        reading(...chunks.map((chunk) => record(22, Buffer.from(chunk))));
        reading(record(22, handshake(2, Buffer.concat(chunks))), record(22, handshake(11, Buffer.concat(chunks))));
      }),
    );
  });
});

describe('printableStart', () => {
  it('shows text and nothing else', () => {
    assert.equal(printableStart(Buffer.from('HTTP/1.1 400 Bad\r\nServer: x\r\n')), 'HTTP/1.1 400 Bad Server: x');
    assert.equal(printableStart(Buffer.from('220 mail\u0000\u0001')), '220 mail');
    assert.equal(printableStart(Buffer.from([0, 1, 2, 65])), null);
    assert.equal(printableStart(Buffer.from('ok')), 'ok');
    assert.equal(printableStart(Buffer.alloc(0)), null);
  });
});
