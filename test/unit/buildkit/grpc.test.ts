import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeGrpcMessage,
  encodeGrpcMessage,
  frameMessage,
  FramingError,
  maxMessageBytes,
  MessageReassembler,
  readGrpcStatus,
} from '../../../src/buildkit/grpc.ts';

describe('frameMessage', () => {
  it('puts a zero flag and the length in big-endian order before the message', () => {
    expect(frameMessage(Buffer.from('hello'))).toEqual(Buffer.from([0, 0, 0, 0, 5, ...Buffer.from('hello')]));
    expect(frameMessage(Buffer.alloc(0x010203)).subarray(0, 5)).toEqual(Buffer.from([0, 0, 1, 2, 3]));
  });
});

describe('MessageReassembler', () => {
  it('gives back the messages wherever the stream is cut', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
    const cuts = fc.array(fc.nat(400), { maxLength: 20 });
    fc.assert(
      fc.property(messages, cuts, (sent, borders) => {
        const bytes = Buffer.concat(sent.map(frameMessage));
        const edges = [...new Set([0, ...borders.filter((cut) => cut < bytes.length), bytes.length])].sort(
          (a, b) => a - b,
        );
        const reassembler = new MessageReassembler();
        const received = edges.flatMap((edge, i) => [...reassembler.push(bytes.subarray(edges[i - 1] ?? 0, edge))]);
        expect(received).toEqual(sent.map((message) => Buffer.from(message)));
        expect(reassembler.pendingBytes).toBe(0);
      }),
    );
  });

  it('knows how much of an unfinished message it holds', () => {
    const reassembler = new MessageReassembler();
    reassembler.push(Buffer.from([0, 0, 0, 0, 9, 1]));
    expect(reassembler.pendingBytes).toBe(6);
  });

  it.each([
    ['a compressed message', Buffer.from([1, 0, 0, 0, 0]), 12],
    ['a length that nobody can mean', Buffer.from([0, 0xff, 0xff, 0xff, 0xff]), 8],
    ['one byte more than the limit', lengthPrefix(maxMessageBytes + 1), 8],
  ])('refuses %s', (_, bytes, grpcCode) => {
    const push = (): unknown => new MessageReassembler().push(bytes);
    expect(push).toThrow(FramingError);
    expect(push).toThrow(expect.objectContaining({ grpcCode }));
  });

  it('waits for a message of exactly the limit', () => {
    expect(new MessageReassembler().push(lengthPrefix(maxMessageBytes))).toEqual([]);
  });
});

function lengthPrefix(length: number): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(length, 1);
  return prefix;
}

describe('grpc-message', () => {
  it.each([
    ['plain text: 100 sure', 'plain text: 100 sure'],
    ['100%', '100%25'],
    ['é\n', '%C3%A9%0A'],
    ['~\x7f', '~%7F'],
    ['🐳', '%F0%9F%90%B3'],
  ])('of %j is sent as %j', (text, encoded) => {
    expect(encodeGrpcMessage(text)).toBe(encoded);
  });

  it.each([
    ['a bad escape stays', '100% %zz %4', '100% %zz %4'],
    ['lower case hex is fine', '%c3%a9', 'é'],
    ['raw UTF-8, as latin1 in a header', Buffer.from('é', 'utf8').toString('latin1'), 'é'],
  ])('is read leniently: %s', (_, encoded, text) => {
    expect(decodeGrpcMessage(encoded)).toBe(text);
  });

  it('survives the way there and back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(decodeGrpcMessage(encodeGrpcMessage(text))).toBe(text);
        expect(encodeGrpcMessage(text)).toMatch(/^[\x20-\x7e]*$/);
      }),
    );
  });
});

describe('readGrpcStatus', () => {
  it('finds no status where there is none', () => {
    expect(readGrpcStatus({ ':status': 200, 'content-type': 'application/grpc' })).toBeUndefined();
  });

  it.each([
    [{ 'grpc-status': '0' }, { code: 0, message: '' }],
    [
      { 'grpc-status': '14', 'grpc-message': 'not%20there' },
      { code: 14, message: 'not there' },
    ],
    [{ 'grpc-status': ['2', '3'] }, { code: 2, message: '' }],
    [{ 'grpc-status': 'odd' }, { code: 2, message: '' }],
    [
      { 'grpc-status': '2', 'grpc-status-details-bin': 'AQI=' },
      { code: 2, message: '', details: Buffer.from([1, 2]) },
    ],
    [
      { 'grpc-status': '2', 'grpc-status-details-bin': 'AQI' },
      { code: 2, message: '', details: Buffer.from([1, 2]) },
    ],
  ])('reads %j', (headers, status) => {
    expect(readGrpcStatus(headers)).toEqual(status);
  });
});
