import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Challenge, chooseChallenge, parseChallenges } from '../../../src/registry/challenge.ts';

function plain(challenges: readonly Challenge[]) {
  return challenges.map(({ scheme, token68, parameters }) => ({
    scheme,
    ...(token68 === undefined ? {} : { token68 }),
    ...Object.fromEntries(parameters),
  }));
}

describe('challenges', () => {
  it.each<readonly [string, readonly string[], readonly object[]]>([
    ['nothing', [], []],
    ['an empty header', [''], []],
    ['Basic', ['Basic realm="Registry Realm"'], [{ scheme: 'basic', realm: 'Registry Realm' }]],
    [
      'commas within quotes',
      ['Bearer realm="https://auth.r.io/token",service="r.io",scope="repository:a/b:pull,push"'],
      [{ scheme: 'bearer', realm: 'https://auth.r.io/token', service: 'r.io', scope: 'repository:a/b:pull,push' }],
    ],
    [
      'several in one header',
      ['Negotiate, NTLM TlRMTVNT==, Basic realm="x", Bearer realm="y", service=z'],
      [
        { scheme: 'negotiate' },
        { scheme: 'ntlm', token68: 'TlRMTVNT==' },
        { scheme: 'basic', realm: 'x' },
        { scheme: 'bearer', realm: 'y', service: 'z' },
      ],
    ],
    [
      'several headers',
      ['Basic realm="x"', 'Bearer realm="y"'],
      [
        { scheme: 'basic', realm: 'x' },
        { scheme: 'bearer', realm: 'y' },
      ],
    ],
    ['names in capitals', ['BEARER Realm="Y",SERVICE="Z"'], [{ scheme: 'bearer', realm: 'Y', service: 'Z' }]],
    ['escapes', ['Basic realm="a \\"b\\" \\\\ c"'], [{ scheme: 'basic', realm: 'a "b" \\ c' }]],
    ['blanks round =', ['Bearer realm = "y" , service\t=\t"z"'], [{ scheme: 'bearer', realm: 'y', service: 'z' }]],
    ['spare commas', [',, Bearer ,realm="y",,service="z",,'], [{ scheme: 'bearer', realm: 'y', service: 'z' }]],
    [
      'missing quotes',
      ['Bearer realm=https://r.io/token?a=b,service=z'],
      [{ scheme: 'bearer', realm: 'https://r.io/token?a=b', service: 'z' }],
    ],
    ['a quote that does not end', ['Bearer realm="y'], [{ scheme: 'bearer', realm: 'y' }]],
    ['an empty value', ['Bearer realm=""'], [{ scheme: 'bearer', realm: '' }]],
    ['a repeated parameter', ['Bearer realm="y",realm="z"'], [{ scheme: 'bearer', realm: 'y' }]],
    ['parameters without scheme', ['realm="y", Basic'], [{ scheme: 'basic' }]],
    ['rubbish before it', ['(?) Bearer realm="y"'], [{ scheme: 'bearer', realm: 'y' }]],
    ['a scheme alone', ['Bearer'], [{ scheme: 'bearer' }]],
  ])('are read from %s', (_, headers, expected) => {
    expect(plain(parseChallenges(headers))).toEqual(expected);
  });

  it('are answered in this order: Bearer, Basic, nothing else', () => {
    const choose = (header: string) => chooseChallenge(parseChallenges([header]))?.scheme;
    expect(choose('Basic realm="x", Bearer realm="y"')).toBe('bearer');
    expect(choose('Negotiate, Basic realm="x"')).toBe('basic');
    expect(choose('Negotiate, NTLM')).toBeUndefined();
  });

  it('never fail, and always come to an end', () => {
    const headers = fc.array(
      fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'Bearer realm="x",\\= \t/:'.split('')) })),
    );
    fc.assert(
      fc.property(headers, (texts) => {
        const schemes = parseChallenges(texts).map(({ scheme }) => scheme);
        expect(schemes.every((scheme) => scheme !== '' && scheme === scheme.toLowerCase())).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('are read back as they were written', () => {
    const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9!#$%&'*+.^_`|~-]{0,8}$/);
    const parameters = fc.dictionary(
      token.map((name) => name.toLowerCase()),
      fc.string(),
      { maxKeys: 4, noNullPrototype: true },
    );
    const challenge = fc.record({ scheme: token, parameters });
    const quote = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`;
    fc.assert(
      fc.property(fc.array(challenge, { minLength: 1, maxLength: 3 }), (challenges) => {
        const header = challenges
          .map(
            ({ scheme, parameters }) =>
              `${scheme} ${Object.entries(parameters)
                .map(([name, value]) => `${name}=${quote(value)}`)
                .join(', ')}`,
          )
          .join(', ');
        const expected = challenges.map(({ scheme, parameters }) => ({
          scheme: scheme.toLowerCase(),
          parameters: new Map(Object.entries(parameters)),
        }));
        expect(parseChallenges([header])).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
  });
});
