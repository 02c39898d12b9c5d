// A containerd daemon's image is taken as a file: again when the daemon breaks off, and with words for a disk that does not take it.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { defaultRetryLimits, Retrier, systemClock } from '../../../src/base/retry.ts';
import { connectEngine } from '../../../src/engine/connect.ts';
import { saveFromDaemon } from '../../../src/publish/save-from-daemon.ts';
import { type Handler, healthy, json, startFakeEngine, tarOf } from '../engine/fake-engine.ts';

const name = 'app:1';
const { signal } = new AbortController();
const log = { info: () => undefined, warn: () => undefined, debug: () => undefined };
const tar = await buffer(tarOf([['oci-layout', 'x'.repeat(500_000)]]));

const whole: Handler = (_, response) => void response.end(tar);
const hangUp: Handler = (_, response) => void response.write(tar.subarray(0, 300_000), () => response.destroy());
const refuse =
  (status: number): Handler =>
  (_, response) =>
    json(response, { message: 'try later' }, status);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'save-from-daemon-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** @param answers one for each export that is asked for */
async function save(answers: readonly Handler[], into = folder) {
  let exports = 0;
  await using engine = await startFakeEngine({
    ...healthy,
    [`GET /images/${name}/get`]: (request, response) => answers[exports++]?.(request, response),
  });
  const host = `unix://${engine.socketPath}`;
  const connected = await connectEngine({ host, tlsVerify: false, waitSeconds: 5, socketCandidates: [], log }, signal);
  const retrier = new Retrier(defaultRetryLimits, { ...systemClock, sleep: async () => undefined }, log);
  const saving = saveFromDaemon({ engine: connected, name, folder: into, retrier }, signal);
  const ended: unknown = await saving.catch((error: unknown) => error);
  return { ended, exports };
}

it('is asked for again when it breaks off, into a file that has nothing of the first try', async () => {
  const { ended, exports } = await save([refuse(500), hangUp, whole]);
  expect(exports).toBe(3);
  expect(ended).toBe(join(folder, 'export.tar'));
  expect(readFileSync(join(folder, 'export.tar')).equals(tar)).toBe(true);
});

it('leaves nothing when it breaks off each time', async () => {
  const { ended, exports } = await save(Array(9).fill(hangUp));
  expect(ended).toMatchObject({ exitCode: 5, code: 'daemon-lost' });
  expect(exports).toBe(defaultRetryLimits.attempts);
  expect(readdirSync(folder)).toEqual([]);
});

it('is not asked for again when the daemon does not have it, nor when the disk does not take it', async () => {
  expect(await save([refuse(404)])).toMatchObject({ ended: { exitCode: 5, code: 'daemon-refused' }, exports: 1 });
  const { ended, exports } = await save([whole], join(folder, 'absent'));
  expect(ended).toMatchObject({ exitCode: 4, code: 'temporary-folder', hint: expect.stringContaining('TMPDIR') });
  expect(exports).toBe(1);
});
