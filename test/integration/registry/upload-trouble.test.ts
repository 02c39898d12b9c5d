// Every kind of trouble at every step of bringing a blob: it arrives, or the failure says what it was within its limit. The faults
// happen on real sockets, before a registry in memory.
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { sha256 } from '../../../src/base/digest.ts';
import type { RegistryOptions } from '../../../src/registry/registry-client.ts';
import { type FaultProxy, startFaultProxy } from '../../faults/fault-proxy.ts';
import type { Fault, FaultRule, Step } from '../../faults/rules.ts';
import { memoryLogin, type MemoryRegistry, startMemoryRegistry } from '../../support/memory-registry.ts';
import { blobOf, makeClient, passwordOf, type TestClient } from '../../support/registry-client.ts';

const { signal } = new AbortController();
const mebibyte = 1024 * 1024;
const layer = randomBytes(600_000);
const name = 'a/b';

/** Short enough for a test, long enough for a busy machine. */
const limits = { headersMs: 1500, commitMs: 9000, stuckBlobMs: 60_000, stalledUploadMs: 1500, stalledDownloadMs: 1500 };
/** For silence that never ends. */
const hasty = { headersMs: 400, commitMs: 6000, stuckBlobMs: 2500, stalledUploadMs: 400, stalledDownloadMs: 400 };
const patience = { headersMs: 5000, commitMs: 30_000, stuckBlobMs: 30_000, stalledUploadMs: 5000 };

interface Stage {
  readonly registry: MemoryRegistry;
  readonly proxy: FaultProxy;
  readonly test: TestClient;
  readonly repository: ReturnType<TestClient['target']>;
}

async function onStage<Result>(
  options: Partial<RegistryOptions>,
  play: (stage: Stage) => Promise<Result>,
): Promise<Result> {
  const registry = await startMemoryRegistry();
  const proxy = await startFaultProxy(registry.host);
  const test = makeClient(options);
  try {
    return await play({ registry, proxy, test, repository: test.target(`${proxy.host}/${name}`) });
  } finally {
    await test.client.close();
    await proxy.stop();
    await registry.stop();
  }
}

const kept = ({ registry }: Stage, bytes: Buffer): boolean =>
  registry.repository(name).blobs.get(sha256(bytes))?.equals(bytes) === true;

interface Scene {
  readonly options?: Partial<RegistryOptions>;
  readonly mountFrom?: string;
}

const scenes: Readonly<Partial<Record<Step, Scene>>> = {
  hb: {},
  po: {},
  pb: {},
  mo: { mountFrom: 'c/d' },
  pa: { options: { uploadChunkBytes: 200_000 } },
  gs: { options: { uploadChunkBytes: 200_000 } },
};

/** A status is asked for only when something else went wrong before. */
const before: Readonly<Partial<Record<Step, readonly FaultRule[]>>> = {
  gs: [{ match: { step: 'pa', nth: 2 }, do: { kind: 'answer', status: 503 } }],
};

const answer = (status: number, headers: Record<string, string> = {}): Fault => ({ kind: 'answer', status, headers });

const isSilent = ({ kind }: Fault): boolean => kind === 'hang' || kind === 'drip';

interface Meeting {
  readonly outcome: unknown;
  readonly isKept: boolean;
  readonly ms: number;
}

async function meet(step: Step, fault: Fault, times: number): Promise<Meeting> {
  const { options = {}, ...rest } = scenes[step] ?? {};
  return onStage({ limits: times === Infinity && isSilent(fault) ? hasty : limits, ...options }, async (stage) => {
    const { registry, proxy, repository } = stage;
    registry.repository('c/d').blobs.set(sha256(layer), layer);
    proxy.arm([...(before[step] ?? []), { match: { step, times }, do: fault }]);
    const startMs = performance.now();
    const outcome: unknown = await repository.ensureBlob({ ...blobOf(layer), ...rest }, signal).catch((error) => error);
    const ms = performance.now() - startMs;
    expect(proxy.fired().length).toBeGreaterThan(0);
    return { outcome, isKept: kept(stage, layer), ms };
  });
}

const steps: readonly Step[] = ['hb', 'po', 'mo', 'pa', 'pb', 'gs'];

const passing: readonly (readonly [string, Fault, number, readonly Step[]])[] = [
  ['429 with patience', answer(429, { 'retry-after': '1' }), 1, steps],
  ['429', answer(429), 2, steps],
  ['503 once', answer(503), 1, steps],
  ['500 five times', answer(500), 5, steps],
  ['a reset before the body', { kind: 'reset', when: 'before' }, 1, steps],
  ['a reset within the body', { kind: 'reset', when: 'body' }, 2, ['pa', 'pb']],
  ['a reset after the body', { kind: 'reset', when: 'after' }, 1, steps],
  ['an orderly end', { kind: 'fin', when: 'before' }, 2, steps],
  ['a lost answer', { kind: 'lose-answer' }, 2, steps],
  ['silence at once', { kind: 'hang', when: 'before' }, 1, steps],
  ['silence within the body', { kind: 'hang', when: 'body' }, 1, ['pa', 'pb']],
  ['silence after all was done', { kind: 'hang', when: 'after' }, 1, steps],
  ['an answer at a byte a second', { kind: 'drip', bytesPerSecond: 1, direction: 'answer' }, 1, ['hb', 'pb']],
  ['a body at a byte a second', { kind: 'drip', bytesPerSecond: 1, direction: 'request' }, 1, ['pa', 'pb']],
  ['404', answer(404), 1, ['hb', 'mo', 'pa', 'pb', 'gs']],
  ['404 three times', answer(404), 3, ['mo', 'pb']],
  ['403', answer(403), 1, ['hb', 'mo', 'gs']],
  ['405', answer(405), 1, ['hb', 'mo', 'pb', 'gs']],
  ['416', answer(416), 1, ['pa', 'gs']],
];

const cells = passing.flatMap(([what, fault, times, at]) => at.map((step) => ({ step, what, fault, times })));

describe('trouble that passes', () => {
  it.concurrent.each(cells)('is survived at step $step: $what', async ({ step, fault, times }) => {
    const { outcome, isKept } = await meet(step, fault, times);
    expect(outcome).toMatch(/^(uploaded|mounted|exists)$/);
    expect(isKept).toBe(true);
  });
});

describe('trouble without end', () => {
  it.concurrent.each<readonly [Step, string, Fault, { readonly code: string; readonly exitCode: number }]>([
    ['hb', '503', answer(503), { code: 'unavailable', exitCode: 4 }],
    ['po', '503', answer(503), { code: 'unavailable', exitCode: 4 }],
    ['pb', '503', answer(503), { code: 'unavailable', exitCode: 4 }],
    ['pa', '503', answer(503), { code: 'unavailable', exitCode: 4 }],
    ['po', '403', answer(403), { code: 'denied', exitCode: 3 }],
    ['pb', '403', answer(403), { code: 'denied', exitCode: 3 }],
    ['po', '405', answer(405), { code: 'unsupported', exitCode: 4 }],
    ['pa', '413', answer(413), { code: 'too-large', exitCode: 4 }],
    ['pb', '413', answer(413), { code: 'too-large', exitCode: 4 }],
    ['pb', '404', answer(404), { code: 'upload-lost', exitCode: 4 }],
    ['pb', 'resets', { kind: 'reset', when: 'body' }, { code: 'unreachable', exitCode: 4 }],
    ['hb', 'silence', { kind: 'hang', when: 'before' }, { code: 'stalled', exitCode: 6 }],
    ['po', 'silence', { kind: 'hang', when: 'before' }, { code: 'stalled', exitCode: 6 }],
    ['pb', 'silence', { kind: 'hang', when: 'before' }, { code: 'stalled', exitCode: 6 }],
    ['pb', 'silence within the body', { kind: 'hang', when: 'body' }, { code: 'stalled', exitCode: 6 }],
    [
      'pb',
      'a byte a second',
      { kind: 'drip', bytesPerSecond: 1, direction: 'request' },
      { code: 'stalled', exitCode: 6 },
    ],
    [
      'pa',
      'a byte a second',
      { kind: 'drip', bytesPerSecond: 1, direction: 'request' },
      { code: 'stalled', exitCode: 6 },
    ],
  ])('at step %s is told as what it was: %s', async (step, _, fault, expected) => {
    const { outcome, isKept, ms } = await meet(step, fault, Infinity);
    expect(outcome).toMatchObject(expected);
    expect(isKept).toBe(false);
    expect(ms).toBeLessThan(45_000);
  });

  it.concurrent('does not matter where the blob is stored all the same', async () => {
    expect((await meet('pb', { kind: 'hang', when: 'after' }, Infinity)).outcome).toBe('uploaded');
  });

  it.concurrent.each([answer(503), answer(429), { kind: 'hang', when: 'before' }, { kind: 'lose-answer' }] as const)(
    'does not matter at a mount: %j',
    async (fault) => {
      expect((await meet('mo', fault, Infinity)).outcome).toMatch(/^(uploaded|mounted)$/);
    },
  );
});

describe('a large body', () => {
  const large = randomBytes(12 * mebibyte);
  const broken: FaultRule = { match: { step: 'pb', times: 2 }, do: { kind: 'reset', when: 'body' } };

  it.each<readonly [string, readonly FaultRule[]]>([
    ['it is refused while it is sent', [{ match: { step: 'pb' }, do: { kind: 'answer', status: 413, early: true } }]],
    ['it breaks off twice without a word', [broken]],
  ])('goes in chunks when %s', async (_, rules) => {
    await onStage({ limits: patience }, async (stage) => {
      stage.proxy.arm(rules);
      expect(await stage.repository.ensureBlob(blobOf(large), signal)).toBe('uploaded');
      expect(stage.proxy.counts().get('pa')).toBe(2);
      expect(kept(stage, large)).toBe(true);
    });
  });

  it('goes whole again when chunks are refused that nobody had asked for', async () => {
    await onStage({ limits: patience }, async (stage) => {
      stage.proxy.arm([broken, { match: { step: 'pa', times: Infinity }, do: answer(405) }]);
      expect(await stage.repository.ensureBlob(blobOf(large), signal)).toBe('uploaded');
      expect(stage.proxy.counts().get('pa')).toBeGreaterThan(0);
      expect(kept(stage, large)).toBe(true);
    });
  });

  it('goes whole again when chunks that nobody had asked for were put together wrongly', async () => {
    await onStage({ limits: patience }, async (stage) => {
      const body = '{"errors":[{"code":"DIGEST_INVALID"}]}';
      stage.proxy.arm([broken, { match: { step: 'pb', nth: 3 }, do: { kind: 'answer', status: 400, body } }]);
      expect(await stage.repository.ensureBlob(blobOf(large), signal)).toBe('uploaded');
      expect(Object.fromEntries(stage.proxy.counts())).toMatchObject({ pa: 2, pb: 4 });
      expect(kept(stage, large)).toBe(true);
    });
  });

  it('is not believed to be there by an answer that came before its end', async () => {
    await onStage({ limits: patience }, async (stage) => {
      stage.proxy.arm([{ match: { step: 'pb' }, do: { kind: 'answer', status: 201, early: true } }]);
      const pieces = Array.from({ length: 192 }, (_, at) => large.subarray(at * 65_536, (at + 1) * 65_536));
      const blob = { ...blobOf(large), open: () => Readable.from(pieces, { objectMode: false }) };
      expect(await stage.repository.ensureBlob(blob, signal)).toBe('uploaded');
      expect(kept(stage, large)).toBe(true);
    });
  });

  it('is broken off where it is not taken', async () => {
    await onStage({ limits: { ...patience, stalledUploadMs: 1500 } }, async (stage) => {
      stage.proxy.arm([{ match: { step: 'pb' }, do: { kind: 'hang', when: 'before' } }]);
      expect(await stage.repository.ensureBlob(blobOf(large), signal)).toBe('uploaded');
      expect(stage.test.lines[0]).toContain('no answer in time; repeat 1 of 5');
    });
  });
});

describe('a source', () => {
  const slowly = async function* (): AsyncGenerator<Buffer> {
    yield layer.subarray(0, 1000);
    await delay(2500);
    yield layer.subarray(1000);
  };

  it('may take its time', async () => {
    await onStage({ limits: { ...patience, stalledUploadMs: 2000 } }, async ({ test, repository }) => {
      const blob = { ...blobOf(layer), open: () => Readable.from(slowly(), { objectMode: false }) };
      expect(await repository.ensureBlob(blob, signal)).toBe('uploaded');
      expect(test.lines).toEqual([]);
    });
  });

  it('that fails is named as what failed, and nothing is sent again', async () => {
    await onStage({ limits: patience }, async ({ proxy, test, repository }) => {
      const from = test.source(`${proxy.host}/not/there`);
      const blob = blobOf(layer);
      const copied = repository.ensureBlob({ ...blob, open: () => from.openBlob(blob, signal) }, signal);
      await expect(copied).rejects.toMatchObject({ code: 'not-found', side: 'source' });
      expect(proxy.counts().get('pb') ?? 0).toBeLessThanOrEqual(1);
    });
  });
});

describe('a token that expires', () => {
  it('after the whole body does not cost a second one', async () => {
    const registry = await startMemoryRegistry({ auth: 'bearer' });
    const test = makeClient({ credentials: passwordOf(memoryLogin.username, memoryLogin.password) });
    const repository = test.target(`${registry.host}/${name}`);
    registry.fail({ method: 'PUT', kind: 'upload', nth: 1, answer: { status: 401 } });
    const headers = { 'content-length': String(layer.length) };
    registry.fail({ method: 'HEAD', kind: 'blob', nth: 2, answer: { status: 200, headers } });
    expect(await repository.ensureBlob(blobOf(layer), signal)).toBe('uploaded');
    expect(registry.counts()).toMatchObject({ 'PUT upload': 1, 'GET token': 2 });
    await test.client.close();
    await registry.stop();
  });
});

describe('an upload that is not wanted any more', () => {
  it('is cancelled though the run was stopped before its place was known', async () => {
    await onStage({ limits: patience }, async ({ registry, proxy, repository }) => {
      const stop = new AbortController();
      proxy.arm([{ match: { step: 'po' }, do: { kind: 'delay', ms: 200 } }]);
      const bringing = repository.ensureBlob(blobOf(layer), stop.signal);
      await vi.waitUntil(() => proxy.fired().length > 0, { timeout: 10_000, interval: 5 });
      stop.abort(new Error('stopped'));
      await expect(bringing).rejects.toThrow('stopped');
      await repository.abandonUploads();
      expect(registry.counts()).toMatchObject({ 'POST upload': 1, 'DELETE upload': 1 });
      expect(registry.openUploads()).toBe(0);
    });
  });

  it('is cancelled when its end was a lie', async () => {
    await onStage({ limits: patience }, async ({ registry, proxy, repository }) => {
      proxy.arm([{ match: { step: 'pb' }, do: { kind: 'answer', status: 201 } }]);
      expect(await repository.ensureBlob(blobOf(layer), signal)).toBe('uploaded');
      expect(registry.openUploads()).toBe(1);
      const bytes = Buffer.from('{}');
      const manifest = { mediaType: 'application/vnd.oci.image.manifest.v1+json', bytes, digest: sha256(bytes) };
      registry.fail({ method: 'PUT', kind: 'manifest', answer: { status: 403 } });
      await expect(repository.putManifest(manifest, { digest: manifest.digest }, signal)).rejects.toThrow(
        'does not permit',
      );
      await repository.abandonUploads();
      expect(registry.openUploads()).toBe(0);
    });
  });
});
