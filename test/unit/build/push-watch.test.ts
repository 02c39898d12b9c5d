import { describe, expect, it, onTestFinished } from 'vitest';
import { pushLimits, PushStalled, PushWatch } from '../../../src/build/push-watch.ts';
import type { StatusUpdate, VertexStatus } from '../../../src/buildkit/status.ts';

const step = 'sha256:ex';
const digest = `sha256:${'a'.repeat(64)}`;
const list = `sha256:${'b'.repeat(64)}`;
const limits = { manifestMs: 100_000, layersMs: 1_000_000 };
const nothing: StatusUpdate = { vertexes: [], statuses: [], logs: [], warnings: [] };

function bench() {
  let nowMs = 0;
  const watch = new PushWatch(limits, () => nowMs);
  onTestFinished(() => watch.end());
  watch.update({
    ...nothing,
    vertexes: [{ digest: step, inputs: [], name: 'exporting to image', cached: false, startedMs: 1, error: '' }],
  });
  const status = (id: string, isDone = false): void => {
    const at = { id, vertex: step, name: id, current: 0, total: 0, timestampMs: 1, startedMs: 1 };
    const statuses: VertexStatus[] = [isDone ? { ...at, completedMs: 2 } : at];
    watch.update({ ...nothing, statuses });
  };
  const waitFor = (milliseconds: number): unknown => {
    nowMs += milliseconds;
    watch.check();
    return watch.signal.reason;
  };
  return { watch, status, waitFor };
}

describe('a push by the daemon', () => {
  it('is given up when the answer to a manifest does not come', () => {
    const { status, waitFor } = bench();
    status(`exporting manifest ${digest}`, true);
    status('pushing layers');
    status('pushing layers', true);
    status('pushing manifest for r.example/app');
    expect(waitFor(99_999)).toBeUndefined();
    const reason = waitFor(1);
    expect(reason).toBeInstanceOf(PushStalled);
    expect(reason).toMatchObject({ exitCode: 6, stage: 'manifest', digest });
  });

  it('has more time for its layers, and begins anew with each sign of life', () => {
    const { watch, status, waitFor } = bench();
    status('pushing layers');
    expect(waitFor(999_999)).toBeUndefined();
    const log = { vertex: step, timestampMs: 1, stream: 2 as const, data: Buffer.from('retrying in 1s') };
    watch.update({ ...nothing, logs: [log] });
    expect(waitFor(999_999)).toBeUndefined();
    expect(waitFor(1)).toMatchObject({ stage: 'layers' });
  });

  it('may take any time before it begins and after it has ended', () => {
    const { status, waitFor } = bench();
    status('exporting layers');
    expect(waitFor(10_000_000)).toBeUndefined();
    status('pushing manifest for r.example/app');
    status('pushing manifest for r.example/app', true);
    expect(waitFor(10_000_000)).toBeUndefined();
  });

  it('is that of the list when there is one, and of nothing known when there are only several images', () => {
    const digestOf = (...ids: readonly string[]): unknown => {
      const { status, waitFor } = bench();
      for (const id of ids) status(id, true);
      status('pushing manifest for r.example/app');
      return (waitFor(100_000) as PushStalled).digest;
    };
    const other = `sha256:${'c'.repeat(64)}`;
    expect(digestOf(`exporting manifest ${digest}`, `exporting manifest list ${list}`)).toBe(list);
    expect(digestOf(`exporting manifest ${digest}`, `exporting manifest ${other}`)).toBeUndefined();
  });

  it('gets half an hour for layers by default, whoever else may send them', () => {
    const patient = { manifestMs: 120_000, layersMs: 1_800_000 };
    expect(pushLimits(120_000, true)).toEqual(patient);
    expect(pushLimits(120_000, false)).toEqual(patient);
    expect(pushLimits(240_000, true)).toEqual({ manifestMs: 240_000, layersMs: 3_600_000 });
  });

  it('gets less where requests are given less time, but ten minutes for layers where nobody else may send them', () => {
    expect(pushLimits(6000, true)).toEqual({ manifestMs: 6000, layersMs: 33_000 });
    expect(pushLimits(60_000, true)).toEqual({ manifestMs: 60_000, layersMs: 600_000 });
    expect(pushLimits(6000, false)).toEqual({ manifestMs: 6000, layersMs: 600_000 });
  });

  it('gets more time for its layers each time that they stood still', () => {
    const times = [0, 1, 2].map((stalls) => pushLimits(120_000, false, stalls));
    expect(times.map(({ layersMs }) => layersMs)).toEqual([1_800_000, 3_600_000, 5_400_000]);
    expect(times.map(({ manifestMs }) => manifestMs)).toEqual([120_000, 120_000, 120_000]);
  });
});
