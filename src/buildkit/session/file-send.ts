// Takes build results that the daemon sends: one file (exporters tar, oci and docker), or a tree (exporter local). The
// daemon waits for our status, so success means that all of it is written. moby/buildkit session/filesync
import { decodeBytesMessage } from '../fsutil/wire.ts';
import type { FolderWriter } from '../fsutil/folder-writer.ts';
import { receiveTree } from '../fsutil/receive.ts';
import { FileSend } from '../gen/file_output_pb.js';
import { grpcCodes } from '../grpc.ts';
import { RpcError, type ServerCall, type SessionCapability } from './capability.ts';

const exporterIdHeader = 'buildkit-attachable-exporter-id';
const digestHeader = 'exporter-md-containerimage.digest';

/** Where the result of one exporter goes. */
export interface ExportTarget {
  readonly content: FileContent | FolderContent;
  /** A transfer has arrived whole. A tree may come in several, one for each platform. */
  readonly onReceived: () => void;
  /** Puts a failure into words for people; gets what was thrown while receiving. */
  readonly wordFailure: (error: unknown) => unknown;
}

interface FileContent {
  readonly kind: 'file';
  /** Reads to the end. `digest` is that of the image inside, when the exporter told it. */
  readonly receive: (
    bytes: AsyncIterable<Uint8Array>,
    digest: string | undefined,
    signal: AbortSignal,
  ) => Promise<void>;
}

interface FolderContent {
  readonly kind: 'folder';
  readonly folder: FolderWriter;
  /** Called before each transfer: makes the folder. */
  readonly prepare: () => Promise<void>;
}

/** @param find the target of an exporter, by its place in the solve request; undefined when the engine does not tell it */
export function fileSendCapability(
  find: (exporterId: number | undefined) => ExportTarget | undefined,
): SessionCapability {
  const { diffCopy } = FileSend.method;
  return { methods: new Map([[`/${diffCopy.parent.typeName}/${diffCopy.name}`, (call) => receive(call, find)]]) };
}

async function receive(
  call: ServerCall,
  find: (exporterId: number | undefined) => ExportTarget | undefined,
): Promise<void> {
  const id = readExporterId(call);
  const target = find(id);
  if (target === undefined) throw new RpcError(grpcCodes.invalidArgument, `no output is expected of exporter ${id}`);
  const { content, onReceived, wordFailure } = target;
  try {
    if (content.kind === 'folder') {
      await content.prepare();
      await receiveTree(content.folder, call);
    } else await content.receive(readData(call), call.headerValues(digestHeader)[0], call.signal);
  } catch (error) {
    throw wordFailure(error);
  }
  onReceived();
}

async function* readData(call: ServerCall): AsyncGenerator<Uint8Array> {
  for await (const message of call.messages) {
    const data = decodeBytesMessage(message);
    if (data.length > 0) yield data;
  }
}

/** Engines before 26 send no id: they only know one exporter. */
function readExporterId(call: ServerCall): number | undefined {
  const [id] = call.headerValues(exporterIdHeader);
  if (id === undefined) return undefined;
  if (!/^\d{1,4}$/.test(id)) throw new RpcError(grpcCodes.invalidArgument, `${exporterIdHeader}: ${id} is no number`);
  return Number(id);
}
