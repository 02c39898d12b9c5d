// How many requests a step costs, counted by a proxy before a real registry: all of them, from the ping to the last look.
// B blobs, T tags. Nothing can be left out of these without giving up a promise: ping; an upload begun and given up, which
// finds missing rights before the build; a look at one tag, and whether the repository is there; POST and PUT of each blob; the
// manifest by its digest; PUT of each tag; and a look at each tag, since exit code 0 means that we have seen it.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registryUsers, startRegistry, type TestRegistry } from '../../support/registry.ts';
import { passwordOf } from '../../support/registry-client.ts';
import { imageOf, publish, type TestStep } from './fixture.ts';

let open: TestRegistry;
let bearer: TestRegistry;
beforeAll(async () => {
  [open, bearer] = await Promise.all([startRegistry({ auth: 'open' }), startRegistry({ auth: 'token' })]);
});
afterAll(() => Promise.all([open.stop(), bearer.stop()]));

const tagsOf = (count: number): readonly string[] => ['1.2.3', '1.2', '1', 'latest'].slice(-count);
const layers = (count: number): readonly Uint8Array[] => Array.from({ length: count }, () => randomBytes(2000));
const builder = { credentials: passwordOf('builder', registryUsers.builder.password) };

/** Requests of one step, those to a token server included. */
async function countOf(registry: TestRegistry, step: TestStep) {
  registry.forget();
  registry.takeTokenRequests();
  const published = await publish(step);
  return { requests: registry.take().length, tokens: registry.takeTokenRequests().length, published };
}

describe.each([
  [1, 1],
  [3, 1],
  [1, 3],
  [6, 4],
])('an image of %i layers under %i tags', (layerCount, T) => {
  const image = imageOf(...layers(layerCount));
  const B = image.blobs;
  const tags = tagsOf(T);
  const path = `count/${String(layerCount)}-${String(T)}`;

  it('is brought to an open registry by 2B + 2T + 6 requests, and by T + 3 when it is there', async () => {
    const step = { ...image, repositories: [`${open.host}/${path}`], tags };
    expect((await countOf(open, step)).requests).toBe(2 * B + 2 * T + 6);
    expect((await countOf(open, step)).requests).toBe(T + 3);
  });

  it('is brought by 2B + T + 6 requests when nothing is read back', async () => {
    const step = { ...image, repositories: [`${open.host}/${path}-unseen`], tags, options: { verify: 'off' as const } };
    expect((await countOf(open, step)).requests).toBe(2 * B + T + 6);
  });

  it('costs one token with Bearer, and nothing else', async () => {
    const step = { ...image, repositories: [`${bearer.host}/${path}`], tags, client: builder };
    expect(await countOf(bearer, step)).toMatchObject({ requests: 2 * B + 2 * T + 6, tokens: 1 });
    expect(await countOf(bearer, step)).toMatchObject({ requests: T + 3, tokens: 1 });
  });
});

it('a refused password is sent once', async () => {
  const wrong = { credentials: passwordOf('builder', 'wrong') };
  const step = { ...imageOf('app'), repositories: [`${bearer.host}/count/refused`], tags: ['1'], client: wrong };
  bearer.takeTokenRequests();
  await expect(publish(step)).rejects.toMatchObject({ exitCode: 3 });
  expect(bearer.takeTokenRequests()).toHaveLength(1);
});

it('a new layer on a known image is the only one that is looked for and sent', async () => {
  const [one = '', two = '', three = ''] = layers(3);
  const step = { repositories: [`${open.host}/count/next`], tags: ['latest'] };
  await publish({ ...imageOf(one, two), ...step });
  const { requests, published } = await countOf(open, { ...imageOf(one, two, three), ...step });
  expect(published.uploadedBlobs).toBe(2);
  // Ping, permission (2), the manifest and the config at the tag (2), the known layers (2), two blobs (6), the manifest, the tag
  // and a look at it.
  expect(requests).toBe(1 + 2 + 2 + 2 + 6 + 3);
});

it('a second repository of a registry costs a look, a mount and a look per blob, and its tags', async () => {
  const image = imageOf(...layers(2));
  const repositories = [`${open.host}/count/one`, `${open.host}/count/two`];
  const { requests, published } = await countOf(open, { ...image, repositories, tags: ['1'] });
  expect(published.uploadedBlobs).toBe(3);
  const first = 2 * image.blobs + 2 + 6;
  // Both are staged and looked at before any tag moves.
  const second = 2 + 3 * image.blobs + 2 + 3;
  expect(requests).toBe(first + second);
});
