// The chapter of signatures: which repositories are signed, and how a failure ends the step.
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/digest.ts';
import type { Published, TagOutcome } from '../../../src/publish/target.ts';
import { Phases } from '../../../src/report/phases.ts';
import { openSigner, sign, type Signer } from '../../../src/run/sign.ts';
import { MemoryRepository } from '../publish/memory-repository.ts';

const digest = sha256(Buffer.from('image'));
const { privateKey } = generateKeyPairSync('ed25519');
const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();

async function signer(required: boolean): Promise<Signer | undefined> {
  return await openSigner({ key: { pem, password: undefined }, annotations: new Map(), recursive: false, required });
}

const tag = (repository: string, outcome: TagOutcome['outcome']): TagOutcome => ({
  repository,
  tag: '1',
  after: digest,
  outcome,
});

function published(...tags: readonly TagOutcome[]): Published {
  return { digest, mediaType: 'x', tags, uploadedBytes: 0, uploadedBlobs: 0, imageBytes: 0 };
}

function run(signal = new AbortController().signal) {
  const warnings: string[] = [];
  const log = { info: () => undefined, debug: () => undefined, warn: (line: string) => warnings.push(line) };
  return { warnings, tools: { world: { signal }, log, phases: new Phases(() => 0) } };
}

const target = (repository: MemoryRepository) => ({ address: { domain: 'registry.test', path: 'app' }, repository });

describe('signing', () => {
  it('takes each repository in which a tag now names the image', async () => {
    const [one, two, other] = ['a.test/x', 'b.test/x', 'c.test/x'].map((name) => new MemoryRepository(name));
    if (one === undefined || two === undefined || other === undefined) throw new Error('three were made');
    const tags = [tag(one.name, 'created'), tag(two.name, 'unchanged'), tag(two.name, 'kept'), tag(other.name, 'kept')];
    const targets = [one, two, other].map(target);
    const outcomes = await sign(published(...tags), targets, await signer(true), run().tools);
    expect(outcomes.map(({ repository, outcome }) => [repository, outcome])).toEqual([
      [one.name, 'added'],
      [two.name, 'added'],
    ]);
    expect(other.requests).toEqual([]);
  });

  it('does nothing without a key, and nothing when nothing was published', async () => {
    const repository = new MemoryRepository();
    expect(await openSigner(undefined)).toBeUndefined();
    expect(await sign(published(tag(repository.name, 'moved')), [target(repository)], undefined, run().tools)).toEqual(
      [],
    );
    expect(await sign(undefined, [target(repository)], await signer(true), run().tools)).toEqual([]);
    expect(repository.requests).toEqual([]);
  });
});

describe('a failure to sign', () => {
  const failing = (): MemoryRepository => {
    const repository = new MemoryRepository('bad.test/app');
    repository.fault = (request) => (request.startsWith('PUT') ? new Error('the registry said no') : undefined);
    return repository;
  };

  it('ends the step with exit code 4 and the state of every tag and repository', async () => {
    const good = new MemoryRepository('good.test/app');
    const bad = failing();
    const tags = [tag(good.name, 'created'), tag(bad.name, 'created')];
    const signing = sign(published(...tags), [good, bad].map(target), await signer(true), run().tools);
    await expect(signing).rejects.toMatchObject({
      code: 'not-signed',
      exitCode: 4,
      message: `bad.test/app@${digest} is published and not signed: the registry said no`,
      hint: 'cosign_required: false makes this a warning',
      details: [
        `state: good.test/app:1 absent → ${digest.slice(0, 19)}, created`,
        `state: bad.test/app:1 absent → ${digest.slice(0, 19)}, created`,
        `state: good.test/app@${digest.slice(0, 19)} signed`,
        `state: bad.test/app@${digest.slice(0, 19)} not signed`,
      ],
    });
  });

  it('is a warning when signatures are not required', async () => {
    const { tools, warnings } = run();
    const bad = failing();
    const outcomes = await sign(published(tag(bad.name, 'created')), [target(bad)], await signer(false), tools);
    expect(outcomes).toMatchObject([{ repository: bad.name, outcome: 'failed' }]);
    expect(warnings).toEqual([`bad.test/app@${digest} is published and not signed: the registry said no`]);
  });

  it('by a stop ends the step even when signatures are not required', async () => {
    const stopping = new AbortController();
    const { tools, warnings } = run(stopping.signal);
    const repository = new MemoryRepository();
    repository.fault = () => {
      stopping.abort(new Error('stopped'));
      return new Error('stopped');
    };
    const signing = sign(published(tag(repository.name, 'moved')), [target(repository)], await signer(false), tools);
    await expect(signing).rejects.toMatchObject({ code: 'not-signed' });
    expect(warnings).toEqual([]);
  });
});
