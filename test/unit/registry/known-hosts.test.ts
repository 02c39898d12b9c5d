import { expect, it } from 'vitest';
import { factsOf, missingRepositoryHint } from '../../../src/registry/known-hosts.ts';

it.each([
  ['eu-docker.pkg.dev', 'acme/team/app', /repository team in project acme must exist/],
  ['eu-docker.pkg.dev', 'acme', /<project>\/<repository>\/<image>/],
  ['123456789012.dkr.ecr.eu-west-1.amazonaws.com', 'app', /create_repository: true/],
  ['registry.heroku.com', 'app/web', /app must exist/],
  ['registry.example.com', 'team/app', /^undefined$/],
])('a missing repository at %s (%s) is cured by what that registry wants', (host, path, hint) => {
  expect(String(missingRepositoryHint(host, `${host}/${path}`))).toMatch(hint);
});

it('chunks of an upload are what their registry can take', () => {
  expect(factsOf('ghcr.io').maxChunkBytes).toBe(4 * 1024 * 1024);
  const chunkless = { forgetsChunks: true, noChunks: true };
  expect(factsOf('123456789012.dkr.ecr.eu-west-1.amazonaws.com')).toEqual(chunkless);
  expect(factsOf('registry.example.com')).toEqual({});
});
