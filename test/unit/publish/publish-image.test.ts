import { describe, expect, it } from 'vitest';
import { defaultRetryLimits, Retrier, systemClock } from '../../../src/base/retry.ts';
import type { Engine } from '../../../src/engine/connect.ts';
import { publishImage, type PublishOptions } from '../../../src/publish/publish-image.ts';
import { manifestOf, MemoryRepository } from './memory-repository.ts';

const image = manifestOf({ config: { mediaType: 'x', digest: `sha256:${'a'.repeat(64)}`, size: 5 }, layers: [] });

const log = { info: () => undefined, warn: () => undefined, debug: () => undefined };

function unread(name: string): never {
  throw new Error(`nothing is to be read from ${name}`);
}

function options(repository: MemoryRepository): PublishOptions {
  return {
    engine: {} as Engine,
    targets: [{ repository, tags: ['1.2.3', 'latest'] }],
    temporaryDirectory: '/nowhere',
    retrier: new Retrier({ ...defaultRetryLimits, attempts: 1 }, systemClock, log),
    log,
    onLayer: () => undefined,
    sourceAt: unread,
  };
}

describe('publishing', () => {
  it('ends as stopped, with the state of every tag, when the stop came while the tags moved', async () => {
    const repository = new MemoryRepository();
    repository.manifests.set(image.digest, image);
    const stopping = new AbortController();
    repository.fault = (request) => {
      if (request.startsWith('PUT')) stopping.abort(new Error('SIGTERM'));
      return undefined;
    };
    const made = { kind: 'pushed', digest: image.digest, repositories: [repository.name] } as const;
    const ended = publishImage(made, options(repository), stopping.signal);
    await expect(ended).rejects.toMatchObject({
      exitCode: 143,
      details: ['1.2.3', 'latest'].map(
        (tag) => `state: registry.test/app:${tag} absent → ${image.digest.slice(0, 19)}, created`,
      ),
    });
    expect(repository.tags.get('latest')).toBe(image.digest);
  });
});
