import { describe, expect, it } from 'vitest';
import { PluginError } from '../../../src/base/plugin-error.ts';
import { tagImage, type TagImageOptions } from '../../../src/publish/tag-image.ts';
import type { BlobStore, TagOutcome, TagStore } from '../../../src/publish/target.ts';
import { digestOf, manifestOf, MemoryRepository } from './memory-repository.ts';

const ours = manifestOf({ image: 'new' });
const old = manifestOf({ image: 'old' });
const foreign = manifestOf({ image: 'foreign' });
const signal = new AbortController().signal;
const patience = { tries: 3, waitMs: 1 };

function optionsFor(
  repositories: readonly (readonly [TagStore & BlobStore, readonly string[]])[],
  more: Partial<TagImageOptions> = {},
): TagImageOptions & { readonly warnings: string[] } {
  const warnings: string[] = [];
  const log = { info: () => undefined, warn: (line: string) => void warnings.push(line), debug: () => undefined };
  const targets = repositories.map(([repository, tags]) => ({ repository, tags }));
  return { manifest: ours, targets, staged: new Set(), log, patience, warnings, ...more };
}

async function failureOf(promise: Promise<unknown>): Promise<PluginError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof PluginError)) throw new Error(`no PluginError: ${String(error)}`);
  return error;
}

const brief = (outcomes: readonly TagOutcome[]): Record<string, string> =>
  Object.fromEntries(outcomes.map(({ tag, outcome }) => [tag, outcome]));

const states = (error: PluginError): Record<string, string> =>
  Object.fromEntries(
    error.details.map((line) => {
      const match = /^state: \S+:(\S+) .*, ([a-z-]+)$/.exec(line);
      return [match?.[1] ?? line, match?.[2] ?? ''];
    }),
  );

const refused = (status = 503): Error =>
  Object.assign(new PluginError({ code: 'unavailable', exitCode: 4, message: `registry answered ${String(status)}` }), {
    status,
  });

describe('tags at one manifest', () => {
  it('creates and moves them, and leaves those that are right', async () => {
    const repository = new MemoryRepository();
    repository.seed('1.0', ours);
    repository.seed('latest', old);
    const outcomes = await tagImage(optionsFor([[repository, ['1.0', '1.0.1', 'latest']]]), signal);
    expect(outcomes).toEqual([
      { repository: 'registry.test/app', tag: '1.0', before: ours.digest, after: ours.digest, outcome: 'unchanged' },
      { repository: 'registry.test/app', tag: '1.0.1', after: ours.digest, outcome: 'created' },
      { repository: 'registry.test/app', tag: 'latest', before: old.digest, after: ours.digest, outcome: 'moved' },
    ]);
    expect(repository.tags.get('1.0.1')).toBe(ours.digest);
  });

  it('writes nothing when all of them are right already', async () => {
    const repository = new MemoryRepository();
    repository.seed('1', ours);
    repository.seed('latest', ours);
    await tagImage(optionsFor([[repository, ['1', 'latest']]]), signal);
    expect(repository.requests).toEqual(['HEAD 1', 'HEAD latest']);
  });

  it('lets nobody look into the image when no tag has to move, and before anything is written when one has to', async () => {
    const repository = new MemoryRepository();
    repository.seed('1', ours);
    const looks: number[] = [];
    const beforeMoves = async (): Promise<void> => void looks.push(repository.requests.length);
    await tagImage(optionsFor([[repository, ['1']]], { beforeMoves }), signal);
    expect(looks).toEqual([]);
    await tagImage(optionsFor([[repository, ['2']]], { beforeMoves }), signal);
    expect(looks).toEqual([2]);
    expect(repository.requests.slice(0, 3)).toEqual(['HEAD 1', 'HEAD 2', 'PUT digest']);
  });

  it('stages the manifest by digest before a single tag', async () => {
    const repository = new MemoryRepository();
    await tagImage(optionsFor([[repository, ['1']]]), signal);
    expect(repository.requests).toEqual(['HEAD 1', 'PUT digest', 'PUT 1', 'HEAD 1']);
  });

  it('moves all of them in one request where the registry confirms it', async () => {
    const repository = new MemoryRepository();
    repository.tagsPerPut = 10;
    await tagImage(optionsFor([[repository, ['1.0.0', '1.0', 'latest']]]), signal);
    expect(repository.requests.filter((request) => request.startsWith('PUT'))).toEqual(['PUT digest 1.0.0,1.0,latest']);
  });

  it('sends at most ten tags in one request', async () => {
    const repository = new MemoryRepository();
    repository.tagsPerPut = 10;
    const tags = Array.from({ length: 12 }, (_, position) => `t${String(position)}`);
    await tagImage(optionsFor([[repository, tags]]), signal);
    const puts = repository.requests.filter((request) => request.startsWith('PUT'));
    expect(puts.map((request) => request.split(',').length)).toEqual([10, 2]);
  });

  it('moves one by one what the one request did not confirm', async () => {
    const repository = new MemoryRepository();
    repository.tagsPerPut = 1;
    await tagImage(optionsFor([[repository, ['1.0.0', '1.0', 'latest']]]), signal);
    expect(repository.requests.filter((request) => request.startsWith('PUT'))).toEqual([
      'PUT digest 1.0.0,1.0,latest',
      'PUT 1.0',
      'PUT latest',
    ]);
  });

  it('goes on tag by tag when the request for several is refused', async () => {
    const repository = new MemoryRepository();
    repository.fault = (request) => (request.startsWith('PUT digest ') ? refused(414) : undefined);
    const outcomes = await tagImage(optionsFor([[repository, ['1.0.0', 'latest']]]), signal);
    expect(brief(outcomes)).toEqual({ '1.0.0': 'created', latest: 'created' });
    expect(repository.requests).toContain('PUT digest');
  });

  it('lets the first tag carry the manifest where a PUT by digest is not known', async () => {
    const repository = new MemoryRepository();
    repository.fault = (request) => (request.startsWith('PUT digest') ? refused(405) : undefined);
    const outcomes = await tagImage(optionsFor([[repository, ['1.0.0', 'latest']]]), signal);
    expect(brief(outcomes)).toEqual({ '1.0.0': 'created', latest: 'created' });
  });

  it('moves full versions first and moving names last', async () => {
    const repository = new MemoryRepository();
    await tagImage(optionsFor([[repository, ['latest', '1', '1.2.3', '1.2']]]), signal);
    const puts = repository.requests.filter((request) => /^PUT (?!digest)/.test(request));
    expect(puts).toEqual(['PUT 1.2.3', 'PUT 1', 'PUT 1.2', 'PUT latest']);
  });

  it('takes a tag as moved when only the answer got lost', async () => {
    const repository = new MemoryRepository();
    repository.lostAnswer = (request) => (request === 'PUT latest' ? new Error('ECONNRESET') : undefined);
    expect(brief(await tagImage(optionsFor([[repository, ['latest']]]), signal))).toEqual({ latest: 'created' });
  });

  it('warns when somebody else moved a tag on right after', async () => {
    const repository = new MemoryRepository();
    const options = optionsFor([[repository, ['latest']]]);
    repository.lostAnswer = (request) => {
      if (request === 'PUT latest') repository.seed('latest', foreign);
      return undefined;
    };
    const outcomes = await tagImage(options, signal);
    expect(outcomes).toMatchObject([{ after: foreign.digest, outcome: 'created' }]);
    expect(options.warnings).toHaveLength(1);
  });

  it('fails with exit 7 when a tag that was accepted never shows', async () => {
    const repository = new MemoryRepository();
    repository.seed('latest', old);
    repository.lostAnswer = (request) => {
      if (request === 'PUT latest') repository.seed('latest', old);
      return undefined;
    };
    const error = await failureOf(tagImage(optionsFor([[repository, ['latest']]]), signal));
    expect(error).toMatchObject({ exitCode: 7, code: 'integrity' });
    expect(states(error)).toEqual({ latest: 'not-moved' });
  });

  it('warns, and goes on, when the login may push but not pull', async () => {
    const repository = new MemoryRepository();
    repository.headManifest = async () => undefined;
    repository.fault = (request) => (request.startsWith('GET') ? refused(403) : undefined);
    const options = optionsFor([[repository, ['latest']]]);
    expect(await tagImage(options, signal)).toEqual([
      { repository: 'registry.test/app', tag: 'latest', outcome: 'created' },
    ]);
    expect(options.warnings).toHaveLength(1);
  });

  it('waits for a replica that is late', async () => {
    const repository = new MemoryRepository();
    let hidden = 2;
    const real = repository.headManifest.bind(repository);
    repository.headManifest = async (reference) => {
      const answer = await real(reference);
      return answer !== undefined && hidden-- > 0 ? undefined : answer;
    };
    expect(brief(await tagImage(optionsFor([[repository, ['latest']]]), signal))).toEqual({ latest: 'created' });
  });
});

describe('a fault at one of four tags', () => {
  const tags = ['1.2.3', '1.2', '1', 'latest'] as const;

  it.each(tags)('puts the others back when %s is refused and all existed', async (bad) => {
    const repository = new MemoryRepository();
    for (const tag of tags) repository.seed(tag, old);
    repository.fault = (request) => (request === `PUT ${bad}` ? refused() : undefined);
    const error = await failureOf(tagImage(optionsFor([[repository, tags]]), signal));
    expect(error.exitCode).toBe(4);
    expect(error.message).toContain(`registry.test/app:${bad} (1 of 4 tags): registry answered 503`);
    for (const tag of tags) expect(repository.tags.get(tag)).toBe(old.digest);
    expect(states(error)[bad]).toBe('not-moved');
    expect(Object.values(states(error)).filter((outcome) => !['not-moved', 'restored'].includes(outcome))).toEqual([]);
  });

  it('says exit 8 and names the tag that is new and stays', async () => {
    const repository = new MemoryRepository();
    for (const tag of ['1.2', 'latest']) repository.seed(tag, old);
    repository.fault = (request) => (request === 'PUT 1' ? refused() : undefined);
    const error = await failureOf(tagImage(optionsFor([[repository, tags]]), signal));
    expect(error).toMatchObject({ exitCode: 8, code: 'partial' });
    expect(states(error)).toEqual({ '1.2.3': 'left-behind', '1.2': 'restored', '1': 'not-moved', latest: 'restored' });
  });

  it('puts back a single tag whose registry says that it has stored something else', async () => {
    const repository = new MemoryRepository();
    repository.seed('1', old);
    let left = 1;
    repository.lostAnswer = (request) =>
      request === 'PUT 1' && left-- > 0
        ? new PluginError({ code: 'integrity', exitCode: 7, message: 'host answered with another digest' })
        : undefined;
    const error = await failureOf(tagImage(optionsFor([[repository, ['1']]]), signal));
    expect(error).toMatchObject({ exitCode: 7, code: 'integrity' });
    expect(states(error)).toEqual({ '1': 'restored' });
    expect(repository.tags.get('1')).toBe(old.digest);
  });

  it('takes a tag away again that is new, where the registry takes away a tag alone', async () => {
    const repository = new MemoryRepository();
    repository.canDeleteTags = true;
    for (const tag of ['1.2', 'latest']) repository.seed(tag, old);
    repository.fault = (request) => (request === 'PUT latest' ? refused() : undefined);
    const error = await failureOf(tagImage(optionsFor([[repository, tags]]), signal));
    expect(error.exitCode).toBe(4);
    expect(states(error)).toEqual({ '1.2.3': 'restored', '1.2': 'restored', '1': 'restored', latest: 'not-moved' });
    expect([...repository.tags]).toEqual([
      ['1.2', old.digest],
      ['latest', old.digest],
    ]);
  });

  it('asks by GET what a tag shows when HEAD is not answered', async () => {
    const repository = new MemoryRepository();
    for (const tag of tags) repository.seed(tag, old);
    let moving = false;
    repository.fault = (request) => {
      if (request === 'PUT latest') moving = true;
      return request === 'PUT latest' || (moving && request.startsWith('HEAD')) ? refused() : undefined;
    };
    const error = await failureOf(tagImage(optionsFor([[repository, tags]]), signal));
    expect(error.exitCode).toBe(4);
    expect([...repository.tags.values()]).toEqual(tags.map(() => old.digest));
  });

  it('moves nothing when the old manifests cannot be read for want of an answer', async () => {
    const repository = new MemoryRepository();
    for (const tag of tags) repository.seed(tag, old);
    repository.fault = (request) => (request === `GET ${old.digest}` ? refused() : undefined);
    expect(await failureOf(tagImage(optionsFor([[repository, tags]]), signal))).toMatchObject({ exitCode: 4 });
    expect(repository.requests.filter((request) => request.startsWith('PUT'))).toEqual([]);
  });

  it('does without an old manifest that the registry has lost, and moves its tag after the others', async () => {
    const repository = new MemoryRepository();
    repository.seed('1.2.3', foreign);
    repository.manifests.delete(foreign.digest);
    repository.headManifest = async (reference) => {
      const digest = repository.tags.get(reference);
      return digest && { digest, mediaType: old.mediaType, sizeBytes: 1 };
    };
    for (const tag of ['1.2', '1', 'latest']) repository.seed(tag, old);
    const options = optionsFor([[repository, tags]]);
    await tagImage(options, signal);
    expect(options.warnings).toEqual([expect.stringContaining('could not be put back')]);
    expect(repository.requests.filter((request) => /^PUT (?!digest)/.test(request)).at(-1)).toBe('PUT 1.2.3');
  });

  it('leaves a tag alone that somebody else may have set to the same image, and says exit 8', async () => {
    const repository = new MemoryRepository();
    for (const tag of tags) repository.seed(tag, old);
    repository.fault = (request) => {
      if (request !== 'PUT 1.2.3') return undefined;
      repository.seed('latest', ours);
      return refused();
    };
    const error = await failureOf(tagImage(optionsFor([[repository, tags]]), signal));
    expect(repository.tags.get('latest')).toBe(ours.digest);
    expect(error.exitCode).toBe(8);
    expect(error.details.find((line) => line.includes(':latest'))).toMatch(/, moved$/);
  });

  it('does not send the tags again one by one to a registry that does not work', async () => {
    const repository = new MemoryRepository();
    repository.fault = (request) => (request.startsWith('PUT') ? refused(503) : undefined);
    expect(await failureOf(tagImage(optionsFor([[repository, tags]]), signal))).toMatchObject({ exitCode: 4 });
    expect(repository.requests.filter((request) => request.startsWith('PUT'))).toHaveLength(1);
  });

  it('says exit 8 when a tag cannot be put back', async () => {
    const repository = new MemoryRepository();
    for (const tag of tags) repository.seed(tag, old);
    let moved = false;
    repository.fault = (request) => {
      if (request === 'PUT latest') return refused();
      if (request !== 'PUT 1.2.3') return undefined;
      if (moved) return refused();
      moved = true;
      return undefined;
    };
    const error = await failureOf(tagImage(optionsFor([[repository, tags]]), signal));
    expect(error.exitCode).toBe(8);
    expect(states(error)['1.2.3']).toBe('moved');
    expect(states(error)['1.2']).toBe('restored');
  });

  it('does not touch a tag that somebody else has moved meanwhile', async () => {
    const repository = new MemoryRepository();
    for (const tag of tags) repository.seed(tag, old);
    repository.fault = (request) => {
      if (request !== 'PUT latest') return undefined;
      repository.seed('1.2.3', foreign);
      return refused();
    };
    const error = await failureOf(tagImage(optionsFor([[repository, tags]]), signal));
    expect(repository.tags.get('1.2.3')).toBe(foreign.digest);
    expect(states(error)['1.2.3']).toBe('unknown');
  });

  it('keeps the exit code of a missing permission when nothing moved', async () => {
    const repository = new MemoryRepository();
    repository.fault = (request) =>
      request.startsWith('PUT ') && !request.startsWith('PUT digest')
        ? new PluginError({ code: 'denied', exitCode: 3, message: 'denied' })
        : undefined;
    const error = await failureOf(tagImage(optionsFor([[repository, tags]]), signal));
    expect(error).toMatchObject({ exitCode: 3, code: 'denied' });
    expect(new Set(Object.values(states(error)))).toEqual(new Set(['not-moved']));
  });

  it('moves no tag anywhere when the manifest cannot be staged in one of two repositories', async () => {
    const good = new MemoryRepository('registry.test/a');
    const bad = new MemoryRepository('registry.test/b');
    bad.fault = (request) => (request.startsWith('PUT digest') ? refused() : undefined);
    const error = await failureOf(
      tagImage(
        optionsFor([
          [good, ['1', 'latest']],
          [bad, ['1']],
        ]),
        signal,
      ),
    );
    expect(error.exitCode).toBe(4);
    expect(good.tags.size).toBe(0);
  });

  it('puts back the tags of one repository when those of another are refused', async () => {
    const good = new MemoryRepository('registry.test/a');
    const bad = new MemoryRepository('registry.test/b');
    good.seed('1.0.0', old);
    bad.fault = (request) => (request === 'PUT latest' ? refused() : undefined);
    const error = await failureOf(
      tagImage(
        optionsFor([
          [good, ['1.0.0']],
          [bad, ['latest']],
        ]),
        signal,
      ),
    );
    expect(good.tags.get('1.0.0')).toBe(old.digest);
    expect(error.exitCode).toBe(4);
  });

  it('finds a repository that stages nothing before it touches a tag', async () => {
    const honest = new MemoryRepository('registry.test/a');
    const liar = new MemoryRepository('registry.test/b');
    liar.putManifest = async () => ({ confirmedTags: [] });
    const error = await failureOf(
      tagImage(
        optionsFor([
          [honest, ['1']],
          [liar, ['1']],
        ]),
        signal,
      ),
    );
    expect(error.exitCode).toBe(7);
    expect(honest.tags.size).toBe(0);
  });
});

describe('an abort', () => {
  it('before any tag moved leaves everything as it was', async () => {
    const repository = new MemoryRepository();
    const controller = new AbortController();
    const reason = new PluginError({ code: 'terminated', exitCode: 143, message: 'terminated' });
    repository.fault = (request) => {
      if (request === 'PUT digest') controller.abort(reason);
      return undefined;
    };
    repository.lostAnswer = () => (controller.signal.aborted ? reason : undefined);
    await expect(tagImage(optionsFor([[repository, ['1']]]), controller.signal)).rejects.toBe(reason);
    expect(repository.tags.size).toBe(0);
  });

  it('in the middle of the tags lets them finish', async () => {
    const repository = new MemoryRepository();
    const controller = new AbortController();
    repository.fault = (request) => {
      if (request === 'PUT 1.0.0') controller.abort(new Error('terminated'));
      return undefined;
    };
    const outcomes = await tagImage(optionsFor([[repository, ['1.0.0', 'latest']]]), controller.signal);
    expect(brief(outcomes)).toEqual({ '1.0.0': 'created', latest: 'created' });
  });
});

describe('what is read back', () => {
  const blob = Buffer.from('a layer');
  const descriptor = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', size: 7, digest: digestOf(blob) };
  const image = manifestOf(
    { config: { ...descriptor, mediaType: 'application/vnd.oci.image.config.v1+json' }, layers: [descriptor] },
    'application/vnd.oci.image.manifest.v1+json',
  );
  const index = manifestOf(
    { manifests: [{ mediaType: image.mediaType, size: image.bytes.length, digest: image.digest }] },
    'application/vnd.oci.image.index.v1+json',
  );

  it('is nothing with verify: off', async () => {
    const repository = new MemoryRepository();
    const outcomes = await tagImage(optionsFor([[repository, ['1']]], { verify: 'off' }), signal);
    expect(brief(outcomes)).toEqual({ '1': 'created' });
    expect(repository.requests).toEqual(['HEAD 1', 'PUT digest', 'PUT 1']);
  });

  it('is every manifest and blob with verify: full, before a tag moves', async () => {
    const repository = new MemoryRepository();
    repository.seed('child', image);
    repository.blobs.set(descriptor.digest, blob);
    await tagImage(optionsFor([[repository, ['1']]], { manifest: index, verify: 'full' }), signal);
    expect(repository.requests).toEqual([
      'HEAD 1',
      `GET ${image.digest}`,
      `HEAD blob ${descriptor.digest}`,
      'PUT digest',
      'PUT 1',
      'HEAD 1',
    ]);
  });

  it.each([
    ['a blob', (repository: MemoryRepository) => repository.seed('child', image)],
    ['a child', (repository: MemoryRepository) => repository.blobs.set(descriptor.digest, blob)],
  ])('moves no tag with verify: full when %s is missing', async (_, seed) => {
    const repository = new MemoryRepository();
    seed(repository);
    const options = optionsFor([[repository, ['1']]], { manifest: index, verify: 'full' });
    const error = await failureOf(tagImage(options, signal));
    expect(error).toMatchObject({ exitCode: 7, code: 'integrity' });
    expect(repository.requests.filter((request) => request.startsWith('PUT'))).toEqual([]);
  });

  it('fails with verify: full when somebody else moved a tag on, and leaves that tag alone', async () => {
    const repository = new MemoryRepository();
    repository.lostAnswer = (request) => {
      if (request === 'PUT latest') repository.seed('latest', foreign);
      return undefined;
    };
    const options = optionsFor([[repository, ['latest']]], { verify: 'full' });
    const error = await failureOf(tagImage(options, signal));
    expect(error).toMatchObject({ exitCode: 4, code: 'tag-moved-on' });
    expect(repository.tags.get('latest')).toBe(foreign.digest);
  });
});

describe('tags that moved before another one was refused', () => {
  it('stay with on_partial_publish: keep, and the list says so', async () => {
    const repository = new MemoryRepository();
    repository.seed('1.2.3', old);
    repository.fault = (request) => (request === 'PUT latest' ? refused() : undefined);
    const options = optionsFor([[repository, ['1.2.3', 'latest']]], { onPartialPublish: 'keep' });
    const error = await failureOf(tagImage(options, signal));
    expect(error).toMatchObject({ exitCode: 8, code: 'partial' });
    expect(states(error)).toEqual({ '1.2.3': 'moved', latest: 'not-moved' });
    expect(repository.tags.get('1.2.3')).toBe(ours.digest);
    expect(repository.requests).not.toContain(`GET ${old.digest}`);
  });
});
