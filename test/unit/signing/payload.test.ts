// The bytes that are signed, compared with what cosign 2.5.0 wrote for the same claims.
import { describe, expect, it } from 'vitest';
import { signedPayload } from '../../../src/signing/payload.ts';

const digest = 'sha256:09ade42fe3e69018a3360bb092265af902f9e7d6013146cf152c82ac3a944707';
const repository = { domain: '127.0.0.1:45671', path: 'app' };
const payload = (annotations: readonly (readonly [string, string])[], where = repository): string =>
  signedPayload({ repository: where, digest, annotations: new Map(annotations) }).toString('utf8');

const critical = (name: string): string =>
  `"critical":{"identity":{"docker-reference":"${name}"},"image":{"docker-manifest-digest":"${digest}"},"type":"cosign container image signature"}`;

describe('the signed document', () => {
  it('is what cosign writes without annotations', () => {
    expect(payload([])).toBe(`{${critical('127.0.0.1:45671/app')},"optional":null}`);
  });

  it('has annotations in the order of their bytes, escaped as Go does it', () => {
    const annotations = [
      ['b', 'x<y>&z'],
      ['a', 'é'],
      ['c', '2'],
    ] as const;
    expect(payload(annotations)).toBe(
      `{${critical('127.0.0.1:45671/app')},"optional":{"a":"é","b":"x\\u003cy\\u003e\\u0026z","c":"2"}}`,
    );
  });

  it('keeps that order for keys that are numbers, and for characters beyond the first plane', () => {
    const annotations = [
      ['\u{1f600}', '4'],
      ['\u{ff5e}', '3'],
      ['b', '2'],
      ['10', '1'],
    ] as const;
    expect(payload(annotations)).toContain('"optional":{"10":"1","b":"2","\u{ff5e}":"3","\u{1f600}":"4"}');
  });

  it('calls Docker Hub by the name that cosign uses', () => {
    expect(payload([], { domain: 'docker.io', path: 'library/app' })).toContain('"index.docker.io/library/app"');
  });
});
