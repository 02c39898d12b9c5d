// Receives a folder from the daemon (exporter `local`): fsutil's Receive, the counterpart of send.ts. The daemon announces
// every entry, we ask for the content of the files, it comes in blocks of several files at a time; FIN both ways.
import { RpcError, type ServerCall } from '../session/capability.ts';
import type { FolderWriter, OpenOutput } from './folder-writer.ts';
import { finishPacket } from './packets.ts';
import { decodeSentPacket, requestPackets, type SentPacket } from './received-packets.ts';

const rpcCancelled = 1;
const rpcUnknown = 2;
const rpcInternal = 13;

/**
 * Receives one transfer to its end; several may fill the same folder, one for each platform. Rejects with an RpcError when
 * the daemon broke off or does not keep to the protocol, with UnsafePathError, or with the error of the disk.
 */
export async function receiveTree(folder: FolderWriter, call: ServerCall): Promise<void> {
  const receiver = new Receiver(folder, call);
  try {
    await receiver.run();
  } finally {
    await receiver.close();
  }
}

class Receiver {
  readonly #folder: FolderWriter;
  readonly #call: ServerCall;
  readonly #requests: RequestQueue;
  /** Asked for and not complete. */
  readonly #files = new Map<number, OpenOutput>();
  #entries = 0;
  #isAnnounced = false;

  constructor(folder: FolderWriter, call: ServerCall) {
    this.#folder = folder;
    this.#call = call;
    this.#requests = new RequestQueue(call);
  }

  async run(): Promise<void> {
    // Not `for await`: leaving that early would end the whole call, and our own FIN is still to come.
    const messages = this.#call.messages[Symbol.asyncIterator]();
    let isFinishing = false;
    for (let next = await messages.next(); next.done !== true; next = await messages.next()) {
      const packet = decodeSentPacket(next.value);
      if (packet.kind === 'finish' && isFinishing) return;
      await this.#take(packet);
      this.#requests.check();
      if (!this.#isAnnounced || this.#files.size > 0 || isFinishing) continue;
      isFinishing = true;
      await this.#requests.drain();
      await this.#call.sendFramed(finishPacket());
    }
    throw new RpcError(rpcCancelled, 'the daemon ended the transfer early');
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) await file.abandon();
  }

  async #take(packet: SentPacket): Promise<void> {
    switch (packet.kind) {
      case 'entry': {
        const file = await this.#folder.add(packet.entry);
        const id = this.#entries++;
        if (file === undefined) return;
        this.#files.set(id, file);
        this.#requests.add(id);
        return;
      }
      case 'end-of-entries':
        this.#isAnnounced = true;
        return;
      case 'data': {
        const file = this.#files.get(packet.id);
        if (file === undefined) throw new RpcError(rpcInternal, `content came for the file ${packet.id}, unasked`);
        if (packet.bytes.length > 0) return file.write(packet.bytes);
        await file.complete();
        this.#files.delete(packet.id);
        return;
      }
      case 'error':
        throw new RpcError(rpcUnknown, `the daemon gave up the transfer: ${packet.message}`);
      case 'finish':
        throw new RpcError(rpcInternal, 'the daemon ended the transfer before all files were there');
    }
  }
}

/**
 * Sends requests beside the reading: whoever waits here for the daemon to take more, while the daemon waits for us to take
 * data, waits for ever.
 */
class RequestQueue {
  readonly #call: ServerCall;
  #waiting: number[] = [];
  #sending: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(call: ServerCall) {
    this.#call = call;
  }

  add(id: number): void {
    this.#waiting.push(id);
    this.#sending ??= this.#send();
  }

  /** Throws what sending has failed with. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async drain(): Promise<void> {
    await this.#sending;
    this.check();
  }

  async #send(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const ids = this.#waiting;
        this.#waiting = [];
        await this.#call.sendFramed(requestPackets(ids));
      }
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.#sending = undefined;
    }
  }
}
