import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { StatusResponseSchema } from '../../../src/buildkit/gen/build_control_pb.js';
import { readStatus } from '../../../src/buildkit/status.ts';

describe('readStatus', () => {
  it('gives a message as plain data with times in milliseconds', () => {
    const response = create(StatusResponseSchema, {
      vertexes: [
        {
          digest: 'sha256:a',
          inputs: ['sha256:b'],
          name: '[1/2] FROM base',
          cached: true,
          started: { seconds: 2n, nanos: 500_000_000 },
          completed: { seconds: 3n },
          progressGroup: { id: 'g', name: 'group', weak: true },
        },
        { digest: 'sha256:c', name: '[2/2] RUN make', error: 'exit code: 1' },
      ],
      statuses: [
        {
          ID: 'layer',
          vertex: 'sha256:a',
          current: 5n,
          total: 10n,
          timestamp: { seconds: 4n },
          started: { seconds: 1n },
        },
      ],
      logs: [
        { vertex: 'sha256:c', stream: 2n, msg: Buffer.from('oops'), timestamp: { seconds: 5n } },
        { vertex: 'sha256:c', stream: 1n, msg: Buffer.from('fine') },
      ],
      warnings: [
        {
          vertex: 'sha256:c',
          level: 1n,
          short: Buffer.from('kurz ü'),
          detail: [Buffer.from('long')],
          url: 'https://example.org',
          info: { filename: 'Dockerfile' },
          ranges: [{ start: { line: 7 }, end: { line: 8 } }],
        },
        { vertex: 'sha256:c', short: Buffer.from('bare') },
      ],
    });
    expect(readStatus(response)).toEqual({
      vertexes: [
        {
          digest: 'sha256:a',
          inputs: ['sha256:b'],
          name: '[1/2] FROM base',
          cached: true,
          error: '',
          startedMs: 2500,
          completedMs: 3000,
          group: { id: 'g', name: 'group', weak: true },
        },
        { digest: 'sha256:c', inputs: [], name: '[2/2] RUN make', cached: false, error: 'exit code: 1' },
      ],
      statuses: [
        { id: 'layer', vertex: 'sha256:a', name: '', current: 5, total: 10, timestampMs: 4000, startedMs: 1000 },
      ],
      logs: [
        { vertex: 'sha256:c', timestampMs: 5000, stream: 2, data: Buffer.from('oops') },
        { vertex: 'sha256:c', timestampMs: 0, stream: 1, data: Buffer.from('fine') },
      ],
      warnings: [
        {
          vertex: 'sha256:c',
          level: 1,
          short: 'kurz ü',
          detail: ['long'],
          url: 'https://example.org',
          filename: 'Dockerfile',
          startLine: 7,
        },
        { vertex: 'sha256:c', level: 0, short: 'bare', detail: [], url: '' },
      ],
    });
  });
});
