// Lets the daemon read and write the blobs of local caches, each in a folder of its own that it knows by a name of ours.
// containerd api/services/content, as moby/buildkit session/content serves it; only the calls that caches need.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { type Digest, isDigest } from '../../base/digest.ts';
import type { ContentFolder, IncomingBlob } from '../content-folder.ts';
import {
  Content,
  ReadContentRequestSchema,
  ReadContentResponseSchema,
  WriteAction,
  WriteContentRequestSchema,
  WriteContentResponseSchema,
  type WriteContentRequest,
} from '../gen/content_store_pb.js';
import { grpcCodes } from '../grpc.ts';
import { RpcError, type MethodHandler, type ServerCall, type SessionCapability } from './capability.ts';

const storeHeader = 'buildkit-attachable-store-id';

/** @param folders by the store id that the daemon sends, `local:<src or dest of the cache>` */
export function contentStoreCapability(folders: ReadonlyMap<string, ContentFolder>): SessionCapability {
  const inFolder =
    (handle: (folder: ContentFolder, call: ServerCall) => Promise<void>): MethodHandler =>
    (call) =>
      handle(chooseFolder(folders, call), call);
  return {
    methods: new Map([
      [pathOf(Content.method.info), inFolder(info)],
      [pathOf(Content.method.read), inFolder(read)],
      [pathOf(Content.method.write), inFolder(write)],
    ]),
  };
}

function pathOf(method: { readonly parent: { readonly typeName: string }; readonly name: string }): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function chooseFolder(folders: ReadonlyMap<string, ContentFolder>, call: ServerCall): ContentFolder {
  const [id = ''] = call.headerValues(storeHeader);
  const folder = folders.get(id);
  if (folder === undefined) throw new RpcError(grpcCodes.notFound, `no content store ${id}`);
  return folder;
}

async function info(folder: ContentFolder, call: ServerCall): Promise<void> {
  const { input, output } = Content.method.info;
  const { digest } = fromBinary(input, await firstMessage(call));
  const size = await sizeOf(folder, requireDigest(digest));
  const now = timestampFromDate(new Date());
  const answer = create(output, { info: { digest, size: BigInt(size), createdAt: now, updatedAt: now } });
  await call.send(toBinary(output, answer));
}

async function read(folder: ContentFolder, call: ServerCall): Promise<void> {
  const request = fromBinary(ReadContentRequestSchema, await firstMessage(call));
  const digest = requireDigest(request.digest);
  const total = await sizeOf(folder, digest);
  let offset = Math.max(0, Number(request.offset));
  const wanted = request.size > 0n ? Number(request.size) : total - offset;
  for await (const data of folder.read(digest, offset, wanted)) {
    const answer = create(ReadContentResponseSchema, { offset: BigInt(offset), data });
    await call.send(toBinary(ReadContentResponseSchema, answer));
    offset += data.length;
  }
}

/** One blob for each call: asked about, appended to, committed. A call that ends without commit leaves nothing. */
async function write(folder: ContentFolder, call: ServerCall): Promise<void> {
  let blob: IncomingBlob | undefined;
  try {
    for await (const message of call.messages) {
      const request = fromBinary(WriteContentRequestSchema, message);
      if (blob === undefined) {
        await refuseKnown(folder, request);
        blob = await folder.begin();
      }
      if (request.data.length > 0) await append(blob, request);
      const isLast = request.action === WriteAction.COMMIT;
      const digest = isLast ? await commit(blob, request) : undefined;
      await answerWrite(call, request, blob, digest);
      if (isLast) return;
    }
  } finally {
    await blob?.abandon();
  }
}

async function refuseKnown(folder: ContentFolder, { expected }: WriteContentRequest): Promise<void> {
  if (!isDigest(expected) || (await folder.size(expected)) === undefined) return;
  throw new RpcError(grpcCodes.alreadyExists, `content ${expected}: already exists`);
}

async function append(blob: IncomingBlob, { offset, data }: WriteContentRequest): Promise<void> {
  if (Number(offset) !== blob.length) {
    throw new RpcError(grpcCodes.outOfRange, `data for ${String(offset)} came, ${String(blob.length)} bytes are there`);
  }
  await blob.append(data);
}

async function commit(blob: IncomingBlob, { total, expected }: WriteContentRequest): Promise<Digest> {
  if (total > 0n && Number(total) !== blob.length) {
    throw new RpcError(grpcCodes.failedPrecondition, `${String(blob.length)} bytes came, not ${String(total)}`);
  }
  return await blob.commit(isDigest(expected) ? expected : undefined);
}

async function answerWrite(
  call: ServerCall,
  { action, total }: WriteContentRequest,
  { length }: IncomingBlob,
  digest: Digest | undefined,
): Promise<void> {
  const now = timestampFromDate(new Date());
  const answer = create(WriteContentResponseSchema, {
    action,
    startedAt: now,
    updatedAt: now,
    offset: BigInt(length),
    total,
    ...(digest === undefined ? {} : { digest }),
  });
  await call.send(toBinary(WriteContentResponseSchema, answer));
}

async function sizeOf(folder: ContentFolder, digest: Digest): Promise<number> {
  const size = await folder.size(digest);
  if (size === undefined) throw new RpcError(grpcCodes.notFound, `content ${digest}: not found`);
  return size;
}

function requireDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new RpcError(grpcCodes.invalidArgument, 'not a sha256 digest');
}

async function firstMessage(call: ServerCall): Promise<Buffer> {
  for await (const message of call.messages) return message;
  throw new RpcError(grpcCodes.invalidArgument, 'no request message');
}
