import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { WorkerRecordSchema } from '../../../src/buildkit/gen/worker_record_pb.js';
import {
  detectImageStore,
  hostGatewayAddress,
  limitsRun,
  readWorker,
  type Worker,
} from '../../../src/buildkit/workers.ts';

const worker = (labels: Readonly<Record<string, string>>): Worker => ({ id: 'w', labels, platforms: [] });
const gateway = { 'org.mobyproject.buildkit.worker.moby.host-gateway-ip': '172.17.0.1' };

describe('the image store', () => {
  it.each([
    ['20.10, which has no labels', [worker({})], 'graphdriver'],
    ['26 with a graph driver', [worker(gateway)], 'graphdriver'],
    [
      '26 with the containerd store',
      [worker({ ...gateway, 'org.mobyproject.buildkit.worker.snapshotter': 'overlayfs' })],
      'containerd',
    ],
    ['a daemon without workers', [], 'graphdriver'],
  ])('of %s is told apart', (_, workers, store) => {
    expect(detectImageStore(workers)).toBe(store);
  });
});

describe('a worker', () => {
  it('tells the address of the host, when it knows', () => {
    expect(hostGatewayAddress([worker(gateway)])).toBe('172.17.0.1');
    expect(hostGatewayAddress([worker({})])).toBeUndefined();
    const unset = { 'org.mobyproject.buildkit.worker.moby.host-gateway-ip': '<nil>' };
    expect(hostGatewayAddress([worker(unset)])).toBeUndefined();
  });

  it('limits RUN, unless it is that of 20.10', () => {
    expect(limitsRun([worker(gateway)])).toBe(true);
    expect(limitsRun([worker({})])).toBe(false);
    expect(limitsRun([])).toBe(false);
  });

  it('lists its platforms as text, each once', () => {
    const record = create(WorkerRecordSchema, {
      ID: 'w',
      platforms: [
        { OS: 'linux', Architecture: 'amd64' },
        { OS: 'linux', Architecture: 'amd64' },
        { OS: 'linux', Architecture: 'arm', Variant: 'v7' },
      ],
    });
    expect(readWorker(record)).toEqual({ id: 'w', labels: {}, platforms: ['linux/amd64', 'linux/arm/v7'] });
  });
});
