// Progress of a build as plain data, free of protobuf. It is for display only: neither its end nor an error of the
// stream says how the build ended. moby/buildkit api/services/control, StatusResponse.
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import type { StatusResponse, Vertex } from './gen/build_control_pb.js';

/** One message of the progress stream. A status or log may come before its vertex. */
export interface StatusUpdate {
  readonly vertexes: readonly VertexState[];
  readonly statuses: readonly VertexStatus[];
  readonly logs: readonly VertexLog[];
  readonly warnings: readonly VertexWarning[];
}

/** A step's state at one moment; comes again whenever it changes, the later one wins. Times in unix milliseconds. */
export interface VertexState {
  readonly digest: string;
  readonly inputs: readonly string[];
  readonly name: string;
  readonly cached: boolean;
  readonly startedMs?: number;
  readonly completedMs?: number;
  /** Empty unless it failed; ends in `context canceled` when it was only stopped. */
  readonly error: string;
  readonly group?: { readonly id: string; readonly name: string; readonly weak: boolean };
}

/** The step that reads a cache of `cache_from`: it may fail without harm, the build then goes on without that cache. */
export function isCacheImport(stepName: string): boolean {
  return stepName.startsWith('importing cache manifest from ');
}

/** Sub-progress of a step, keyed by vertex and id. `total` 0 means unknown. */
export interface VertexStatus {
  readonly id: string;
  readonly vertex: string;
  readonly name: string;
  readonly current: number;
  readonly total: number;
  readonly timestampMs: number;
  readonly startedMs?: number;
  readonly completedMs?: number;
}

/** Output of a step: bytes, not lines; a character may be cut between two. */
export interface VertexLog {
  readonly vertex: string;
  readonly timestampMs: number;
  /** 1 stdout, 2 stderr. */
  readonly stream: 1 | 2;
  readonly data: Uint8Array;
}

/** A lint finding of the frontend. */
export interface VertexWarning {
  readonly vertex: string;
  readonly level: number;
  readonly short: string;
  readonly detail: readonly string[];
  readonly url: string;
  readonly filename?: string;
  readonly startLine?: number;
}

/** The plain-data view of a message of `Control.Status`. */
export function readStatus(response: StatusResponse): StatusUpdate {
  return {
    vertexes: response.vertexes.map(readVertex),
    statuses: response.statuses.map((status) => ({
      id: status.ID,
      vertex: status.vertex,
      name: status.name,
      current: Number(status.current),
      total: Number(status.total),
      timestampMs: milliseconds(status.timestamp) ?? 0,
      ...times(status),
    })),
    logs: response.logs.map((log) => ({
      vertex: log.vertex,
      timestampMs: milliseconds(log.timestamp) ?? 0,
      stream: log.stream === 2n ? 2 : 1,
      data: log.msg,
    })),
    warnings: response.warnings.map((warning) => {
      const filename = warning.info?.filename ?? '';
      const startLine = warning.ranges[0]?.start?.line;
      return {
        vertex: warning.vertex,
        level: Number(warning.level),
        short: utf8(warning.short),
        detail: warning.detail.map(utf8),
        url: warning.url,
        ...(filename === '' ? {} : { filename }),
        ...(startLine === undefined ? {} : { startLine }),
      };
    }),
  };
}

function readVertex(vertex: Vertex): VertexState {
  const group = vertex.progressGroup;
  return {
    digest: vertex.digest,
    inputs: vertex.inputs,
    name: vertex.name,
    cached: vertex.cached,
    error: vertex.error,
    ...times(vertex),
    ...(group === undefined ? {} : { group: { id: group.id, name: group.name, weak: group.weak } }),
  };
}

function times(item: { readonly started?: Timestamp | undefined; readonly completed?: Timestamp | undefined }): {
  readonly startedMs?: number;
  readonly completedMs?: number;
} {
  const startedMs = milliseconds(item.started);
  const completedMs = milliseconds(item.completed);
  return {
    ...(startedMs === undefined ? {} : { startedMs }),
    ...(completedMs === undefined ? {} : { completedMs }),
  };
}

function milliseconds(timestamp: Timestamp | undefined): number | undefined {
  return timestamp && Number(timestamp.seconds) * 1000 + timestamp.nanos / 1e6;
}

function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
