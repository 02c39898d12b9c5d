// Sends a folder to the daemon: what is in it, then the content of the files that the daemon does not have from the last
// build. Walking, hearing requests and sending content go on at the same time. The flow is that of fsutil's Send/Receive:
// Stats with ids 0, 1, 2, ... and an empty Stat; requests by id; blocks and an empty block per file; FIN both ways.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { RpcError, type ServerCall } from '../session/capability.ts';
import type { FileTree } from './file-tree.ts';
import type { PathFilter } from './filter.ts';
import { PacketWriter } from './packet-writer.ts';
import { decodePacket, errorPacket, type FileEntry, finishPacket } from './packets.ts';
import { isRegularFile } from './stat.ts';
import { walk } from './walk.ts';

/** A block of file data: far below the 4 MiB that old daemons accept, large enough to cost little each. */
const blockBytes = 256 * 1024;
/** Files above one block that are read at the same time. */
const maxOpenFiles = 4;
/** Small files are read on the event loop, which is left to others after this time. */
const maxSliceMs = 8;

const rpcCancelled = 1;
const rpcUnknown = 2;
const rpcInvalidArgument = 3;

/** What went over the wire. */
export interface SendSummary {
  readonly entries: number;
  readonly files: number;
  readonly fileBytes: number;
  readonly wireBytes: number;
}

/** Told of each regular file before the daemon is; what it throws ends the transfer. */
export type OnFile = (entry: FileEntry) => void;

/**
 * Serves one transfer to its end. Rejects with a FileTreeError that names the file at fault, of which the daemon has been
 * told too, or with an RpcError when the daemon broke off or does not keep to the protocol.
 */
export async function sendTree(
  tree: FileTree,
  filter: PathFilter,
  call: ServerCall,
  onFile?: OnFile,
): Promise<SendSummary> {
  return await new Sender(tree, filter, call, onFile).run();
}

class Sender {
  readonly #tree: FileTree;
  readonly #filter: PathFilter;
  readonly #call: ServerCall;
  readonly #onFile: OnFile | undefined;
  readonly #writer: PacketWriter;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  /** Announced regular files that were not asked for yet. */
  readonly #offered = new Map<number, FileEntry>();
  readonly #asked: Array<readonly [id: number, entry: FileEntry]> = [];
  #wake: () => void = () => {};
  /** Rejects when something fails that nobody is waiting for just then. */
  readonly #failed: Promise<never>;
  #reportFailure: (error: unknown) => void = () => {};
  #isFinished = false;
  #entries = 0;
  #files = 0;
  #fileBytes = 0;

  constructor(tree: FileTree, filter: PathFilter, call: ServerCall, onFile: OnFile | undefined) {
    this.#onFile = onFile;
    this.#tree = tree;
    this.#filter = filter;
    this.#call = call;
    this.#failed = new Promise((_, reject) => {
      this.#reportFailure = reject;
    });
    this.#failed.catch(() => {});
    this.#writer = new PacketWriter((frames) => call.sendFramed(frames), this.#reportFailure);
    this.#signal = AbortSignal.any([call.signal, this.#stop.signal]);
    this.#signal.addEventListener('abort', () => this.#wake(), { once: true });
  }

  async run(): Promise<SendSummary> {
    try {
      await Promise.race([this.#failed, Promise.all([this.#announce(), this.#listen(), this.#serve()])]);
      this.#writer.addPacket(finishPacket());
      await this.#writer.drain();
    } catch (error) {
      this.#stop.abort();
      throw await this.#fail(error);
    }
    return {
      entries: this.#entries,
      files: this.#files,
      fileBytes: this.#fileBytes,
      wireBytes: this.#writer.sentBytes,
    };
  }

  /** Tells the daemon why it gets no more, unless it knows, and returns what to reject with. */
  async #fail(error: unknown): Promise<unknown> {
    if (this.#call.signal.aborted) return new RpcError(rpcCancelled, 'the transfer was cancelled');
    if (error instanceof RpcError) return error;
    try {
      this.#writer.addPacket(errorPacket(error instanceof Error ? error.message : String(error)));
      await this.#writer.drain();
    } catch {
      // The call is over for the daemon too; the status is all that is left to say it with.
    }
    return error;
  }

  async #announce(): Promise<void> {
    for await (const batch of walk(this.#tree, this.#filter, this.#signal)) {
      for (const entry of batch) {
        if (isRegularFile(entry.stat.mode)) {
          this.#onFile?.(entry);
          this.#offered.set(this.#entries, entry);
        }
        this.#entries++;
        this.#writer.addStat(entry);
      }
      this.#writer.flushWhenIdle();
      await this.#writer.room();
    }
    this.#writer.addEndOfStats();
    this.#writer.flushWhenIdle();
  }

  async #listen(): Promise<void> {
    // Not `for await`: leaving that early would end the whole call, and our own FIN is still to come.
    const messages = this.#call.messages[Symbol.asyncIterator]();
    for (let next = await messages.next(); next.done !== true; next = await messages.next()) {
      const packet = decodePacket(next.value);
      if (packet.kind === 'error') throw new RpcError(rpcUnknown, `the daemon gave up the transfer: ${packet.message}`);
      if (packet.kind === 'finish') {
        this.#isFinished = true;
        this.#wake();
        return;
      }
      const entry = this.#offered.get(packet.id);
      if (entry === undefined) throw new RpcError(rpcInvalidArgument, `invalid file id ${packet.id}`);
      this.#offered.delete(packet.id);
      this.#asked.push([packet.id, entry]);
      this.#wake();
    }
    throw new RpcError(rpcCancelled, 'the daemon ended the transfer early');
  }

  async #serve(): Promise<void> {
    const open = new Set<Promise<void>>();
    let sliceEndMs = performance.now() + maxSliceMs;
    for (let next = 0; !this.#isFinished;) {
      this.#signal.throwIfAborted();
      const asked = this.#asked[next++];
      if (asked === undefined) {
        next = this.#asked.length = 0;
        await this.#idle();
        sliceEndMs = performance.now() + maxSliceMs;
        continue;
      }
      const [id, entry] = asked;
      if (entry.stat.sizeBytes <= blockBytes) this.#sendWhole(id, entry);
      else {
        if (open.size >= maxOpenFiles) await Promise.race(open);
        const sending = this.#sendInBlocks(id, entry)
          .catch(this.#reportFailure)
          .finally(() => open.delete(sending));
        open.add(sending);
      }
      await this.#writer.room();
      if (performance.now() < sliceEndMs) continue;
      await nextTurn();
      sliceEndMs = performance.now() + maxSliceMs;
    }
    await Promise.all(open);
  }

  /** Waits for a request or the end. */
  async #idle(): Promise<void> {
    // Requests come many at a time and are read one by one: what they ask for is sent together.
    await nextTurn();
    if (this.#asked.length > 0) return;
    this.#writer.flushWhenIdle();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#asked.length > 0 || this.#isFinished || this.#signal.aborted) resolve();
    });
  }

  #sendWhole(id: number, entry: FileEntry): void {
    const { sizeBytes } = entry.stat;
    const file = this.#tree.openFile(entry.path, entry.stat);
    try {
      // An empty file is its end mark and nothing else, but it must still be there, readable and empty.
      if (sizeBytes === 0) file.readWhole(Buffer.alloc(0));
      else this.#writer.addData(id, sizeBytes, (target) => file.readWhole(target));
    } finally {
      file.close();
    }
    this.#end(id, sizeBytes);
  }

  async #sendInBlocks(id: number, entry: FileEntry): Promise<void> {
    const file = this.#tree.openFile(entry.path, entry.stat);
    try {
      const block = Buffer.allocUnsafe(blockBytes);
      for (let count = await file.readBlock(block); count > 0; count = await file.readBlock(block)) {
        this.#signal.throwIfAborted();
        this.#writer.addData(id, count, (target) => block.copy(target, 0, 0, count));
        await this.#writer.room();
      }
    } finally {
      file.close();
    }
    this.#end(id, entry.stat.sizeBytes);
    // Nobody else may have anything to add.
    this.#writer.flushWhenIdle();
  }

  #end(id: number, sizeBytes: number): void {
    this.#writer.addEndOfFile(id);
    this.#files++;
    this.#fileBytes += sizeBytes;
  }
}
