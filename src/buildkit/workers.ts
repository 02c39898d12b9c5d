// What a daemon's BuildKit worker says about itself, and what follows from it. Versions say nothing (distributions build
// with version 0.0.0), so abilities are read from the worker's labels.
import { isIP } from 'node:net';
import type { Platform } from './gen/source_location_pb.js';
import type { WorkerRecord } from './gen/worker_record_pb.js';

/** A BuildKit worker; a Docker Engine has exactly one. */
export interface Worker {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `os/architecture[/variant]`, the native one first. */
  readonly platforms: readonly string[];
}

/** Only the worker of the containerd image store names its snapshotter. */
const snapshotterLabel = 'org.mobyproject.buildkit.worker.snapshotter';
const hostGatewayLabel = 'org.mobyproject.buildkit.worker.moby.host-gateway-ip';

/** A worker as plain data. */
export function readWorker(record: WorkerRecord): Worker {
  return {
    id: record.ID,
    labels: record.Labels,
    // The containerd store lists some twice.
    platforms: [...new Set(record.platforms.map(platformText))],
  };
}

/**
 * Which image store the daemon uses. It decides what an image digest means: of a manifest (containerd) or of a config
 * (graph driver), and whether the daemon can push by digest.
 */
export function detectImageStore(workers: readonly Worker[]): 'containerd' | 'graphdriver' {
  return workers[0]?.labels[snapshotterLabel] === undefined ? 'graphdriver' : 'containerd';
}

/** The address that `host-gateway` stands for, on engines that tell it (not 20.10). */
export function hostGatewayAddress(workers: readonly Worker[]): string | undefined {
  const address = workers[0]?.labels[hostGatewayLabel];
  // 25.0.0 says "<nil>".
  return address !== undefined && isIP(address) > 0 ? address : undefined;
}

/** Whether limits of RUN (shared memory, ulimits, control group) are heeded: 20.10, whose worker has no labels, does not. */
export function limitsRun(workers: readonly Worker[]): boolean {
  return Object.keys(workers[0]?.labels ?? {}).length > 0;
}

function platformText({ OS, Architecture, Variant }: Platform): string {
  return [OS, Architecture, Variant].filter((part) => part !== '').join('/');
}
