// Packets of a folder transfer in which the daemon is the sender: what it announces, the content of files, and our
// requests for them. The other direction is in packets.ts. Layout: buildkit's fsutil types/wire.proto and stat.proto.
import { RpcError } from '../session/capability.ts';
import { readFields, varintLength, writeVarint } from './wire.ts';

const rpcInternal = 13;
const grpcPrefixBytes = 5;
const twoTo63 = 2 ** 63;
const nsPerMs = 1e6;

/** A file, folder or link that the daemon announces. */
export interface AnnouncedEntry {
  /** As it came: byte text, not checked. */
  readonly path: string;
  /** Go's FileMode. */
  readonly mode: number;
  readonly sizeBytes: number;
  /** ms since 1970, with fractions. */
  readonly modifiedMs: number;
  /** Target of a symlink, or for a hard link the path announced first; else ''. */
  readonly linkName: string;
}

/** A packet of the sending daemon. */
export type SentPacket =
  | { readonly kind: 'entry'; readonly entry: AnnouncedEntry }
  | { readonly kind: 'end-of-entries' }
  /** No bytes: the file is complete. */
  | { readonly kind: 'data'; readonly id: number; readonly bytes: Buffer }
  | { readonly kind: 'finish' }
  | { readonly kind: 'error'; readonly message: string };

/** Reads a packet of the sender (unframed). Throws RpcError 13 for anything that a sender does not send. */
export function decodeSentPacket(message: Buffer): SentPacket {
  let type = 0;
  let id = 0;
  let stat: Buffer | undefined;
  let bytes: Buffer = Buffer.alloc(0);
  for (const field of readFields(message)) {
    if (field.kind === 'varint' && field.number === 1) type = field.value;
    else if (field.kind === 'bytes' && field.number === 2) stat = field.value;
    else if (field.kind === 'varint' && field.number === 3) id = field.value;
    else if (field.kind === 'bytes' && field.number === 4) bytes = field.value;
  }
  switch (type) {
    case 0:
      return stat === undefined ? { kind: 'end-of-entries' } : { kind: 'entry', entry: decodeStat(stat) };
    case 2:
      return { kind: 'data', id, bytes };
    case 3:
      return { kind: 'finish' };
    case 4:
      return { kind: 'error', message: bytes.toString('utf8') };
    default:
      throw new RpcError(rpcInternal, `a sender of files may not send a packet of type ${type}`);
  }
}

function decodeStat(message: Buffer): AnnouncedEntry {
  const texts = new Map<number, string>();
  const numbers = new Map<number, number>();
  for (const field of readFields(message)) {
    if (field.kind === 'bytes') texts.set(field.number, field.value.toString('latin1'));
    else numbers.set(field.number, field.value);
  }
  return {
    path: texts.get(1) ?? '',
    mode: numbers.get(2) ?? 0,
    sizeBytes: numbers.get(5) ?? 0,
    modifiedMs: signed(numbers.get(6) ?? 0) / nsPerMs,
    linkName: texts.get(7) ?? '',
  };
}

/** Times before 1970 come as the two's complement. A fraction of a microsecond is lost in numbers of this size. */
function signed(value: number): number {
  return value >= twoTo63 ? value - 2 * twoTo63 : value;
}

/** Framed requests for the content of files. */
export function requestPackets(ids: readonly number[]): Buffer {
  return Buffer.concat(
    ids.map((id) => {
      const packet = Buffer.alloc(grpcPrefixBytes + 2 + (id === 0 ? 0 : 1 + varintLength(id)));
      const at = packet.writeUInt32BE(packet.length - grpcPrefixBytes, 1);
      packet.set([0x08, 0x01], at);
      if (id !== 0) {
        packet[at + 2] = 0x18;
        writeVarint(packet, at + 3, id);
      }
      return packet;
    }),
  );
}
