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

  it('masks a login as it stands in a Basic header', () => {
    const redactor = new Redactor();
    redactor.registerLogin('robot', 'hunter22');
    expect(redactor.redact(`Authorization: Basic ${Buffer.from('robot:hunter22').toString('base64')}`)).toBe(
      'Authorization: Basic ********',
    );
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

  it('says that a value is too short to be masked', () => {
    const redactor = new Redactor();
    expect(redactor.register('abc')).toBe(false);
    expect(redactor.redact('abc')).toBe('abc');
  });

  it('leaves text without secrets alone', () => {
    expect(new Redactor().redact('nothing here')).toBe('nothing here');
  });
});
