import { describe, expect, it } from 'vitest';
import { Redactor } from '../../../src/base/redact.ts';

const secret = 'p+ss/w"rd&1 ü';

describe('Redactor', () => {
  it.each([
    ['as it is', secret],
    ['as base64', Buffer.from(secret).toString('base64')],
    ['as base64url', Buffer.from(secret).toString('base64url')],
    ['percent-encoded', encodeURIComponent(secret)],
    ['inside JSON', JSON.stringify({ password: secret })],
  ])('masks a secret %s', (_, text) => {
    const redactor = new Redactor();
    redactor.register(secret);
    const shown = redactor.redact(`before ${text} after`);
    expect(shown).toContain('********');
    expect(shown).toMatch(/^before .* after$/);
    expect(shown).not.toContain(secret);
    expect(shown).not.toContain(Buffer.from(secret).toString('base64').slice(0, 10));
  });

  it.each(['r', 'ro', 'rob', 'robot'])('masks a password inside the Basic header of user %s', (user) => {
    const redactor = new Redactor();
    redactor.register('hunter22-and-more');
    const header = Buffer.from(`${user}:hunter22-and-more`).toString('base64');
    const shown = redactor.redact(`Authorization: Basic ${header}`);
    expect(shown).toContain('********');
    expect(Buffer.from(shown.slice('Authorization: Basic '.length), 'base64').toString()).not.toContain('hunter');
    expect(shown).not.toContain(header.slice(8, 20));
  });

  it('masks each line of a secret with several lines', () => {
    const redactor = new Redactor();
    redactor.register('-----BEGIN KEY-----\nabcdefgh\nijklmnop\n-----END KEY-----\n');
    expect(redactor.redact('the line ijklmnop of a key')).toBe('the line ******** of a key');
  });

  it('masks the longest form first, so that no half of a secret stays', () => {
    const redactor = new Redactor();
    redactor.register('abcd');
    redactor.register('abcdefgh');
    expect(redactor.redact('x abcdefgh y')).toBe('x ******** y');
  });

  it('masks the lines of a secret also with other white space around them', () => {
    const redactor = new Redactor();
    redactor.register('{\r\n    "token": "abcdefgh"\r\n}');
    expect(redactor.redact('{ "token": "abcdefgh" }')).toBe('{ ******** }');
  });

  it('masks secrets that overlap as one', () => {
    const redactor = new Redactor();
    redactor.register('abcdefgh');
    redactor.register('efghijkl');
    expect(redactor.redact('x abcdefghijkl y')).toBe('x ******** y');
  });

  it('masks the start of a secret where a text was cut', () => {
    const redactor = new Redactor();
    redactor.register('abcdefghijkl');
    expect(redactor.redact('login with abcdefgh...')).toBe('login with ********...');
    expect(redactor.redact('login with abcdefgh [7 more characters]')).toBe('login with ******** [7 more characters]');
    expect(redactor.redact('loading... abcdefgh is a word')).toBe('loading... abcdefgh is a word');
  });

  it('masks a secret with control characters as it is shown, without them', () => {
    const redactor = new Redactor();
    redactor.register('pass\x07word');
    expect(redactor.redact('it is password')).toBe('it is ********');
  });

  it('takes a secret of the size that BuildKit takes', () => {
    const redactor = new Redactor();
    const lines = Array.from({ length: 8_000 }, (_, line) => `line ${line} ${'x'.repeat(50)}`);
    redactor.register(lines.join('\n'));
    expect(redactor.redact(`tail of a log: ${lines[7_777]}.`)).toBe('tail of a log: ********.');
  });

  it('says that a value is too short to be masked', () => {
    const redactor = new Redactor();
    expect(redactor.register('abc')).toBe(false);
    expect(redactor.redact('abc')).toBe('abc');
  });

  it('leaves text without secrets alone', () => {
    expect(new Redactor().redact('nothing here')).toBe('nothing here');
  });
});
