import { describe, expect, it } from 'vitest';
import type { StatusUpdate, VertexState } from '../../../src/buildkit/status.ts';
import { Progress } from '../../../src/report/progress.ts';

const nothing: StatusUpdate = { vertexes: [], statuses: [], logs: [], warnings: [] };

function vertex(fields: Partial<VertexState> & { digest: string }): VertexState {
  return { inputs: [], name: '', cached: false, error: '', ...fields };
}

interface Printing {
  readonly lines: string[];
  readonly progress: Progress;
  /** Lets time pass, and runs what was put off. */
  readonly pass: (milliseconds: number) => void;
}

function printing(): Printing {
  const lines: string[] = [];
  const later: (() => void)[] = [];
  let ms = 0;
  const progress = new Progress(
    (line) => lines.push(line),
    () => ms,
    (action) => later.push(action),
  );
  const pass = (milliseconds: number): void => {
    ms += milliseconds;
    for (const action of later.splice(0)) action();
  };
  return { lines, progress, pass };
}

describe('Progress', () => {
  it('says that a cache could not be read without calling it an error', () => {
    const { lines, progress } = printing();
    const name = 'importing cache manifest from r.example/app:cache';
    progress.update({ ...nothing, vertexes: [vertex({ digest: 'a', name, startedMs: 1000 })] });
    const error = 'failed to configure registry cache importer: r.example/app:cache: not found';
    const failed = vertex({ digest: 'a', name, startedMs: 1000, completedMs: 1100, error });
    progress.update({ ...nothing, vertexes: [failed] });
    progress.end();
    expect(lines).toEqual([`#1 ${name}`, `#1 SKIPPED: ${error}`]);
  });

  it('prints a step with its output, its duration and the time of each line', () => {
    const { lines, progress, pass } = printing();
    progress.update({ ...nothing, vertexes: [vertex({ digest: 'a', name: '[2/3] RUN make', startedMs: 1000 })] });
    progress.update({
      ...nothing,
      logs: [{ vertex: 'a', timestampMs: 1132, stream: 1, data: Buffer.from('compiling\n') }],
    });
    progress.update({
      ...nothing,
      vertexes: [vertex({ digest: 'a', name: '[2/3] RUN make', startedMs: 1000, completedMs: 2200 })],
    });
    pass(200);
    expect(lines).toEqual(['#1 [2/3] RUN make', '#1 0.132 compiling', '#1 DONE 1.2s']);
  });

  it('marks cached steps and counts them', () => {
    const { lines, progress } = printing();
    progress.update({
      ...nothing,
      vertexes: [
        vertex({ digest: 'i', name: '[internal] load build definition', startedMs: 0, completedMs: 3 }),
        vertex({ digest: 'f', name: '[1/3] FROM base', startedMs: 4, completedMs: 4 }),
        vertex({ digest: 'a', name: '[2/3] RUN make', cached: true, completedMs: 5 }),
        vertex({ digest: 'b', name: '[stage-0 3/3] COPY . .', startedMs: 5, completedMs: 9 }),
      ],
    });
    progress.end();
    expect(lines).toEqual([
      '#1 [internal] load build definition',
      '#1 DONE 0.0s',
      '#2 [1/3] FROM base',
      '#2 DONE 0.0s',
      '#3 [2/3] RUN make',
      '#3 CACHED',
      '#4 [stage-0 3/3] COPY . .',
      '#4 DONE 0.0s',
    ]);
    expect(progress.counts()).toEqual({ steps: 2, cachedSteps: 1 });
  });

  it('prints sub-progress every five seconds and at its end, before the end of the step, also when it comes late', () => {
    const { lines, progress, pass } = printing();
    const status = { id: 'transferring context:', vertex: 'a', name: 'transferring', total: 0, timestampMs: 0 };
    progress.update({
      ...nothing,
      vertexes: [vertex({ digest: 'a', name: '[internal] load build context', startedMs: 0 })],
    });
    progress.update({ ...nothing, statuses: [{ ...status, current: 100 }] });
    pass(6_000);
    progress.update({ ...nothing, statuses: [{ ...status, current: 200 }] });
    progress.update({ ...nothing, statuses: [{ ...status, current: 300 }] });
    progress.update({
      ...nothing,
      vertexes: [vertex({ digest: 'a', name: '[internal] load build context', startedMs: 0, completedMs: 100 })],
    });
    progress.update({ ...nothing, statuses: [{ ...status, current: 2000, completedMs: 90 }] });
    progress.end();
    expect(lines).toEqual([
      '#1 [internal] load build context',
      '#1 transferring context: 200B',
      '#1 transferring context: 2.00kB done',
      '#1 DONE 0.1s',
    ]);
  });

  it('repeats the header when the output switches to another step, after the turn of the first is over', () => {
    const { lines, progress, pass } = printing();
    const log = (digest: string, text: string) => ({
      ...nothing,
      logs: [{ vertex: digest, timestampMs: 0, stream: 1 as const, data: Buffer.from(text) }],
    });
    progress.update({
      ...nothing,
      vertexes: [vertex({ digest: 'a', name: 'A', startedMs: 0 }), vertex({ digest: 'b', name: 'B', startedMs: 0 })],
    });
    progress.update(log('a', 'a1\n'));
    progress.update(log('b', 'b1\n'));
    progress.update(log('a', 'a2\n'));
    expect(lines).toEqual(['#1 A', '#1 0.000 a1', '#1 0.000 a2']);
    pass(6_000);
    progress.update(log('b', 'b2\n'));
    expect(lines.slice(3)).toEqual(['#2 B', '#2 0.000 b1', '#2 0.000 b2']);
  });

  it('shows the error of a step and keeps its last output for the failure message', () => {
    const { lines, progress } = printing();
    progress.update({
      ...nothing,
      vertexes: [vertex({ digest: 'a', name: '[2/2] RUN false', startedMs: 0 })],
      logs: [{ vertex: 'a', timestampMs: 1, stream: 2, data: Buffer.from('cannot open x') }],
    });
    progress.update({
      ...nothing,
      vertexes: [
        vertex({ digest: 'a', name: '[2/2] RUN false', startedMs: 0, completedMs: 5, error: 'exit code: 1' }),
        vertex({ digest: 'b', name: '[1/1] RUN sleep', startedMs: 0, completedMs: 5, error: 'context canceled' }),
      ],
    });
    progress.end();
    expect(lines).toContain('#1 ERROR: exit code: 1');
    expect(lines).toContain('#2 CANCELED');
    expect(progress.tailOf(undefined)).toEqual({ name: '[2/2] RUN false', lines: ['cannot open x'] });
    expect(progress.tailOf('b')?.name).toBe('[1/1] RUN sleep');
  });

  it('numbers steps as they are shown, though the daemon lists the last one first', () => {
    const { lines, progress } = printing();
    progress.update({
      ...nothing,
      vertexes: [vertex({ digest: 'b', name: '[2/2] B' }), vertex({ digest: 'a', name: '[1/2] A' })],
    });
    progress.update({ ...nothing, vertexes: [vertex({ digest: 'a', name: '[1/2] A', startedMs: 0, completedMs: 1 })] });
    progress.update({ ...nothing, vertexes: [vertex({ digest: 'b', name: '[2/2] B', startedMs: 1, completedMs: 2 })] });
    progress.end();
    expect(lines).toEqual(['#1 [1/2] A', '#1 DONE 0.0s', '#2 [2/2] B', '#2 DONE 0.0s']);
  });

  it('shows cached steps in the order of the Dockerfile', () => {
    const { lines, progress } = printing();
    const cached = { cached: true, completedMs: 5 };
    progress.update({
      ...nothing,
      vertexes: [
        vertex({ digest: 'c', name: '[3/3] C', inputs: ['b'], ...cached }),
        vertex({ digest: 'b', name: '[2/3] B', inputs: ['a'], ...cached }),
        vertex({ digest: 'a', name: '[1/3] A', ...cached }),
      ],
    });
    progress.end();
    expect(lines.filter((line) => line.includes('['))).toEqual(['#1 [1/3] A', '#2 [2/3] B', '#3 [3/3] C']);
  });

  it('takes up a step again that starts anew', () => {
    const { lines, progress, pass } = printing();
    progress.update({ ...nothing, vertexes: [vertex({ digest: 'a', name: 'A', startedMs: 0, completedMs: 10 })] });
    progress.update({ ...nothing, vertexes: [vertex({ digest: 'a', name: 'A', startedMs: 20 })] });
    pass(200);
    expect(lines.filter((line) => line.includes('DONE'))).toEqual([]);
    progress.update({ ...nothing, vertexes: [vertex({ digest: 'a', name: 'A', startedMs: 20, completedMs: 1020 })] });
    progress.end();
    expect(lines).toEqual(['#1 A', '#1 DONE 1.0s']);
  });

  it('takes logs that arrive before their step', () => {
    const { lines, progress } = printing();
    progress.update({ ...nothing, logs: [{ vertex: 'a', timestampMs: 0, stream: 1, data: Buffer.from('early\n') }] });
    progress.update({ ...nothing, vertexes: [vertex({ digest: 'a', name: 'A', startedMs: 0, completedMs: 1 })] });
    progress.end();
    expect(lines.join('\n')).toContain('early');
  });

  it('prints what was cut off when the build ends', () => {
    const { lines, progress } = printing();
    progress.update({ ...nothing, vertexes: [vertex({ digest: 'a', name: 'A', startedMs: 0 })] });
    progress.update({ ...nothing, logs: [{ vertex: 'a', timestampMs: 0, stream: 1, data: Buffer.from('half a li') }] });
    progress.end();
    expect(lines).toEqual(['#1 A', '#1 half a li']);
  });
});
