import { describe, expect, it } from 'vitest';
import { checkIgnoreFile } from '../../../src/buildkit/ignore-file.ts';

/** Lines of a given length that differ from each other. */
function patterns(count: number, length: number, ending = ''): string {
  return Array.from(
    { length: count },
    (_, i) => `${String(i).padStart(6, '0')}${'k'.repeat(length - 6)}${ending}`,
  ).join('\n');
}

const tooLarge = expect.objectContaining({ code: 'ignore-file-too-large', exitCode: 2 });

describe('checkIgnoreFile', () => {
  it.each([
    ['an empty file', ''],
    ['2,000 patterns', patterns(2_000, 40)],
    ['2,600 patterns in 130 kB', patterns(2_600, 50)],
    ['any number of comments and empty lines', '# a long comment that nobody counts\n\n   \r\n'.repeat(20_000)],
    ['2,000 patterns with an umlaut', patterns(2_000, 30, 'ü')],
  ])('accepts %s', (_, text) => {
    expect(() => checkIgnoreFile(text)).not.toThrow();
  });

  it.each([
    ['4,000 patterns in 200 kB', patterns(4_000, 50)],
    ['fewer patterns that one umlaut makes the daemon escape', `ü\n${patterns(1_500, 50, '*!/*!/*!/*!/*!/*!/*!/*!/')}`],
    ['one pattern that fills a header', `a\n${'x'.repeat(80_000)}`],
  ])('refuses %s', (_, text) => {
    expect(() => checkIgnoreFile(text)).toThrow(tooLarge);
  });

  it('needs the umlaut for that', () => {
    expect(() => checkIgnoreFile(`u\n${patterns(1_500, 50, '*!/*!/*!/*!/*!/*!/*!/*!/')}`)).not.toThrow();
  });

  it('says how much there is and how much fits, by name', () => {
    expect(() => checkIgnoreFile(patterns(4_000, 50), 'app.Dockerfile.dockerignore')).toThrow(
      /app\.Dockerfile\.dockerignore has 4000 patterns with \d+ bytes .* at most 131072/,
    );
  });
});
