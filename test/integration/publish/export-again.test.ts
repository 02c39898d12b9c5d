// An export that breaks off is asked for again: the daemon restarts, hangs up in the middle, or has lost the name meanwhile.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Digest } from '../../../src/base/digest.ts';
import { type Clock, defaultRetryLimits, Retrier, systemClock } from '../../../src/base/retry.ts';
import { connectEngine } from '../../../src/engine/connect.ts';
import { exportImage } from '../../../src/engine/export-image.ts';
import { uploadFromDaemon } from '../../../src/publish/upload-from-daemon.ts';
import { MemoryRepository } from '../../unit/publish/memory-repository.ts';
import { type FakeEngine, healthy, hexOf, json, startFakeEngine, tarOf } from '../engine/fake-engine.ts';

const name = 'docker-build.invalid/app:1-2';
const { signal } = new AbortController();
const layers = ['lower '.repeat(200_000), 'upper '.repeat(200_000)];

interface Image {
  readonly id: Digest;
  readonly config: string;
}

function imageOf(comment: string): Image {
  const diffIds = layers.map((layer) => `sha256:${hexOf(layer)}`);
  const config = JSON.stringify({ comment, rootfs: { type: 'layers', diff_ids: diffIds } });
  return { config, id: `sha256:${hexOf(config)}` };
}

const built = imageOf('built');

async function tarBytes({ config }: Image): Promise<Buffer> {
  return buffer(tarOf([...layers, config].map((text) => [`blobs/sha256/${hexOf(text)}`, text] as const)));
}

/** What the engine does with an export; it begins with the whole tar. */
type Answer = (tar: Buffer, response: ServerResponse, engine: FakeEngine) => void;

const whole: Answer = (tar, response) => void response.end(tar);
const hangUpAt =
  (share: number): Answer =>
  (tar, response) => {
    response.write(tar.subarray(0, Math.floor(tar.length * share)), () => response.destroy());
  };
const refuse =
  (status: number): Answer =>
  (_, response) =>
    json(response, { message: 'try later' }, status);

let folder: string;
let repository: MemoryRepository;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'export-again-'));
  repository = new MemoryRepository();
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Scene {
  /** One for each export that is asked for. */
  readonly answers: readonly Answer[];
  /** What the name is, at each inspect; the last one stays. Undefined = gone. */
  readonly inspected?: readonly (Image | undefined)[];
  readonly rebuilt?: Image;
  readonly retries?: number;
}

async function publish({ answers, inspected = [built], rebuilt, retries = 5 }: Scene) {
  const lines: string[] = [];
  const log = {
    info: (line: string) => void lines.push(line),
    warn: (line: string) => void lines.push(line),
    debug: () => undefined,
  };
  const clock: Clock = { ...systemClock, sleep: async () => undefined };
  const retrier = new Retrier({ ...defaultRetryLimits, attempts: retries + 1 }, clock, log);
  let exports = 0;
  let inspects = 0;
  let current: Image = built;
  const inspect = (_: IncomingMessage, response: ServerResponse): void => {
    const image = inspected[Math.min(inspects++, inspected.length - 1)];
    if (image === undefined) return json(response, { message: 'No such image' }, 404);
    current = image;
    json(response, { Id: image.id, RootFS: { Layers: layers.map((layer) => `sha256:${hexOf(layer)}`) }, Size: 1 });
  };
  await using engine = await startFakeEngine({
    ...healthy,
    [`GET /images/${name}/json`]: inspect,
    [`GET /images/${name}/get`]: (_, response) => {
      const answer = answers[exports++];
      void tarBytes(current).then((tar) => answer?.(tar, response, engine));
    },
  });
  const host = `unix://${engine.socketPath}`;
  const connected = await connectEngine({ host, tlsVerify: false, waitSeconds: 5, socketCandidates: [], log }, signal);
  const rebuild = rebuilt === undefined ? {} : { rebuild: async () => rebuilt.id };
  const targets = [{ repository, tags: ['1'] }];
  const options = { engine: connected, name, id: built.id, targets, temporaryDirectory: folder, log, retrier };
  const upload = uploadFromDaemon({ ...options, onLayer: () => undefined, ...rebuild }, signal);
  let error: unknown;
  const published = await upload.catch((reason: unknown) => void (error = reason));
  expect(readdirSync(folder)).toEqual([]);
  return {
    published,
    error,
    exports,
    lines,
    pings: engine.requests.filter((request) => request.endsWith('_ping')).length,
  };
}

it.each([0, 0.2, 0.6, 0.99])(
  'that ended at %d of its length is made again, and nothing is sent twice',
  async (share) => {
    const { published, exports, pings, lines } = await publish({ answers: [hangUpAt(share), hangUpAt(share), whole] });
    expect(published?.tags).toMatchObject([{ outcome: 'created' }]);
    expect(published?.uploadedBlobs).toBe(3);
    expect(exports).toBe(3);
    // One to connect, one before each repeat.
    expect(pings).toBe(3);
    expect(lines.join('\n')).toMatch(/daemon, image export: connection lost .*; repeat 1 of 5/);
  },
);

it('that breaks each time is an error of the daemon, and no tag is touched', async () => {
  const { error, exports } = await publish({ answers: Array(9).fill(hangUpAt(0.5)), retries: 2 });
  expect(error).toMatchObject({ exitCode: 5, code: 'daemon-lost' });
  expect(exports).toBe(3);
  expect(repository.tags.size).toBe(0);
});

it('that the daemon refuses is asked for once more only', async () => {
  const survived = await publish({ answers: [refuse(500), whole] });
  expect(survived.published?.tags).toHaveLength(1);
  repository = new MemoryRepository();
  const refused = await publish({ answers: Array(9).fill(refuse(500)) });
  expect(refused.error).toMatchObject({ exitCode: 5, message: 'daemon, image export: try later' });
  expect(refused.exports).toBe(2);
});

it.each([
  ['before it is looked at', { inspected: [undefined, built], answers: [whole] }],
  ['before the export', { inspected: [built], answers: [refuse(404), whole] }],
  ['while the daemon restarts', { inspected: [built, undefined, built], answers: [hangUpAt(0.5), whole] }],
])('of a name that vanishes %s is made once that is built again', async (_, scene) => {
  const { published, lines } = await publish({ ...scene, rebuilt: built });
  expect(published?.tags).toMatchObject([{ outcome: 'created' }]);
  expect(lines.join('\n')).toContain('has vanished from the daemon: it is built again');
});

it('of a name that vanishes again, or that nobody can build, is an error of the daemon', async () => {
  const gone = { inspected: [undefined], answers: [] };
  expect((await publish({ ...gone, rebuilt: built })).error).toMatchObject({ exitCode: 5, code: 'image-missing' });
  expect((await publish(gone)).error).toMatchObject({ exitCode: 5, code: 'image-missing' });
});

it('takes what was built the second time, also where that is another image', async () => {
  const other = imageOf('built again');
  const { published } = await publish({ inspected: [undefined, other], answers: [whole], rebuilt: other });
  expect(published?.tags).toHaveLength(1);
  expect([...repository.blobs.keys()]).toContain(other.id);
});

it('refuses a name that came back as another image', async () => {
  const scene = { inspected: [built, imageOf('somebody else')], answers: [hangUpAt(0.5), whole] };
  expect((await publish({ ...scene, rebuilt: built })).error).toMatchObject({ exitCode: 7, code: 'image-replaced' });
  expect(repository.tags.size).toBe(0);
});

it('ends when no byte comes for too long, however slowly its reader reads', async () => {
  const tar = await tarBytes(built);
  await using engine = await startFakeEngine({
    ...healthy,
    [`GET /images/${name}/get`]: (_, response) => void response.write(tar.subarray(0, tar.length - 2_000)),
  });
  const host = `unix://${engine.socketPath}`;
  const log = { info: () => undefined, warn: () => undefined, debug: () => undefined };
  const connected = await connectEngine({ host, tlsVerify: false, waitSeconds: 0, socketCandidates: [], log }, signal);
  let slept = false;
  const reading = exportImage(
    connected,
    name,
    signal,
    async ({ content }) => {
      for await (const chunk of content) {
        // Far longer than the limit, with bytes waiting.
        if (!slept && chunk.length > 0) await systemClock.sleep(300, signal);
        slept = true;
      }
      return 'more';
    },
    100,
  );
  await expect(reading).rejects.toMatchObject({
    exitCode: 5,
    message: expect.stringContaining('no byte came for 0.1 s'),
  });
  expect(slept).toBe(true);
});
