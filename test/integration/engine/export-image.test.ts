import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { PluginError } from '../../../src/base/plugin-error.ts';
import { connectEngine } from '../../../src/engine/connect.ts';
import { exportImage, type Wish } from '../../../src/engine/export-image.ts';
import { inspectImage } from '../../../src/engine/inspect-image.ts';
import { removeTemporaryImage } from '../../../src/engine/temporary-images.ts';
import {
  type FakeEngine,
  type Handler,
  healthy,
  hexOf,
  json,
  startFakeEngine,
  type TarEntry,
  tarOf,
} from './fake-engine.ts';

const signal = new AbortController().signal;
const log = { info: () => undefined, warn: () => undefined, debug: () => undefined };
const name = 'docker-build.invalid/app:1-2';

async function connected(engine: FakeEngine) {
  const host = `unix://${engine.socketPath}`;
  return connectEngine({ host, tlsVerify: false, waitSeconds: 0, socketCandidates: [], log }, signal);
}

interface Seen {
  readonly kind: string;
  readonly hex: string;
  readonly text: string;
}

/** Exports from an engine that answers as told; every part is read unless `read` says no. */
async function exported(
  handler: Handler,
  read: (hex: string) => boolean = () => true,
  wish: (seen: number) => Wish = () => 'more',
): Promise<readonly Seen[]> {
  await using engine = await startFakeEngine({ ...healthy, [`GET /images/${name}/get`]: handler });
  const seen: Seen[] = [];
  await exportImage(await connected(engine), name, signal, async (entry) => {
    const hex = entry.kind === 'layer' ? entry.folder : entry.claimed.slice(7);
    const text = read(hex) ? (await buffer(entry.content)).toString() : '';
    seen.push({ kind: entry.kind, hex, text });
    return wish(seen.length);
  });
  return seen;
}

const answerTar =
  (entries: readonly TarEntry[]): Handler =>
  (_, response) =>
    void tarOf(entries).pipe(response.writeHead(200, { 'Content-Type': 'application/x-tar' }));

async function failureOf(promise: Promise<unknown>): Promise<PluginError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof PluginError)) throw new Error(`no PluginError: ${String(error)}`);
  return error;
}

const a = 'a'.repeat(64);
const b = 'b'.repeat(64);
const c = 'c'.repeat(64);

describe('an exported image', () => {
  it('of Docker 25 and newer shows its blobs', async () => {
    const seen = await exported(
      answerTar([
        [{ name: 'blobs/', type: 'directory' }],
        [`blobs/sha256/${a}`, 'layer'],
        [`blobs/sha256/${b}`, '{"config":1}'],
        ['index.json', '{}'],
        ['manifest.json', '[]'],
        ['oci-layout', '{}'],
        ['repositories', '{}'],
      ]),
    );
    expect(seen).toEqual([
      { kind: 'blob', hex: a, text: 'layer' },
      { kind: 'blob', hex: b, text: '{"config":1}' },
    ]);
  });

  it('of older engines shows its layers and its config, and shared layers once', async () => {
    const seen = await exported(
      answerTar([
        [{ name: `${a}/`, type: 'directory' }],
        [`${a}/VERSION`, '1.0'],
        [`${a}/json`, '{}'],
        [`${a}/layer.tar`, 'lower'],
        [{ name: `${b}/layer.tar`, type: 'symlink', linkname: `../${a}/layer.tar` }],
        [`${c}.json`, '{"config":1}'],
        ['manifest.json', '[]'],
      ]),
    );
    expect(seen).toEqual([
      { kind: 'layer', hex: a, text: 'lower' },
      { kind: 'config', hex: c, text: '{"config":1}' },
    ]);
  });

  it('skips what is not read', async () => {
    const big = Buffer.alloc(3_000_000, 'x');
    const seen = await exported(
      answerTar([
        [`blobs/sha256/${a}`, big],
        [`blobs/sha256/${b}`, big],
        [`blobs/sha256/${c}`, 'small'],
      ]),
      (hex) => hex === c,
    );
    expect(seen.map(({ text }) => text)).toEqual(['', '', 'small']);
  });

  it('ends as soon as everything needed is there, however much would follow', async () => {
    const seen = await exported(
      (_, response) => {
        response.writeHead(200);
        const entries = tarOf([
          [`blobs/sha256/${a}`, 'first'],
          [`blobs/sha256/${b}`, Buffer.alloc(1_000_000)],
        ]);
        entries.on('data', (chunk: Buffer) => response.write(chunk));
        // The answer is never ended: only a reader that stops by itself gets past this.
      },
      (hex) => hex === a,
      () => 'stop',
    );
    expect(seen).toHaveLength(1);
  });

  it('flows only as fast as it is read', async () => {
    const chunk = Buffer.alloc(1024 * 1024);
    let produced = 0;
    const gate = new PassThrough();
    const wide: Handler = (_, response) => {
      const size = 200 * chunk.length;
      const header = tarOf([[{ name: `blobs/sha256/${a}`, size }, Buffer.alloc(0)]]);
      header.once('data', (first: Buffer) => {
        response.writeHead(200).write(first.subarray(0, 512));
        const source = Readable.from(
          (function* () {
            for (; produced < 200; produced++) yield chunk;
            yield Buffer.alloc(1024);
          })(),
        );
        source.pipe(response);
      });
    };
    await using engine = await startFakeEngine({ ...healthy, [`GET /images/${name}/get`]: wide });
    let producedAtPause = 0;
    await exportImage(await connected(engine), name, signal, async (entry) => {
      let first = true;
      for await (const _ of entry.content) {
        if (!first) continue;
        first = false;
        // Long enough for an unbounded reader to swallow all of the 200 MiB over a local socket.
        setTimeout(() => gate.end('open'), 500);
        await buffer(gate);
        producedAtPause = produced;
      }
      return 'more';
    });
    expect(producedAtPause).toBeLessThan(20);
    expect(produced).toBe(200);
  });
});

describe('a hostile export', () => {
  it.each<[string, readonly TarEntry[]]>([
    [
      'a path that climbs',
      [
        [`../blobs/sha256/${a}`, 'x'],
        [`/blobs/sha256/${a}`, 'x'],
        [`blobs/sha256/../${a}`, 'x'],
      ],
    ],
    [
      'names that only look alike',
      [
        [`blobs/sha256/${a}.json`, 'x'],
        [`blobs/sha512/${a}`, 'x'],
        [`${a}/layer.tar/x`, 'x'],
        [a, 'x'],
      ],
    ],
    [
      'upper case and short digests',
      [
        [`blobs/sha256/${'A'.repeat(64)}`, 'x'],
        [`blobs/sha256/${'a'.repeat(63)}`, 'x'],
      ],
    ],
    [
      'links and devices under the names of blobs',
      [
        [{ name: `blobs/sha256/${a}`, type: 'symlink', linkname: '/etc/passwd' }],
        [{ name: `blobs/sha256/${b}`, type: 'link', linkname: '/etc/passwd' }],
        [{ name: `blobs/sha256/${c}`, type: 'character-device' }],
      ],
    ],
  ])('with %s shows nothing', async (_, entries) => {
    expect(await exported(answerTar(entries))).toEqual([]);
  });

  it('with entries without end is given up', async () => {
    const entries = Array.from({ length: 5001 }, (_, position): TarEntry => [`junk/${String(position)}`, '']);
    expect(await failureOf(exported(answerTar(entries)))).toMatchObject({ exitCode: 7, code: 'export-damaged' });
  });

  it('with a config of 17 MiB is given up before it is read', async () => {
    const error = await failureOf(exported(answerTar([[`${a}.json`, Buffer.alloc(17 * 1024 * 1024)]])));
    expect(error).toMatchObject({ exitCode: 7, code: 'export-damaged' });
  });

  it('that is no tar is exit 7', async () => {
    const error = await failureOf(exported((_, response) => void response.end(Buffer.alloc(5000, 'no tar '))));
    expect(error).toMatchObject({ exitCode: 7, code: 'export-damaged' });
  });

  it('that ends in the middle of a layer, though the answer is whole, is exit 7', async () => {
    const whole = await buffer(tarOf([[`blobs/sha256/${a}`, Buffer.alloc(10_000)]]));
    const error = await failureOf(exported((_, response) => void response.end(whole.subarray(0, 5000))));
    expect(error).toMatchObject({ exitCode: 7, code: 'export-damaged' });
  });
});

describe('a daemon that fails while exporting', () => {
  it('is exit 5 when the connection ends in the middle', async () => {
    const whole = await buffer(tarOf([[`blobs/sha256/${a}`, Buffer.alloc(100_000)]]));
    const error = await failureOf(
      exported((_, response) => {
        response.writeHead(200);
        response.write(whole.subarray(0, 5000), () => response.destroy());
      }),
    );
    expect(error).toMatchObject({ exitCode: 5, code: 'daemon-lost' });
  });

  it('is quoted when it refuses', async () => {
    const error = await failureOf(
      exported((_, response) => json(response, { message: 'no space left on device' }, 500)),
    );
    expect(error).toMatchObject({ exitCode: 5, message: 'daemon, image export: no space left on device' });
  });

  it('does not hide an error of whoever reads', async () => {
    const mine = new Error('disk full');
    await using engine = await startFakeEngine({
      ...healthy,
      [`GET /images/${name}/get`]: answerTar([[`blobs/sha256/${a}`, 'x']]),
    });
    const reading = exportImage(await connected(engine), name, signal, () => Promise.reject(mine));
    await expect(reading).rejects.toBe(mine);
  });

  it('is left at once when the run is aborted while the daemon still gathers the image', async () => {
    const controller = new AbortController();
    await using engine = await startFakeEngine({
      ...healthy,
      [`GET /images/${name}/get`]: () => {
        controller.abort(new Error('terminated'));
      },
    });
    const reading = exportImage(await connected(engine), name, controller.signal, async () => 'more');
    await expect(reading).rejects.toThrow('terminated');
  });
});

describe('the facts of an image', () => {
  const answer = {
    Id: `sha256:${hexOf('config')}`,
    RootFS: { Type: 'layers', Layers: [`sha256:${a}`, `sha256:${b}`] },
    Os: 'linux',
    Architecture: 'arm',
    Variant: 'v7',
    Size: 1234,
  };
  const inspected = async (handler: Handler) => {
    await using engine = await startFakeEngine({ ...healthy, [`GET /images/${name}/json`]: handler });
    return await inspectImage(await connected(engine), name, signal);
  };

  it('are read from the daemon', async () => {
    expect(await inspected((_, response) => json(response, answer))).toEqual({
      id: answer.Id,
      diffIds: answer.RootFS.Layers,
      os: 'linux',
      architecture: 'arm',
      variant: 'v7',
      sizeBytes: 1234,
    });
  });

  it.each([
    ['no id', { ...answer, Id: undefined }],
    ['an id that is no digest', { ...answer, Id: 'latest' }],
    ['no layers at all', { ...answer, RootFS: undefined }],
    ['a layer that is no digest', { ...answer, RootFS: { Layers: ['x'] } }],
    ['no object', 'text'],
  ])('with %s are exit 7', async (_, body) => {
    expect(await failureOf(inspected((_request, response) => json(response, body)))).toMatchObject({ exitCode: 7 });
  });

  it('of a name that is gone are exit 5', async () => {
    const error = await failureOf(inspected((_, response) => json(response, { message: 'No such image' }, 404)));
    expect(error).toMatchObject({ exitCode: 5, code: 'image-missing' });
  });
});

describe('a temporary name', () => {
  const removed = async (answers: readonly number[], mayStillCome = false): Promise<number> => {
    let calls = 0;
    await using engine = await startFakeEngine({
      ...healthy,
      [`DELETE /images/${name}`]: (request, response) => {
        expect(request.url).toBe(`/images/${name}`);
        json(response, { message: 'conflict' }, answers[calls++] ?? 599);
      },
    });
    await removeTemporaryImage(await connected(engine), name, { mayStillCome });
    return calls;
  };

  it.each([
    ['is removed by name, without force', [200], 1],
    ['that is gone already is fine', [404], 1],
    ['is tried again after a conflict', [409, 500, 200], 3],
  ])('%s', async (_, answers, calls) => {
    expect(await removed(answers)).toBe(calls);
  });

  it.each([
    ['is looked for again while the daemon may still create it', [404, 404, 200], 3],
    ['that never comes is not waited for long', [404, 404, 404, 404], 4],
  ])('%s', async (_, answers, calls) => {
    expect(await removed(answers, true)).toBe(calls);
  });

  it('that cannot be removed is an error for the caller to tell', async () => {
    expect(await failureOf(removed([409, 409, 409]))).toMatchObject({
      exitCode: 5,
      message: expect.stringMatching(/conflict/),
    });
  });

  it('must be one of ours', async () => {
    await using engine = await startFakeEngine(healthy);
    await expect(removeTemporaryImage(await connected(engine), 'alpine:3')).rejects.toThrow('not a temporary');
    expect(engine.requests).not.toContain('DELETE /images/alpine:3');
  });
});
