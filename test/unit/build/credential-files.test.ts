// Which files of a context hold logins.
import { describe, expect, it } from 'vitest';
import { watchForCredentials } from '../../../src/build/credential-files.ts';

function warningsOf(path: string, text: string, strict = false): readonly string[] {
  const warnings: string[] = [];
  const log = { info: () => undefined, warn: (line: string) => void warnings.push(line), debug: () => undefined };
  const watch = watchForCredentials(strict, log);
  // Old engines list a context more than once.
  for (let times = 0; times < 2; times += 1) watch('context', path, text.length, () => Buffer.from(text));
  return warnings;
}

describe('files with logins', () => {
  it.each([
    ['.git/config', '[remote "origin"]\n\turl = https://user:hunter22@example.com/x.git\n'],
    ['sub/.git/config', '[remote "origin"]\n\turl = https://hunter22@example.com/x.git\n'],
    ['.git/config', '[http "https://example.com/"]\n\textraheader = AUTHORIZATION: basic hunter22\n'],
    ['.netrc', 'machine example.com login me password hunter22\n'],
    ['app/.npmrc', '//registry.example.com/:_authToken=hunter22\n'],
    ['.docker/config.json', '{"auths":{"example.com":{"auth":"hunter22"}}}'],
  ])('%s is named once, and its login is not shown', (path, text) => {
    const [warning, ...more] = warningsOf(path, text);
    expect(warning).toContain(path);
    expect(warning).not.toContain('hunter22');
    expect(more).toEqual([]);
    expect(() => warningsOf(path, text, true)).toThrow(`settings.strict_context: the folder "context" holds ${path}`);
  });

  it.each([
    ['.git/config', '[remote "origin"]\n\turl = https://example.com/x.git\n'],
    ['.git/config', '[remote "origin"]\n\turl = git@example.com:x.git\n'],
    ['.npmrc', '//registry.example.com/:_authToken=${NPM_TOKEN}\nfund=false\n'],
    ['.docker/config.json', '{"auths":{}}'],
    ['my.netrc', 'machine example.com login me password hunter22\n'],
    ['config', 'url = https://user:hunter22@example.com/x.git\n'],
  ])('%s without a login is nothing to speak of', (path, text) => {
    expect(warningsOf(path, text, true)).toEqual([]);
  });
});
