// Faults at every tag, of every kind, one and many: whatever happens, all tags are old or all are new, or exit code 8
// comes with a list that is the truth.
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../src/base/digest.ts';
import { PluginError } from '../../../src/base/plugin-error.ts';
import { tagImage } from '../../../src/publish/tag-image.ts';
import { describeOutcome } from '../../../src/publish/tag-failure.ts';
import type { TagOutcome } from '../../../src/publish/target.ts';
import { manifestOf, MemoryRepository } from './memory-repository.ts';

const ours = manifestOf({ image: 'new' });
const old = manifestOf({ image: 'old' });
const signal = new AbortController().signal;
const tags = ['1.2.3', '1.2', '1', 'latest'];
const log = { info: () => undefined, warn: () => undefined, debug: () => undefined };

const failures = {
  denied: () => failure('denied', 3, 403),
  immutable: () => failure('tag-immutable', 4, 409),
  unavailable: () => failure('unavailable', 4, 503),
  stalled: () => failure('stalled', 6, undefined),
};

function failure(code: string, exitCode: 3 | 4 | 6, status: number | undefined): PluginError {
  return Object.assign(new PluginError({ code, exitCode, message: `put the manifest: ${code}` }), { status });
}

type Before = ReadonlyMap<string, Digest>;

async function publish(repositories: readonly MemoryRepository[], order = tags) {
  const before = repositories.map((repository): Before => new Map(repository.tags));
  const options = {
    manifest: ours,
    targets: repositories.map((repository) => ({ repository, tags: order })),
    staged: new Set<MemoryRepository>(),
    patience: { tries: 2, waitMs: 0 },
    log,
  };
  const result = await tagImage(options, signal).catch((error: unknown) => error);
  const changes = repositories.flatMap((repository, at) =>
    tags.map((tag) => ({
      repository: repository.name,
      tag,
      was: before[at]?.get(tag),
      is: repository.tags.get(tag),
    })),
  );
  return { result, changes };
}

/** `old` or `new` for all tags, or `mixed` when the error says so and is right about every single tag. */
function judge({ result, changes }: Awaited<ReturnType<typeof publish>>): string {
  if (!(result instanceof PluginError)) {
    if (!Array.isArray(result)) throw new Error('neither an outcome nor an error for people', { cause: result });
    return changes.every(({ is }) => is === ours.digest) ? 'new' : 'a lie: exit 0';
  }
  const isOld = changes.every(({ was, is }) => was === is);
  if (result.exitCode !== 8) return isOld ? 'old' : `a lie: exit ${String(result.exitCode)}`;
  const wrong = changes.filter(({ repository, tag, was, is }) => {
    const line = result.details.find((detail) => detail.startsWith(`state: ${repository}:${tag} `)) ?? '';
    const outcome = line.split(', ').at(-1) ?? '';
    if (outcome === 'unknown') return false;
    const facts = { repository, tag, outcome: outcome as TagOutcome['outcome'] };
    const told = {
      ...facts,
      ...(was === undefined ? {} : { before: was }),
      ...(is === undefined ? {} : { after: is }),
    };
    return line !== describeOutcome(told);
  });
  return wrong.length === 0 ? 'mixed' : `a lie: ${JSON.stringify(result.details)} of ${JSON.stringify(wrong)}`;
}

function seeded(name: string, absent: string | undefined): MemoryRepository {
  const repository = new MemoryRepository(name);
  for (const tag of tags) if (tag !== absent) repository.seed(tag, old);
  return repository;
}

const cells = tags.flatMap((bad) =>
  [undefined, ...tags].flatMap((absent) =>
    (['denied', 'immutable', 'unavailable', 'stalled'] as const).map((kind) => ({ bad, absent, kind })),
  ),
);

describe('a fault that lasts, at one of four tags, of which at most one is new', () => {
  it.each(cells)('$kind at $bad, $absent is new: all tags are old', async ({ bad, absent, kind }) => {
    const repository = seeded('registry.test/app', absent);
    repository.fault = (request) => (request === `PUT ${bad}` ? failures[kind]() : undefined);
    const published = await publish([repository]);
    expect(judge(published)).toBe('old');
    expect(published.result).toMatchObject({ exitCode: failures[kind]().exitCode, code: failures[kind]().code });
  });

  it.each(tags)('an answer that gets lost at %s: all tags are new', async (bad) => {
    const repository = seeded('registry.test/app', '1.2.3');
    repository.lostAnswer = (request) => (request === `PUT ${bad}` ? failures.stalled() : undefined);
    expect(judge(await publish([repository]))).toBe('new');
  });

  it.each(cells.filter(({ absent }) => absent === undefined))(
    '$kind at $bad, and the first tag cannot be put back: the list is the truth',
    async ({ bad, kind }) => {
      const repository = seeded('registry.test/app', undefined);
      let puts = 0;
      repository.fault = (request) => {
        if (request === 'PUT 1.2.3') puts += 1;
        return request === `PUT ${bad}` || (request === 'PUT 1.2.3' && puts > 1) ? failures[kind]() : undefined;
      };
      expect(judge(await publish([repository]))).toBe(bad === '1.2.3' ? 'old' : 'mixed');
    },
  );

  it.each(tags)('at %s in the second of two repositories: all tags are old in both', async (bad) => {
    const repositories = [seeded('one.test/app', undefined), seeded('two.test/app', 'latest')];
    const [, second] = repositories;
    if (second !== undefined) second.fault = (request) => (request === `PUT ${bad}` ? failures.denied() : undefined);
    expect(judge(await publish(repositories))).toBe('old');
  });
});

describe('tags that one request has set', () => {
  const form = () => failure('refused', 4, 400);

  it.each([
    ['and its answer does not say so: the list is the truth', true, undefined, 'mixed'],
    ['before it was refused: all tags are old', false, form, 'old'],
  ])('%s when another one cannot be moved', async (_, isSilent, answer, expected) => {
    const repository = seeded('registry.test/app', undefined);
    Object.assign(repository, { tagsPerPut: 2, isSilent });
    repository.lostAnswer = (request) => (request.startsWith('PUT digest ') ? answer?.() : undefined);
    repository.fault = (request) => (request === 'PUT 1.2.3' ? failures.denied() : undefined);
    expect(judge(await publish([repository], [...tags].reverse()))).toBe(expected);
  });
});

describe('faults at random', () => {
  const randomFrom = (seed: number): (() => number) => {
    let state = seed;
    return () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      return state / 0x7fffffff;
    };
  };

  it.each([0.02, 0.1, 0.2])('at a share of %f of all requests never end in a lie', async (share) => {
    const ends = new Map<string, number>();
    for (let seed = 1; seed <= 300; seed++) {
      const random = randomFrom(seed);
      const absent = [undefined, '1.2.3', 'latest'][seed % 3];
      const repositories = [seeded('one.test/app', absent), seeded('two.test/app', undefined)];
      for (const repository of repositories) {
        repository.tagsPerPut = seed % 5 === 0 ? 10 : 0;
        repository.isSilent = seed % 10 === 0;
        repository.canDeleteTags = seed % 7 === 0;
        repository.fault = () => (random() < share ? failures.unavailable() : undefined);
        repository.lostAnswer = () => (random() < share ? failures.stalled() : undefined);
      }
      const end = judge(await publish(repositories));
      if (end.startsWith('a lie')) throw new Error(`seed ${String(seed)}: ${end}`);
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }
    expect(ends.get('new')).toBeGreaterThan(0);
  });
});
