// Messages of a folder transfer (fsutil.types.Packet and Stat), encoded by hand with their gRPC frame in front: a build
// context has tens of thousands of them. Layout and field numbers: buildkit's fsutil types/wire.proto and stat.proto.
import { RpcError } from '../session/capability.ts';
import type { FileStat } from './stat.ts';
import { int64Halves, int64Length, readFields, varintLength, writeInt64, writeVarint } from './wire.ts';

const packetRequest = 1;
const packetData = 2;
const packetFinish = 3;
const packetError = 4;

/** One flag byte and four bytes of length. */
const grpcPrefixBytes = 5;
/** Code 13: the peer does not keep to the protocol. */
const rpcInternal = 13;

/** What is sent as one Stat. */
export interface FileEntry {
  /** Relative, clean, `/` between names; byte text. */
  readonly path: string;
  readonly stat: FileStat;
  /** Target of a symlink, or for a hard link the path under which the file was sent before; else ''. */
  readonly linkName: string;
}

/** A packet that the receiving daemon sends. */
export type ReceivedPacket =
  | { readonly kind: 'request'; readonly id: number }
  | { readonly kind: 'finish' }
  | { readonly kind: 'error'; readonly message: string };

function writePrefix(target: Buffer, offset: number, messageBytes: number): number {
  target[offset] = 0;
  return target.writeUInt32BE(messageBytes, offset + 1);
}

function textFieldLength(length: number): number {
  return length === 0 ? 0 : 1 + varintLength(length) + length;
}

function writeTextField(target: Buffer, offset: number, tag: number, byteText: string): number {
  if (byteText === '') return offset;
  target[offset] = tag;
  const start = writeVarint(target, offset + 1, byteText.length);
  return start + target.write(byteText, start, 'latin1');
}

function numberFieldLength(value: number): number {
  return value === 0 ? 0 : 1 + varintLength(value);
}

function writeNumberField(target: Buffer, offset: number, tag: number, value: number): number {
  if (value === 0) return offset;
  target[offset] = tag;
  return writeVarint(target, offset + 1, value);
}

/** More bytes than the framed Stat of an entry can have. */
export function maxStatBytes(entry: FileEntry): number {
  return 96 + entry.path.length + entry.linkName.length;
}

/** Writes a framed Stat packet and returns the offset behind it. */
export function writeStat(target: Buffer, offset: number, { path, stat, linkName }: FileEntry): number {
  const [high, low] = int64Halves(stat.modifiedNs);
  const isTimed = high !== 0 || low !== 0;
  const statBytes =
    textFieldLength(path.length) +
    numberFieldLength(stat.mode) +
    numberFieldLength(stat.sizeBytes) +
    (isTimed ? 1 + int64Length(high, low) : 0) +
    textFieldLength(linkName.length) +
    numberFieldLength(stat.deviceMajor) +
    numberFieldLength(stat.deviceMinor);
  let at = writePrefix(target, offset, 1 + varintLength(statBytes) + statBytes);
  target[at++] = 0x12;
  at = writeVarint(target, at, statBytes);
  at = writeTextField(target, at, 0x0a, path);
  at = writeNumberField(target, at, 0x10, stat.mode);
  at = writeNumberField(target, at, 0x28, stat.sizeBytes);
  if (isTimed) {
    target[at++] = 0x30;
    at = writeInt64(target, at, high, low);
  }
  at = writeTextField(target, at, 0x3a, linkName);
  at = writeNumberField(target, at, 0x40, stat.deviceMajor);
  return writeNumberField(target, at, 0x48, stat.deviceMinor);
}

/** Bytes in front of the data of a framed data packet. */
export function dataHeaderBytes(id: number, dataBytes: number): number {
  return grpcPrefixBytes + 2 + numberFieldLength(id) + (dataBytes === 0 ? 0 : 1 + varintLength(dataBytes));
}

/** Writes everything of a framed data packet but the data, and returns where the data goes. No data = end of the file. */
export function writeDataHeader(target: Buffer, offset: number, id: number, dataBytes: number): number {
  const messageBytes = dataHeaderBytes(id, dataBytes) - grpcPrefixBytes + dataBytes;
  let at = writePrefix(target, offset, messageBytes);
  target[at++] = 0x08;
  target[at++] = packetData;
  at = writeNumberField(target, at, 0x18, id);
  if (dataBytes === 0) return at;
  target[at++] = 0x22;
  return writeVarint(target, at, dataBytes);
}

/** The framed packet that says that there are no more Stats: a message with nothing in it. */
export function endOfStats(): Buffer {
  return Buffer.alloc(grpcPrefixBytes);
}

/** The framed packet that ends a transfer well. */
export function finishPacket(): Buffer {
  return Buffer.from([0, 0, 0, 0, 2, 0x08, packetFinish]);
}

/** The framed packet that ends a transfer badly. */
export function errorPacket(message: string): Buffer {
  const text = Buffer.from(message, 'utf8');
  const messageBytes = 2 + textFieldLength(text.length);
  const packet = Buffer.alloc(grpcPrefixBytes + messageBytes);
  let at = writePrefix(packet, 0, messageBytes);
  packet[at++] = 0x08;
  packet[at++] = packetError;
  writeTextField(packet, at, 0x22, text.toString('latin1'));
  return packet;
}

/** Reads a packet of the receiver (unframed). Throws RpcError 13 for anything that a receiver does not send. */
export function decodePacket(message: Buffer): ReceivedPacket {
  let type = 0;
  let id = 0;
  let data = '';
  for (const field of readFields(message)) {
    if (field.kind === 'varint' && field.number === 1) type = field.value;
    else if (field.kind === 'varint' && field.number === 3) id = field.value;
    else if (field.kind === 'bytes' && field.number === 4) data = field.value.toString('utf8');
  }
  if (type === packetRequest) return { kind: 'request', id };
  if (type === packetFinish) return { kind: 'finish' };
  if (type === packetError) return { kind: 'error', message: data };
  throw new RpcError(rpcInternal, `a receiver of files may not send a packet of type ${type}`);
}
