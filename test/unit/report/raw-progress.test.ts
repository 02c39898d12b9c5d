import { expect, it } from 'vitest';
import { RawProgress } from '../../../src/report/raw-progress.ts';
import type { StatusUpdate } from '../../../src/buildkit/status.ts';

const nothing: StatusUpdate = { vertexes: [], statuses: [], logs: [], warnings: [] };
const log = (data: string) => ({ vertex: 'v', stream: 1 as const, timestampMs: 0, data: Buffer.from(data) });

function collect(updates: readonly Partial<StatusUpdate>[]): readonly unknown[] {
  const lines: unknown[] = [];
  const raw = new RawProgress(
    (line) => lines.push(JSON.parse(line)),
    (text) => text.replaceAll('s3cret', '***'),
  );
  for (const update of updates) raw.update({ ...nothing, ...update });
  raw.end();
  return lines;
}

const printed = (lines: readonly unknown[]): readonly string[] =>
  lines.flatMap((line) =>
    ((line as { logs?: { data: string }[] }).logs ?? []).map(({ data }) =>
      Buffer.from(data, 'base64').toString('utf8'),
    ),
  );

it('is one JSON line a message, with the keys of buildx', () => {
  const vertex = { digest: 'sha256:1', inputs: [], name: '[1/2] FROM x', cached: true, startedMs: 0, error: '' };
  const status = { id: 'i', vertex: 'sha256:1', name: 'n', current: 1, total: 2, timestampMs: 1000 };
  expect(collect([{ vertexes: [vertex], statuses: [status] }, nothing])).toEqual([
    {
      vertexes: [{ digest: 'sha256:1', name: '[1/2] FROM x', cached: true, started: '1970-01-01T00:00:00.000Z' }],
      statuses: [
        { id: 'i', vertex: 'sha256:1', name: 'n', current: 1, total: 2, timestamp: '1970-01-01T00:00:01.000Z' },
      ],
    },
  ]);
});

it('hides a secret before it is encoded, also one that came in two pieces', () => {
  const lines = collect([{ logs: [log('a s3c')] }, { logs: [log('ret b\nrest')] }]);
  expect(printed(lines)).toEqual(['a *** b\n', 'rest']);
});

it('does not keep a line that never ends', () => {
  const lines = collect([{ logs: [log('x'.repeat(2 * 1024 * 1024))] }]);
  expect(printed(lines).map((text) => text.length)).toEqual([2 * 1024 * 1024]);
});
