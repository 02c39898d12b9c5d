// The few pieces of protobuf's wire format that hand-made encoders need: varints and tagged fields. Only what is hot
// (20,000 Stats, every block of file data) or tiny is written by hand; everything else uses generated code.
// https://protobuf.dev/programming-guides/encoding/

const twoTo32 = 2 ** 32;
/** A varint of 64 bits. */
const maxVarintBytes = 10;

/** Bytes of an unsigned varint; value is a safe integer >= 0. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) length++;
  return length;
}

/** Writes an unsigned varint and returns the offset behind it. */
export function writeVarint(target: Uint8Array, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  while (rest > 0x7f) {
    target[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  target[at++] = rest;
  return at;
}

/** The two halves of an int64 in two's complement, high first. */
export function int64Halves(value: bigint): readonly [high: number, low: number] {
  const bits = BigInt.asUintN(64, value);
  return [Number(bits >> 32n), Number(bits & 0xffffffffn)];
}

/** Bytes of an int64 varint given as halves. */
export function int64Length(high: number, low: number): number {
  return high === 0 ? varintLength(low) : Math.ceil((64 - Math.clz32(high)) / 7);
}

/** Writes an int64 varint given as halves and returns the offset behind it. */
export function writeInt64(target: Uint8Array, offset: number, high: number, low: number): number {
  let at = offset;
  let upper = high;
  let lower = low;
  while (upper !== 0 || lower > 0x7f) {
    target[at++] = (lower & 0x7f) | 0x80;
    lower = ((lower >>> 7) | (upper << 25)) >>> 0;
    upper >>>= 7;
  }
  target[at++] = lower;
  return at;
}

/** One field of a message. Varints above 2^53 lose precision; fixed32 and fixed64 fields are left out. */
export type WireField =
  | { readonly number: number; readonly kind: 'varint'; readonly value: number }
  | { readonly number: number; readonly kind: 'bytes'; readonly value: Buffer };

/** Reads the fields of a message in order. Throws when the bytes are no protobuf message. */
export function readFields(message: Buffer): readonly WireField[] {
  const fields: WireField[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < maxVarintBytes; count++) {
      const byte = message[at++];
      if (byte === undefined) throw new Error('a message of the daemon is cut short');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    throw new Error('a message of the daemon holds a malformed number');
  };
  const bytes = (length: number): Buffer => {
    if (length > message.length - at) throw new Error('a message of the daemon is cut short');
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = varint();
    const number = Math.floor(tag / 8) % twoTo32;
    const wireType = tag % 8;
    if (wireType === 0) fields.push({ number, kind: 'varint', value: varint() });
    else if (wireType === 2) fields.push({ number, kind: 'bytes', value: bytes(varint()) });
    else if (wireType === 1) bytes(8);
    else if (wireType === 5) bytes(4);
    else throw new Error('a message of the daemon holds a field of an unknown kind');
  }
  return fields;
}

/** A message with one bytes field number 1 (moby's BytesMessage; also any message with one string). */
export function encodeBytesMessage(data: Uint8Array): Buffer {
  if (data.length === 0) return Buffer.alloc(0);
  const message = Buffer.allocUnsafe(1 + varintLength(data.length) + data.length);
  message[0] = 0x0a;
  message.set(data, writeVarint(message, 1, data.length));
  return message;
}

/** Field 1 of a message as bytes; empty when absent. */
export function decodeBytesMessage(message: Buffer): Buffer {
  for (const field of readFields(message).toReversed()) {
    if (field.number === 1 && field.kind === 'bytes') return field.value;
  }
  return Buffer.alloc(0);
}
