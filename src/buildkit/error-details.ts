// The machine-readable part of a failed solve: which step, which lines of which file, which exit code. BuildKit packs each
// detail into an Any, as JSON when the type ends in `+json`, else as protobuf; 20.10 sends none.
// moby/buildkit util/grpcerrors, solver/errdefs
import { fromBinary } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { FrontendSchema, SourceSchema, VertexSchema } from './gen/error_details_pb.js';
import { ExitMessageSchema } from './gen/exit_message_pb.js';
import { StatusSchema } from './gen/rpc_status_pb.js';

/** The place in a file that a failed step came from. Lines are 1-based, both ends belong to it. */
export interface SourcePlace {
  readonly filename: string;
  /** The lines themselves, not the whole file. */
  readonly text: string;
  readonly startLine: number;
  readonly endLine: number;
}

export interface ErrorDetails {
  readonly source?: SourcePlace;
  /** Matches VertexState.digest. */
  readonly vertexDigest?: string;
  /** Exit code of the command of a RUN step. */
  readonly runExitCode?: number;
  /** Image of a frontend that was pulled for the build. */
  readonly frontendImage?: string;
}

const jsonSuffix = '+json';

/** Reads `grpc-status-details-bin`. What is unknown or malformed is left out: details only make a message better. */
export function readErrorDetails(encodedStatus: Uint8Array | undefined): ErrorDetails {
  let details: ErrorDetails = {};
  for (const any of decodeAnys(encodedStatus)) {
    try {
      // The last one of a kind is the innermost.
      details = { ...details, ...readDetail(any) };
    } catch {
      continue;
    }
  }
  return details;
}

function decodeAnys(encodedStatus: Uint8Array | undefined): readonly Any[] {
  if (encodedStatus === undefined) return [];
  try {
    return fromBinary(StatusSchema, encodedStatus).details;
  } catch {
    return [];
  }
}

function readDetail({ typeUrl, value }: Any): ErrorDetails {
  const isJson = typeUrl.endsWith(jsonSuffix);
  const type = (isJson ? typeUrl.slice(0, -jsonSuffix.length) : typeUrl).split('/').at(-1) ?? '';
  const json: unknown = isJson ? JSON.parse(Buffer.from(value).toString('utf8')) : undefined;
  switch (type.split('.').slice(-2).join('.')) {
    case 'errdefs.Source':
      return isJson ? readJsonSource(json) : readBinarySource(value);
    case 'errdefs.Vertex': {
      const digest = isJson ? text(json, 'digest') : fromBinary(VertexSchema, value).digest;
      return digest === '' ? {} : { vertexDigest: digest };
    }
    case 'errdefs.Frontend': {
      const source = isJson ? text(json, 'source') : fromBinary(FrontendSchema, value).source;
      return source === '' ? {} : { frontendImage: source };
    }
    case 'gatewayapi.ExitMessage':
    case 'frontend.ExitMessage':
      return { runExitCode: isJson ? number(json, 'Code') : fromBinary(ExitMessageSchema, value).Code };
    default:
      return {};
  }
}

function readJsonSource(json: unknown): ErrorDetails {
  const info = member(json, 'info');
  const ranges = member(json, 'ranges');
  return sourceDetail(
    text(info, 'filename'),
    Buffer.from(text(info, 'data'), 'base64'),
    (Array.isArray(ranges) ? ranges : []).map((range: unknown) => ({
      start: number(member(range, 'start'), 'line'),
      end: number(member(range, 'end'), 'line'),
    })),
  );
}

function readBinarySource(value: Uint8Array): ErrorDetails {
  const { info, ranges } = fromBinary(SourceSchema, value);
  return sourceDetail(
    info?.filename ?? '',
    info?.data ?? new Uint8Array(),
    ranges.map(({ start, end }) => ({ start: start?.line ?? 0, end: end?.line ?? 0 })),
  );
}

function sourceDetail(
  filename: string,
  data: Uint8Array,
  ranges: readonly { readonly start: number; readonly end: number }[],
): ErrorDetails {
  const [first] = ranges;
  if (first === undefined || first.start < 1) return {};
  const startLine = first.start;
  const endLine = Math.max(startLine, ...ranges.map(({ end }) => end));
  const lines = Buffer.from(data).toString('utf8').split(/\r?\n/);
  return { source: { filename, startLine, endLine, text: lines.slice(startLine - 1, endLine).join('\n') } };
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([name]) => name === key)?.[1]
    : undefined;
}

/** Zero values are left out on the wire. */
function text(value: unknown, key: string): string {
  const found = member(value, key);
  return typeof found === 'string' ? found : '';
}

function number(value: unknown, key: string): number {
  const found = member(value, key);
  return typeof found === 'number' && Number.isInteger(found) ? found : 0;
}
