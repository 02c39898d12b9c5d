// What a start loads: main.js and the chunks that it imports at once. Whatever is for some steps only, clouds above all, is
// in a chunk that somebody asks for.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { pluginFolder } from '../support/run-plugin.ts';

/** Texts that only one part of the program has. */
const marks = {
  'Google’s logins': '/computeMetadata/v1/',
  'Google’s library': 'google-byoid-sdk',
  'Azure’s logins': '/oauth2/exchange',
  'Amazon’s library': 'GetAuthorizationToken',
  'the HTTP client': 'UND_ERR_HEADERS_TIMEOUT"',
} as const;

function loadedAtOnce(file: string, seen: Map<string, string> = new Map()): ReadonlyMap<string, string> {
  if (seen.has(file)) return seen;
  const text = readFileSync(join(pluginFolder, file), 'utf8');
  seen.set(file, text);
  for (const [, from = ''] of text.matchAll(/(?:^|[;}\n])\s*(?:im|ex)port\b[^;"']*?["'](\.[^"']+)["']/g)) {
    loadedAtOnce(join(file, '..', from), seen);
  }
  return seen;
}

it('is followed by this test', () => {
  expect(loadedAtOnce('main.js').size).toBeGreaterThan(2);
});

it.each(Object.entries(marks))('a start does not load %s', (_, mark) => {
  const atOnce = loadedAtOnce('main.js');
  expect([...atOnce].filter(([, text]) => text.includes(mark)).map(([file]) => file)).toEqual([]);
  const chunks = readdirSync(join(pluginFolder, 'chunks')).filter((name) => name.endsWith('.js'));
  const holders = chunks.filter((name) => readFileSync(join(pluginFolder, 'chunks', name), 'utf8').includes(mark));
  expect(holders).not.toEqual([]);
});
