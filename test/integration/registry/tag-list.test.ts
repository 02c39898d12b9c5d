// Tags come in pages, and registries write the way to the next page in different forms.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { makeClient, type TestClient } from '../../support/registry-client.ts';

type Page = { readonly status?: number; readonly body: unknown; readonly link?: string };

let server: Server | undefined;
let test: TestClient | undefined;

afterEach(async () => {
  await test?.client.close();
  server?.closeAllConnections();
  server?.close();
});

async function listFrom(pages: Readonly<Record<string, Page>>): Promise<{ tags: readonly string[]; asked: string[] }> {
  const asked: string[] = [];
  const started = createServer(({ url = '' }, answer) => {
    if (url === '/v2/') return void answer.end();
    asked.push(url);
    const page = pages[url];
    if (page === undefined) throw new Error(`nobody expected ${url}`);
    answer.writeHead(page.status ?? 200, page.link === undefined ? {} : { link: page.link });
    answer.end(typeof page.body === 'string' ? page.body : JSON.stringify(page.body));
  });
  server = started.listen(0, '127.0.0.1');
  await once(started, 'listening');
  const address = started.address();
  const host = typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : '';
  test = makeClient({ insecureHosts: new Set([host]) });
  return { tags: await test.source(`${host}/team/app`).listTags(new AbortController().signal), asked };
}

const first = '/v2/team/app/tags/list?n=1000';
const second = '/v2/team/app/tags/list?last=b&n=1000';

describe('the tags of a repository', () => {
  it.each([
    ['a path', '</v2/team/app/tags/list?last=b&n=1000>; rel="next"'],
    ['a whole address', '<https://elsewhere.example/v2/team/app/tags/list?last=b&n=1000>; rel=next'],
    ['no brackets', '/v2/team/app/tags/list?last=b&n=1000; rel="next"'],
  ])('are read page by page when the way on is %s', async (_, link) => {
    const pages = { [first]: { body: { tags: ['a', 'b'] }, link }, [second]: { body: { tags: ['c'] } } };
    expect(await listFrom(pages)).toEqual({ tags: ['a', 'b', 'c'], asked: [first, second] });
  });

  it('end with a page that brings nothing new', async () => {
    const link = `<${first}>; rel="next"`;
    expect(await listFrom({ [first]: { body: { tags: ['a'] }, link } })).toEqual({
      tags: ['a'],
      asked: [first, first],
    });
  });

  it('are none when the list is null, or the repository is missing', async () => {
    expect((await listFrom({ [first]: { body: { tags: null } } })).tags).toEqual([]);
    await test?.client.close();
    server?.closeAllConnections();
    server?.close();
    expect((await listFrom({ [first]: { status: 404, body: { errors: [{ code: 'NAME_UNKNOWN' }] } } })).tags).toEqual(
      [],
    );
  });

  it.each<readonly [string, Page]>([
    ['a web page', { body: '<html></html>' }],
    ['JSON that breaks off', { body: '{"tags":["a","b"' }],
    ['JSON without tags', { body: { errors: [] } }],
    ['a page that is too large', { body: `{"tags":[]}${' '.repeat(4 * 1024 * 1024)}` }],
  ])('are not taken for none when the answer is %s', async (_, page) => {
    await expect(listFrom({ [first]: page })).rejects.toMatchObject({ code: 'bad-list', exitCode: 4 });
  });

  it('are not those of the first page alone when the second one is not found', async () => {
    const link = `<${second}>; rel="next"`;
    const pages = { [first]: { body: { tags: ['a', 'b'] }, link }, [second]: { status: 404, body: '' } };
    await expect(listFrom(pages)).rejects.toMatchObject({ code: 'not-found' });
  });
});
