import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PluginError } from '../../../src/base/plugin-error.ts';
import { parseReference, parseRepository } from '../../../src/base/reference.ts';

const hex = '0123456789abcdef'.repeat(4);

function problemOf(text: string): unknown {
  try {
    parseReference(text);
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('a reference', () => {
  it.each([
    // text, domain, path, tag, digest, familiar
    ['alpine', 'docker.io', 'library/alpine', undefined, undefined, 'alpine'],
    ['alpine:3.20', 'docker.io', 'library/alpine', '3.20', undefined, 'alpine:3.20'],
    ['team/app', 'docker.io', 'team/app', undefined, undefined, 'team/app'],
    ['docker.io/alpine', 'docker.io', 'library/alpine', undefined, undefined, 'alpine'],
    ['index.docker.io/alpine', 'docker.io', 'library/alpine', undefined, undefined, 'alpine'],
    ['registry-1.docker.io/team/app', 'docker.io', 'team/app', undefined, undefined, 'team/app'],
    ['registry.hub.docker.com/library/alpine', 'docker.io', 'library/alpine', undefined, undefined, 'alpine'],
    ['docker.io/library/alpine:1', 'docker.io', 'library/alpine', '1', undefined, 'alpine:1'],
    ['docker.io/library/a/b', 'docker.io', 'library/a/b', undefined, undefined, 'library/a/b'],
    ['docker.io/a.b/c', 'docker.io', 'a.b/c', undefined, undefined, 'docker.io/a.b/c'],
    ['docker.io/localhost/c', 'docker.io', 'localhost/c', undefined, undefined, 'docker.io/localhost/c'],
    [`docker.io/${hex}`, 'docker.io', `library/${hex}`, undefined, undefined, `docker.io/library/${hex}`],
    [`${hex}:tag`, 'docker.io', `library/${hex}`, 'tag', undefined, `docker.io/library/${hex}:tag`],
    ['localhost/app', 'localhost', 'app', undefined, undefined, 'localhost/app'],
    ['localhost', 'docker.io', 'library/localhost', undefined, undefined, 'localhost'],
    ['localhost:5000/app:1', 'localhost:5000', 'app', '1', undefined, 'localhost:5000/app:1'],
    ['reg:5000', 'docker.io', 'library/reg', '5000', undefined, 'reg:5000'],
    ['reg:5000/app', 'reg:5000', 'app', undefined, undefined, 'reg:5000/app'],
    ['Reg/app', 'reg', 'app', undefined, undefined, 'reg/app'],
    ['REG.Example.com/app', 'reg.example.com', 'app', undefined, undefined, 'reg.example.com/app'],
    ['127.0.0.1:5000/a/b/c:x', '127.0.0.1:5000', 'a/b/c', 'x', undefined, '127.0.0.1:5000/a/b/c:x'],
    ['[::1]:5000/app:1', '[::1]:5000', 'app', '1', undefined, '[::1]:5000/app:1'],
    ['[2001:db8::1]/app', '[2001:db8::1]', 'app', undefined, undefined, '[2001:db8::1]/app'],
    [`app@sha256:${hex}`, 'docker.io', 'library/app', undefined, `sha256:${hex}`, `app@sha256:${hex}`],
    [`r.io/app:1@sha256:${hex}`, 'r.io', 'app', '1', `sha256:${hex}`, `r.io/app:1@sha256:${hex}`],
    [
      `app@sha512:${hex}${hex}`,
      'docker.io',
      'library/app',
      undefined,
      `sha512:${hex}${hex}`,
      `app@sha512:${hex}${hex}`,
    ],
    ['x/a-b__c.d_e--f/g', 'docker.io', 'x/a-b__c.d_e--f/g', undefined, undefined, 'x/a-b__c.d_e--f/g'],
    [`app:${'t'.repeat(128)}`, 'docker.io', 'library/app', 't'.repeat(128), undefined, `app:${'t'.repeat(128)}`],
    ['app:_.-', 'docker.io', 'library/app', '_.-', undefined, 'app:_.-'],
  ])('%s is understood', (text, domain, path, tag, digest, familiar) => {
    expect(parseReference(text)).toEqual({
      domain,
      path,
      familiar,
      apiHost: domain === 'docker.io' ? 'registry-1.docker.io' : domain,
      ...(tag === undefined ? {} : { tag }),
      ...(digest === undefined ? {} : { digest }),
    });
  });

  it.each([
    ['', 'is empty'],
    ['a b', 'white space'],
    ['app\n', 'white space'],
    ['https://r.io/app', 'scheme'],
    ['App', 'upper-case'],
    ['r.io/App', 'upper-case'],
    ['r.io/', 'name of the image is missing'],
    ['/app', 'empty part'],
    ['r.io//app', 'empty part'],
    ['r.io/app/', 'empty part'],
    ['a___b', 'not allowed'],
    ['a..b', 'not allowed'],
    ['-app', 'not allowed'],
    ['app-', 'not allowed'],
    ['app_', 'not allowed'],
    ['äpp', 'not allowed'],
    ['app:', 'tag after ":" is missing'],
    ['app:-x', 'not a tag'],
    ['app:.x', 'not a tag'],
    ['app:ä', 'not a tag'],
    [`app:${'t'.repeat(129)}`, 'more than 128'],
    ['app@', 'not a digest'],
    ['app@sha256', 'not a digest'],
    ['app@md5:0123', 'unsupported digest algorithm'],
    [`app@sha256:${hex.slice(1)}`, 'hex digits'],
    [`app@sha256:${hex.toUpperCase()}`, 'hex digits'],
    [hex, 'id of an image'],
    [`r.io/${'a'.repeat(256)}`, 'more than 255'],
    ['r_x:5000/app', 'not a host'],
    ['-r.io/app', 'not a host'],
    ['r..io/app', 'not a host'],
    ['999.1.1.1/app', 'not a host'],
    ['registry.1/app', 'not a host'],
    ['r.io:/app', 'not a port'],
    ['r.io:0/app', 'not a port'],
    ['r.io:65536/app', 'not a port'],
    ['r.io:x/app', 'not a port'],
    ['[::1/app', 'not a host'],
    ['[non:sense]/app', 'not a host'],
    ['[nonsense]/app', 'not allowed'],
    ['[fe80::1%eth0]/app', 'not a host'],
    ['a:b:c', 'not a'],
  ])('%j is refused: %s', (text, rule) => {
    expect(() => parseReference(text)).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining(rule) }),
    );
  });

  it.each([
    'user@host:secret/app',
    'user:secret@host/app',
    'user:secret@host:5000',
    'user:secret!@host/app',
    'user:Secret/1@host/app',
    'https://user:secret@host/app',
    'secret token@host/app',
  ])('shows nothing of a login: %s', (text) => {
    expect(() => parseReference(text)).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.not.stringMatching(/secret/i) }),
    );
    expect(() => parseRepository(text)).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.not.stringMatching(/secret/i) }),
    );
  });

  it('of a repository has no tag and no digest', () => {
    expect(parseRepository('r.io:5000/app')).toMatchObject({ domain: 'r.io:5000', path: 'app' });
    expect(() => parseRepository('r.io/app:1')).toThrow('it has the tag "1"');
    expect(() => parseRepository(`app@sha256:${hex}`)).toThrow('a digest cannot be published to');
    expect(() => parseRepository('reg:5000')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('name of the image is missing') }),
    );
  });

  it('never fails in another way than by saying so', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom(...'aA0.:/@-_[]% sha256:docker.io/'.split('')) }),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const problem = problemOf(text);
        expect(problem === undefined || problem instanceof PluginError).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('reads the same when it is written as people write it', () => {
    // Ends in no digit: a first part such as 1.2.3 would be a broken IPv4 address.
    const word = fc.stringMatching(/^[a-z0-9]{0,5}[g-w]$/);
    const component = fc
      .array(word, { minLength: 1, maxLength: 3 })
      .chain((words) => fc.constantFrom('.', '_', '__', '-', '---').map((separator) => words.join(separator)));
    const path = fc.array(component, { minLength: 1, maxLength: 4 }).map((components) => components.join('/'));
    const domain = fc.constantFrom('', 'docker.io/', 'localhost/', 'a.b/', 'A:5000/', '[::1]/', '10.0.0.1:80/');
    const tag = fc.constantFrom('', ':1', ':latest', ':A_b.c-d');
    const digest = fc.constantFrom('', `@sha256:${hex}`);
    fc.assert(
      fc.property(domain, path, tag, digest, (...parts) => {
        const reference = parseReference(parts.join(''));
        expect(parseReference(reference.familiar)).toEqual(reference);
      }),
      { numRuns: 1000 },
    );
  });
});
