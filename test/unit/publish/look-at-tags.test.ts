import { expect, it } from 'vitest';
import { lookAtTags } from '../../../src/publish/look-at-tags.ts';
import { tagImage } from '../../../src/publish/tag-image.ts';
import { manifestOf, MemoryRepository } from './memory-repository.ts';

const ours = manifestOf({ image: 'new' });
const old = manifestOf({ image: 'old' });
const signal = new AbortController().signal;
const log = { info: () => undefined, warn: () => undefined, debug: () => undefined };

function repositoryWith(...tags: readonly string[]): MemoryRepository {
  const repository = new MemoryRepository();
  for (const tag of tags) repository.seed(tag, old);
  return repository;
}

it('reads the likeliest tag and looks at the others', async () => {
  const repository = repositoryWith('1.2.3', 'latest');
  const seen = await lookAtTags(repository, ['1.2.3', '1.2', 'latest', 'latest'], () => 7, signal);
  expect(repository.requests).toEqual(['GET latest', 'HEAD 1.2', 'HEAD 1.2.3']);
  expect(Object.fromEntries(seen.digests)).toEqual({ '1.2.3': old.digest, '1.2': undefined, latest: old.digest });
  expect(seen).toMatchObject({ isNew: false, atMs: 7 });
});

it('does not ask about each tag of a repository that the registry does not know', async () => {
  const repository = repositoryWith();
  const seen = await lookAtTags(repository, ['1.2.3', 'latest'], () => 0, signal);
  expect(repository.requests).toEqual(['GET latest', 'LIST']);
  expect([...seen.digests]).toEqual([
    ['latest', undefined],
    ['1.2.3', undefined],
  ]);
  expect(seen.isNew).toBe(true);
});

it('looks at every tag where only the first is absent', async () => {
  const repository = repositoryWith('1.2.3');
  const seen = await lookAtTags(repository, ['1.2.3', 'latest'], () => 0, signal);
  expect(repository.requests).toEqual(['GET latest', 'LIST', 'HEAD 1.2.3']);
  expect(seen.isNew).toBe(false);
});

it.each([
  [10_000, 0],
  [10_001, 2],
])('counts for the tags as long as it is fresh (%i ms: %i more looks)', async (ageMs, looks) => {
  const repository = repositoryWith('1.2.3', 'latest');
  const tags = ['1.2.3', 'latest'];
  const seen = await lookAtTags(repository, tags, () => 0, signal);
  repository.requests.length = 0;
  const clock = { nowMs: () => ageMs, sleep: async () => undefined, random: () => 0 };
  const options = { manifest: ours, targets: [{ repository, tags }], staged: new Set([repository]), seen, clock, log };
  const outcomes = await tagImage(options, signal);
  expect(outcomes.map(({ before, outcome }) => [before, outcome])).toEqual([
    [old.digest, 'moved'],
    [old.digest, 'moved'],
  ]);
  const before = repository.requests.slice(
    0,
    repository.requests.findIndex((request) => request.startsWith('PUT')),
  );
  expect(before.filter((request) => request.startsWith('HEAD'))).toHaveLength(looks);
  expect(before).not.toContain(`GET ${old.digest}`);
});
