// The daemon's side of a folder transfer, for tests: an in-memory call, and a receiver that keeps what it got, as a
// daemon keeps its copy of a context between builds. Packets are read with protobuf's own reader, not with ours.
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { ServerCall } from '../../../../src/buildkit/session/capability.ts';

export interface ReceivedStat {
  readonly path: string;
  readonly mode: number;
  readonly size: number;
  readonly modTime: bigint;
  readonly linkname: string;
  readonly devmajor: number;
  readonly devminor: number;
}

export interface Packet {
  readonly type: number;
  readonly stat: ReceivedStat | undefined;
  readonly id: number;
  readonly data: Buffer;
}

function readFields(bytes: Uint8Array): ReadonlyMap<number, Uint8Array | bigint> {
  const reader = new BinaryReader(bytes);
  const fields = new Map<number, Uint8Array | bigint>();
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    fields.set(number, wireType === WireType.LengthDelimited ? reader.bytes() : BigInt(reader.int64()));
  }
  return fields;
}

function text(value: Uint8Array | bigint | undefined): string {
  return typeof value === 'object' ? Buffer.from(value).toString('latin1') : '';
}

function count(value: Uint8Array | bigint | undefined): number {
  return typeof value === 'bigint' ? Number(value) : 0;
}

/** Reads a packet; paths and link names are byte text. */
export function readPacket(message: Uint8Array): Packet {
  const packet = readFields(message);
  const statBytes = packet.get(2);
  const data = packet.get(4);
  let stat: ReceivedStat | undefined;
  if (typeof statBytes === 'object') {
    const fields = readFields(statBytes);
    const modTime = fields.get(6);
    stat = {
      path: text(fields.get(1)),
      mode: count(fields.get(2)),
      size: count(fields.get(5)),
      modTime: typeof modTime === 'bigint' ? modTime : 0n,
      linkname: text(fields.get(7)),
      devmajor: count(fields.get(8)),
      devminor: count(fields.get(9)),
    };
  }
  return {
    type: count(packet.get(1)),
    stat,
    id: count(packet.get(3)),
    data: Buffer.from(typeof data === 'object' ? data : []),
  };
}

/** Cuts gRPC frames out of a stream of bytes. */
export class Deframer {
  #rest = Buffer.alloc(0);

  push(bytes: Uint8Array): readonly Buffer[] {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const messages: Buffer[] = [];
    while (this.#rest.length >= 5 && this.#rest.length >= 5 + this.#rest.readUInt32BE(1)) {
      const end = 5 + this.#rest.readUInt32BE(1);
      messages.push(this.#rest.subarray(5, end));
      this.#rest = this.#rest.subarray(end);
    }
    return messages;
  }

  get isEmpty(): boolean {
    return this.#rest.length === 0;
  }
}

/** A call whose request messages the test gives and whose answers it sees. */
export class TestCall implements ServerCall {
  readonly method = '/test/Call';
  readonly #abort = new AbortController();
  readonly signal = this.#abort.signal;
  readonly #headers: Readonly<Record<string, readonly string[]>>;
  readonly #incoming: Buffer[] = [];
  #isEnded = false;
  #wake: () => void = () => {};
  readonly #deframer = new Deframer();
  /** Called with each message that is sent. */
  onMessage: (message: Buffer) => void = () => {};
  /** Awaited in each send: a transport that takes its time. */
  beforeSend: () => Promise<void> = async () => {};
  /** Writes to the transport. */
  writes = 0;

  constructor(headers: Readonly<Record<string, readonly string[]>> = {}) {
    this.#headers = headers;
  }

  headerValues(name: string): readonly string[] {
    return this.#headers[name] ?? [];
  }

  give(message: Uint8Array): void {
    this.#incoming.push(Buffer.from(message));
    this.#wake();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  /** The daemon resets the call. */
  cancel(): void {
    this.#abort.abort();
    this.#wake();
  }

  get messages(): AsyncIterable<Buffer> {
    return this.#read();
  }

  async *#read(): AsyncGenerator<Buffer> {
    for (;;) {
      const message = this.#incoming.shift();
      if (message !== undefined) yield message;
      else if (this.signal.aborted) throw new Error('the call was reset');
      else if (this.#isEnded) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  async send(message: Uint8Array): Promise<void> {
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    await this.sendFramed(Buffer.concat([prefix, message]));
  }

  async sendFramed(frames: Uint8Array): Promise<void> {
    this.writes++;
    await this.beforeSend();
    if (this.signal.aborted) throw new Error('the call was reset');
    for (const message of this.#deframer.push(Buffer.from(frames))) this.onMessage(message);
  }
}

/** A packet as the daemon sends it. */
export function requestPacket(id: number): Uint8Array {
  const writer = new BinaryWriter().tag(1, WireType.Varint).int32(1);
  return (id === 0 ? writer : writer.tag(3, WireType.Varint).uint32(id)).finish();
}

export const finishRequest: Uint8Array = new BinaryWriter().tag(1, WireType.Varint).int32(3).finish();

const notRegular = 0x8f280000;

/** Keeps the last copy of a folder and asks for what is new, as BuildKit's receiver does. */
export class ReceivingDaemon {
  readonly #kept = new Map<string, ReceivedStat>();
  readonly contents = new Map<string, Buffer>();
  stats: ReceivedStat[] = [];
  requested: string[] = [];
  error: string | undefined;
  isFinished = false;

  /** Plays the daemon in a call until it is over. */
  serve(call: TestCall): void {
    this.stats = [];
    this.requested = [];
    this.error = undefined;
    this.isFinished = false;
    const open = new Map<number, { path: string; blocks: Buffer[] }>();
    let isListed = false;
    call.onMessage = (message) => {
      const packet = readPacket(message);
      if (packet.type === 4) this.error = packet.data.toString('utf8');
      else if (packet.type === 3) {
        this.isFinished = true;
        call.end();
      } else if (packet.type === 2) {
        const file = open.get(packet.id);
        if (file === undefined) throw new Error(`data for ${packet.id}, which was not asked for`);
        if (packet.data.length > 0) file.blocks.push(Buffer.from(packet.data));
        else {
          this.contents.set(file.path, Buffer.concat(file.blocks));
          open.delete(packet.id);
        }
      } else if (packet.stat === undefined) isListed = true;
      else if (this.#wants(packet.stat)) {
        open.set(this.stats.length, { path: packet.stat.path, blocks: [] });
        this.requested.push(packet.stat.path);
        call.give(requestPacket(this.stats.length));
        this.stats.push(packet.stat);
      } else this.stats.push(packet.stat);
      if (isListed && open.size === 0 && this.error === undefined && !this.isFinished) {
        isListed = false;
        call.give(finishRequest);
      }
    };
  }

  #wants(stat: ReceivedStat): boolean {
    const { path, mode, size, modTime, linkname } = stat;
    const kept = this.#kept.get(path);
    this.#kept.set(path, stat);
    if ((mode & notRegular) !== 0 || linkname !== '') return false;
    return kept?.mode !== mode || kept.size !== size || kept.modTime !== modTime || kept.linkname !== linkname;
  }
}
