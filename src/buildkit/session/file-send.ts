// Takes a build result that the daemon sends as one file (exporters tar, oci and docker) and writes it where the caller
// says. The daemon waits for our status, so success means that the file is complete. moby/buildkit session/filesync
import { fromBinary } from '@bufbuild/protobuf';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BytesMessageSchema, FileSend } from '../gen/file_output_pb.js';
import { grpcCodes } from '../grpc.ts';
import { RpcError, type ServerCall, type SessionCapability } from './capability.ts';

const exporterIdHeader = 'buildkit-attachable-exporter-id';
const metadataPrefix = 'exporter-md-';

/** Metadata that the exporters are known to send; asked for by name, because headers can only be looked up. */
const metadataKeys = [
  'containerimage.digest',
  'containerimage.config.digest',
  'containerimage.descriptor',
  'image.name',
] as const;

/**
 * @param open gives the place for the output of one exporter (index in the solve request) and its response values. It is
 * ended after the last byte, or destroyed when the transfer fails.
 */
export function fileSendCapability(
  open: (exporterId: number, metadata: ReadonlyMap<string, string>) => Writable,
): SessionCapability {
  const { diffCopy } = FileSend.method;
  return {
    methods: new Map([
      [
        `/${diffCopy.parent.typeName}/${diffCopy.name}`,
        async (call) => {
          await pipeline(readData(call), open(readExporterId(call), readMetadata(call)), { signal: call.signal });
        },
      ],
    ]),
  };
}

async function* readData(call: ServerCall): AsyncGenerator<Uint8Array> {
  for await (const message of call.messages) {
    const { data } = fromBinary(BytesMessageSchema, message);
    if (data.length > 0) yield data;
  }
}

/** Engines before 26 send no id: they only know one exporter. */
function readExporterId(call: ServerCall): number {
  const [id = '0'] = call.headerValues(exporterIdHeader);
  if (!/^\d{1,4}$/.test(id)) throw new RpcError(grpcCodes.invalidArgument, `${exporterIdHeader}: ${id} is no number`);
  return Number(id);
}

function readMetadata(call: ServerCall): ReadonlyMap<string, string> {
  const metadata = new Map<string, string>();
  for (const key of metadataKeys) {
    const [value] = call.headerValues(metadataPrefix + key);
    if (value !== undefined) metadata.set(key, Buffer.from(value, 'latin1').toString('utf8'));
  }
  return metadata;
}
