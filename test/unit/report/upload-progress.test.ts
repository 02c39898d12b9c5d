import { describe, expect, it } from 'vitest';
import { UploadProgress, type UploadEvent } from '../../../src/report/upload-progress.ts';

const layer: UploadEvent = {
  repository: 'docker.example/app',
  digest: 'sha256:aa',
  position: 2,
  layers: 3,
  state: 'uploading',
  sentBytes: 0,
  totalBytes: 50_000_000,
};

describe('UploadProgress', () => {
  it('prints a blob when it is done, and a large one every five seconds', () => {
    const lines: string[] = [];
    let now = 0;
    const progress = new UploadProgress(
      (line) => lines.push(line),
      () => now,
    );
    progress.update(layer);
    now = 3_000;
    progress.update({ ...layer, sentBytes: 10_000_000 });
    now = 6_000;
    progress.update({ ...layer, sentBytes: 20_000_000 });
    now = 7_000;
    progress.update({ ...layer, sentBytes: 30_000_000 });
    progress.update({ ...layer, state: 'uploaded', sentBytes: 50_000_000 });
    expect(lines).toEqual(['layer 2/3 uploading 20.0MB / 50.0MB', 'layer 2/3 uploaded, 50.0MB']);
  });

  it.each([
    ['known', 'layer 2/3 already in the registry, 50.0MB'],
    ['exists', 'layer 2/3 already in the registry, 50.0MB'],
    ['mounted', 'layer 2/3 mounted from another repository, 50.0MB'],
  ] as const)('tells a layer that did not have to be sent (%s)', (state, line) => {
    const lines: string[] = [];
    new UploadProgress(
      (text) => lines.push(text),
      () => 0,
    ).update({ ...layer, state });
    expect(lines).toEqual([line]);
  });

  it('calls the config by its name', () => {
    const lines: string[] = [];
    const progress = new UploadProgress(
      (text) => lines.push(text),
      () => 0,
    );
    progress.update({ ...layer, position: 0, state: 'uploaded', totalBytes: 1_500 });
    expect(lines).toEqual(['config uploaded, 1.50kB']);
  });
});
