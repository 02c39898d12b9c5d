// Many builds that publish at the same time, to a real registry: what they leave is one complete image, whoever wins.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openUploads, readTags } from '../../faults/registry-graph.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { imageOf, publish, type TestImage } from './fixture.ts';

const builds = 20;

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry({ auth: 'open' });
});
afterAll(() => registry.stop());

async function publishAll(path: string, images: readonly TestImage[], tags: readonly string[]) {
  const repositories = [`${registry.host}/${path}`];
  const results = await Promise.allSettled(images.map((image) => publish({ ...image, repositories, tags })));
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [String(result.reason)] : []));
  expect(failures).toEqual([]);
  expect(openUploads(registry, path)).toEqual([]);
  const published = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  return { published, shown: await readTags(registry, path, { digest: published[0]?.digest ?? '' }) };
}

it('20 builds of different images to one tag: each succeeds, and the tag is one of them, complete', async () => {
  const images = Array.from({ length: builds }, () => imageOf(randomBytes(100_000), randomBytes(1000)));
  const { published, shown } = await publishAll('parallel/different', images, ['latest']);
  expect(new Set(published.map(({ digest }) => digest)).size).toBe(builds);
  expect(published.map(({ digest }) => digest)).toContain(shown.get('latest')?.digest);
  expect(shown.get('latest')?.isComplete).toBe(true);
});

it('20 builds of one image under four tags: each succeeds, and every tag is that image, complete', async () => {
  const tags = ['1.2.3', '1.2', '1', 'latest'];
  const image = imageOf(randomBytes(100_000), randomBytes(1000));
  const { published, shown } = await publishAll(
    'parallel/same',
    Array.from({ length: builds }, () => image),
    tags,
  );
  expect(new Set(published.map(({ digest }) => digest)).size).toBe(1);
  for (const tag of tags) expect(shown.get(tag)).toMatchObject({ isWanted: true, isComplete: true });
});
