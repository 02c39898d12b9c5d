import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GlobSyntaxError } from '../../../../src/buildkit/fsutil/glob.ts';
import { PatternList } from '../../../../src/buildkit/fsutil/patterns.ts';
import { ReferenceMatcher } from './reference-matcher.ts';

/** Matches a path by going down to it, as the walk does. */
function matchesFromRoot(list: PatternList, path: string): boolean {
  const names = path.split('/');
  let groups: readonly number[] = [];
  let isMatch = false;
  for (let depth = 1; depth <= names.length; depth++) {
    ({ isMatch, groups } = list.match(names.slice(0, depth).join('/'), groups));
  }
  return isMatch;
}

interface Rule {
  readonly patterns: readonly string[];
  readonly matches?: readonly string[];
  readonly differs?: readonly string[];
}

const rules: Readonly<Record<string, Rule>> = {
  'a plain path stands for itself and what is below': {
    patterns: ['foo/bar'],
    matches: ['foo/bar', 'foo/bar/x', 'foo/bar/x/y'],
    differs: ['foo', 'foo/barn', 'x/foo/bar', 'foobar'],
  },
  'a path is cleaned before it is used': {
    patterns: ['  ./a//b/../c/ '],
    matches: ['a/c', 'a/c/d'],
    differs: ['a/b', 'a'],
  },
  'blank patterns are skipped': { patterns: ['', '  ', '\t'], differs: ['a', ' '] },
  'the root as a pattern matches nothing': { patterns: ['.', '/'], differs: ['a', 'a/b'] },
  'a leading slash is kept and matches nothing': { patterns: ['/a'], differs: ['a'] },
  'a star stays within a name': {
    patterns: ['*.log'],
    matches: ['a.log', '.log', 'a.b.log', 'a.log/x'],
    differs: ['d/a.log', 'a.logs'],
  },
  'a star in the middle may stand for nothing': { patterns: ['a*c'], matches: ['ac', 'abbc'], differs: ['a/c', 'acx'] },
  'several stars are tried in all ways': {
    patterns: ['a*b*c'],
    matches: ['abc', 'abbbc', 'axbxbc'],
    differs: ['ab', 'abcd', 'ab/c'],
  },
  'a question mark is one character and no slash': {
    patterns: ['a?c'],
    matches: ['abc', 'aéc', 'a\u{1f600}c'],
    differs: ['ac', 'a/c', 'abbc'],
  },
  'two stars in front of a name find it at any depth, the root included': {
    patterns: ['**/foo'],
    matches: ['foo', 'a/foo', 'a/b/foo', 'a/foo/x'],
    differs: ['afoo', 'a/foox', 'a/xfoo'],
  },
  'two stars glued to a name match any path that ends like it': {
    patterns: ['**foo'],
    matches: ['foo', 'xfoo', 'a/xfoo'],
    differs: ['foox', 'fo'],
  },
  'two stars glued to a wildcard name match whole names only': {
    patterns: ['**foo*'],
    matches: ['foo', 'foox', 'a/foox'],
    differs: ['xfoo', 'a/xfoo'],
  },
  'two stars and an extension': {
    patterns: ['**/*.js'],
    matches: ['a.js', 'x/a.js', 'x/y/.js'],
    differs: ['a.jsx', 'js'],
  },
  'two stars at the end match what is below, not the folder': {
    patterns: ['foo/**'],
    matches: ['foo/a', 'foo/a/b'],
    differs: ['foo', 'foox', 'foox/a'],
  },
  'two stars glued to the end match any path that starts so': {
    patterns: ['foo**'],
    matches: ['foo', 'foox', 'foo/a', 'foox/a'],
    differs: ['fo', 'xfoo'],
  },
  'two stars at the end after a wildcard': {
    patterns: ['a*/**'],
    matches: ['a/x', 'ab/x/y'],
    differs: ['a', 'ab', 'b/x'],
  },
  'two stars in the middle match any number of folders, also none': {
    patterns: ['a/**/b'],
    matches: ['a/b', 'a/x/b', 'a/x/y/b', 'a/x/b/z'],
    differs: ['ab', 'a/xb', 'x/a/b'],
  },
  'two stars alone match everything': { patterns: ['**'], matches: ['a', 'a/b', '.a'] },
  'two stars twice match everything': { patterns: ['**/**'], matches: ['a', 'a/b/c'] },
  'three stars match everything': { patterns: ['***'], matches: ['a', 'a/b/c'] },
  'two stars before and behind': { patterns: ['**/a/**'], matches: ['a/x', 'b/a/x'], differs: ['a', 'b/a', 'ba/x'] },
  'two stars with a dot in the name keep the dot a dot': {
    patterns: ['**/a.b'],
    matches: ['x/a.b'],
    differs: ['x/acb'],
  },
  'a class is one of its characters': {
    patterns: ['[a-cx]1'],
    matches: ['a1', 'b1', 'x1'],
    differs: ['d1', 'ab1', '1'],
  },
  'a class with ^ is any other character, the slash too': {
    patterns: ['x[^a]y'],
    matches: ['xby', 'x/y'],
    differs: ['xay'],
  },
  'a class with ! is no negation': { patterns: ['[!a]'], matches: ['!', 'a'], differs: ['b'] },
  'a class may hold an escaped bracket': { patterns: [String.raw`[\]]a`], matches: [']a'], differs: ['a'] },
  'a class may hold a range beyond the basic plane': {
    patterns: ['[\u{1f600}-\u{1f64f}]'],
    matches: ['\u{1f601}'],
    differs: ['a'],
  },
  'a star between brackets is a star': { patterns: ['[*]a'], matches: ['*a'], differs: ['xa', 'a'] },
  'a closing bracket alone is itself': { patterns: ['a]*'], matches: ['a]', 'a]b'], differs: ['a'] },
  'an escaped star is a star': { patterns: [String.raw`a\*`], matches: ['a*'], differs: ['ab', String.raw`a\*`] },
  'an escaped letter is that letter': { patterns: [String.raw`\a\.b`], matches: ['a.b'], differs: ['axb'] },
  'characters of regular expressions are themselves': {
    patterns: ['a.+(b){1}$|*'],
    matches: ['a.+(b){1}$|', 'a.+(b){1}$|x'],
    differs: ['aa+b', 'axx(b)'],
  },
  'a caret in a plain path is itself': { patterns: ['a^b'], matches: ['a^b'], differs: ['ab'] },
  'a caret beside a wildcard is an anchor, as in Docker': { patterns: ['a^b*'], differs: ['a^b', 'a^bc', 'ab'] },
  'a caret at the very start of a wildcard pattern is without effect, as in Docker': {
    patterns: ['^a*'],
    matches: ['a', 'ab'],
    differs: ['^a', '^ab'],
  },
  'letters of any script match': {
    patterns: ['données/*.été'],
    matches: ['données/a.été'],
    differs: ['donnees/a.été'],
  },
  'composed and decomposed letters are different': { patterns: ['\u00e9'], matches: ['\u00e9'], differs: ['e\u0301'] },
  'a line end is no wall for a star, but for two': {
    patterns: ['a*z', 'b/**/z'],
    matches: ['a\nz', 'b/x/z'],
    differs: ['b/\n/z'],
  },
  'an exception takes out what was matched before': {
    patterns: ['*.md', '!README.md'],
    matches: ['a.md'],
    differs: ['README.md'],
  },
  'the last word counts': {
    patterns: ['*.md', '!README*.md', 'README-x.md'],
    matches: ['a.md', 'README-x.md'],
    differs: ['README.md'],
  },
  'an exception before the rule has no effect': { patterns: ['!a', 'a'], matches: ['a'] },
  'an exception works below a matched folder': {
    patterns: ['dir', '!dir/keep'],
    matches: ['dir', 'dir/x', 'dir/keeper'],
    differs: ['dir/keep', 'dir/keep/x'],
  },
  'an exception with wildcards works below a matched folder': {
    patterns: ['dir', '!*/keep', '!**/also.txt'],
    matches: ['dir', 'dir/x'],
    differs: ['dir/keep', 'dir/a/b/also.txt'],
  },
  'a rule inside an exception works again': {
    patterns: ['dir', '!dir/a', 'dir/a/b'],
    matches: ['dir/x', 'dir/a/b', 'dir/a/b/c'],
    differs: ['dir/a', 'dir/a/x'],
  },
  'a folder that is not matched does not keep its content from being matched': {
    patterns: ['**/x', '!a', '**/y'],
    matches: ['a/y', 'x', 'b/x', 'a/b/y'],
    differs: ['a'],
  },
  'a rule that was skipped for the folder may match the child': {
    patterns: ['a', '!a/b', 'a/b/c'],
    matches: ['a', 'a/b/c', 'a/b/c/d'],
    differs: ['a/b', 'a/b/d'],
  },
  'everything but one folder': { patterns: ['*', '!src'], matches: ['a', 'b/c'], differs: ['src', 'src/a/b'] },
  'everything at any depth but one kind': {
    patterns: ['**', '!**/*.go'],
    matches: ['a', 'a/b'],
    differs: ['x.go', 'a/x.go'],
  },
  'an exception is cleaned together with its mark': { patterns: ['a', '!x/../a'], matches: ['a'] },
};

describe('a pattern list', () => {
  it.each(Object.entries(rules))('%s', (_, { patterns, matches = [], differs = [] }) => {
    const list = new PatternList(patterns);
    expect(matches.filter((path) => !matchesFromRoot(list, path))).toEqual([]);
    expect(differs.filter((path) => matchesFromRoot(list, path))).toEqual([]);
  });

  it.each([
    ['a[', 'the pattern "a[" has a [ without its ]'],
    ['a[b', 'the pattern "a[b" has a [ without its ]'],
    ['a[]', 'the pattern "a[]" has a misplaced "]" between [ and ]'],
    ['[-a]', 'the pattern "[-a]" has a misplaced "-" between [ and ]'],
    ['[a-]', 'the pattern "[a-]" has a misplaced "]" between [ and ]'],
    ['[b-a]', 'the pattern "[b-a]" has a range between [ and ] that runs backwards'],
    ['[^]', 'the pattern "[^]" has a misplaced "]" between [ and ]'],
    ['a\\', 'the pattern "a\\" ends in a lone backslash'],
    ['!', 'the pattern "!" excludes nothing'],
  ])('refuses %s and names it', (pattern, message) => {
    expect(() => new PatternList(['ok', pattern])).toThrow(new GlobSyntaxError(message));
  });

  it('agrees with the plain rules on any patterns and paths', () => {
    const name = fc.stringMatching(/^[ab.]{1,2}$/).filter((text) => text !== '.' && text !== '..');
    const part = fc.oneof(
      name,
      fc.constantFrom('*', '**', '?', '[ab]', '[^a]', 'a*', '*b', '**a', 'a**', '\\a', '^a', 'a^*', '*a*', '?*b'),
    );
    const pattern = fc
      .tuple(fc.boolean(), fc.array(part, { minLength: 1, maxLength: 4 }))
      .map(([isException, parts]) => `${isException ? '!' : ''}${parts.join('/')}`);
    const path = fc.array(name, { minLength: 1, maxLength: 5 }).map((names) => names.join('/'));
    const check = (lines: readonly string[], paths: readonly string[]): void => {
      const list = new PatternList(lines);
      const reference = new ReferenceMatcher(lines);
      for (const each of paths) expect([each, matchesFromRoot(list, each)]).toEqual([each, reference.matches(each)]);
    };
    const paths = fc.array(path, { minLength: 1, maxLength: 20 });
    fc.assert(fc.property(fc.array(pattern, { maxLength: 8 }), paths, check), { numRuns: 1500 });
    // Long lists take the way through the index, where patterns are found by pieces of their text.
    const word = fc.constantFrom('alpha', 'alphabet', 'beta', 'be', 'x', 'a.tmp', 'b.tmp.gz');
    const wild = fc.constantFrom('*.tmp', '*bet*', 'al*', '*', '**', 'b?ta', '[ab]*', '*.gz', '**pha', 'a**');
    const longPattern = fc
      .tuple(fc.boolean(), fc.array(fc.oneof(word, wild), { minLength: 1, maxLength: 3 }))
      .map(([isException, parts]) => `${isException ? '!' : ''}${parts.join('/')}`);
    const longPath = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join('/'));
    const longPaths = fc.array(longPath, { minLength: 1, maxLength: 20 });
    fc.assert(fc.property(fc.array(longPattern, { minLength: 20, maxLength: 40 }), longPaths, check), { numRuns: 300 });
    fc.assert(fc.property(fc.array(pattern, { minLength: 30, maxLength: 60 }), paths, check), { numRuns: 300 });
  });

  it('matches 10,000 paths against 10,000 patterns of all kinds without trying each on each', () => {
    const patterns = Array.from({ length: 10_000 }, (_, at) => {
      const kinds = [`dir${at}/x`, `**/mod${at}*.tmp`, `*.ext${at}`, `a${at}/**/b?.o`, `!**/name${at}`];
      return kinds[at % kinds.length] ?? '';
    });
    const list = new PatternList(patterns);
    const matched = Array.from({ length: 10_000 }, (_, at) => `src/lib${at % 100}/mod${at}-file.tmp`).filter(
      (path) => list.match(path).isMatch,
    );
    expect(matched).toContain('src/lib1/mod1-file.tmp');
    expect(matched).not.toContain('src/lib0/mod0-file.tmp'.replace('.tmp', '.js'));
  });

  it('is not kept busy by stars that could match in countless ways', () => {
    const list = new PatternList([`${'a*'.repeat(40)}b`, `${'**/a/'.repeat(30)}b`, `**/${'*a'.repeat(60)}b`]);
    const path = `${'a/'.repeat(60)}${'a'.repeat(1500)}`;
    expect(list.match(path).isMatch).toBe(false);
    expect(list.match(`${path}b`).isMatch).toBe(true);
  });
});
