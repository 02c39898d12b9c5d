// Sends packets in few large writes: a Stat is about a hundred bytes and a context has tens of thousands of them. What
// was written waits in a buffer until it is full or somebody has nothing more to add.
import { dataHeaderBytes, endOfStats, type FileEntry, maxStatBytes, writeDataHeader, writeStat } from './packets.ts';

/** A full buffer is sent: two dozen of the network's own buffers, a thousand Stats. */
const bufferBytes = 128 * 1024;
/** Written but not yet taken by the transport; enough to keep it busy while files are read. */
const maxWaitingBytes = 1024 * 1024;

/** Collects framed packets and hands them to the transport in order. */
export class PacketWriter {
  readonly #send: (frames: Uint8Array) => Promise<void>;
  readonly #onFailure: (error: unknown) => void;
  #buffer = Buffer.allocUnsafe(bufferBytes);
  #used = 0;
  #waitingBytes = 0;
  /** The last send that was begun; each waits for the one before. */
  #sending: Promise<void> = Promise.resolve();
  #sentBytes = 0;
  #isFlushWanted = false;

  /** @param onFailure hears of a failed send even when nobody waits for room */
  constructor(send: (frames: Uint8Array) => Promise<void>, onFailure: (error: unknown) => void) {
    this.#send = send;
    this.#onFailure = onFailure;
  }

  /** Bytes handed to the transport. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  addStat(entry: FileEntry): void {
    this.#reserve(maxStatBytes(entry));
    this.#used = writeStat(this.#buffer, this.#used, entry);
  }

  addEndOfStats(): void {
    this.addPacket(endOfStats());
  }

  /** A packet that is framed already. */
  addPacket(packet: Buffer): void {
    this.#reserve(packet.length);
    this.#used += packet.copy(this.#buffer, this.#used);
  }

  /** A block of a file; `fill` puts exactly dataBytes into its argument. Nothing is added when it throws. */
  addData(id: number, dataBytes: number, fill: (target: Buffer) => void): void {
    this.#reserve(dataHeaderBytes(id, dataBytes) + dataBytes);
    const start = writeDataHeader(this.#buffer, this.#used, id, dataBytes);
    fill(this.#buffer.subarray(start, start + dataBytes));
    this.#used = start + dataBytes;
  }

  addEndOfFile(id: number): void {
    this.addData(id, 0, () => {});
  }

  /** Resolves when the transport has taken enough for more to be added. Rejects when the call is over. */
  async room(): Promise<void> {
    if (this.#waitingBytes > maxWaitingBytes) await this.#sending;
  }

  /** Sends what is waiting in the buffer: now, or together with more as soon as the transport has nothing else to do. */
  flushWhenIdle(): void {
    if (this.#waitingBytes === 0) this.#flush();
    else this.#isFlushWanted = true;
  }

  /** Sends all that was added. Resolves when the transport has taken it. */
  async drain(): Promise<void> {
    this.#flush();
    await this.#sending;
  }

  #reserve(bytes: number): void {
    if (this.#buffer.length - this.#used >= bytes) return;
    this.#flush();
    if (this.#buffer.length < bytes) this.#buffer = Buffer.allocUnsafe(bytes);
  }

  #flush(): void {
    this.#isFlushWanted = false;
    if (this.#used === 0) return;
    const frames = this.#buffer.subarray(0, this.#used);
    // The transport may hold on to what it was given: each buffer is used once.
    const rest = this.#buffer.subarray(this.#used);
    this.#buffer = rest.length >= bufferBytes / 2 ? rest : Buffer.allocUnsafe(bufferBytes);
    this.#used = 0;
    this.#waitingBytes += frames.length;
    this.#sending = this.#sending.then(async () => {
      await this.#send(frames);
      this.#waitingBytes -= frames.length;
      this.#sentBytes += frames.length;
      if (this.#isFlushWanted && this.#waitingBytes === 0) this.#flush();
    });
    this.#sending.catch(this.#onFailure);
  }
}
