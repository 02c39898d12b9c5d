// What of an image is searched for secrets, and what is said about one.
import { describe, expect, it } from 'vitest';
import { Redactor } from '../../../src/base/redact.ts';
import { sha256, type Digest } from '../../../src/base/digest.ts';
import { mediaTypes } from '../../../src/publish/manifest.ts';
import { scanImage } from '../../../src/publish/scan-image.ts';
import type { Manifest } from '../../../src/publish/target.ts';

const secret = 'canary-of-a-secret';
const redactor = new Redactor();
redactor.register(secret);

function imageOf(config: unknown): { readonly manifest: Manifest; readonly blobs: ReadonlyMap<Digest, Uint8Array> } {
  const bytes = Buffer.from(JSON.stringify(config));
  const digest = sha256(bytes);
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: bytes.length },
    layers: [],
  });
  const manifest = { mediaType: mediaTypes.ociManifest, digest: sha256(Buffer.from(text)), bytes: Buffer.from(text) };
  return { manifest, blobs: new Map([[digest, bytes]]) };
}

async function scan(config: unknown, mode: 'fail' | 'warn' = 'fail'): Promise<readonly string[]> {
  const { manifest, blobs } = imageOf(config);
  const warnings: string[] = [];
  const content = {
    getManifest: () => Promise.resolve(undefined),
    readBlob: (digest: Digest) => Promise.resolve(blobs.get(digest) ?? new Uint8Array()),
  };
  const log = { info: () => undefined, warn: (line: string) => void warnings.push(line), debug: () => undefined };
  const holdsSecret = redactor.holdsSecret.bind(redactor);
  await scanImage(manifest, { content, holdsSecret, mode, log }, new AbortController().signal);
  return warnings;
}

describe('scanning an image', () => {
  it.each([
    ['a variable', { config: { Env: ['PATH=/bin', `TOKEN=${secret}`] } }, 'variable TOKEN'],
    ['a label', { config: { Labels: { 'made.by': `x ${secret} y` } } }, 'label made.by'],
    ['the history', { history: [{}, { created_by: `RUN |1 T=${secret} /bin/sh -c make` }] }, 'history of step 2'],
    ['a command', { config: { Cmd: ['/bin/sh', '-c', `login ${secret}`] } }, 'Cmd'],
    ['base64', { config: { Env: [`AUTH=${Buffer.from(`user:${secret}`).toString('base64')}`] } }, 'variable AUTH'],
  ])('finds a secret in %s, names the place and shows no value', async (_, config, place) => {
    const failure: unknown = await scan(config).catch((error: unknown) => error);
    expect(failure).toMatchObject({ exitCode: 7, code: 'secret-in-image' });
    expect(String(failure)).toContain(place);
    expect(String(failure)).not.toContain(secret);
    expect(await scan(config, 'warn')).toEqual([expect.stringContaining(place)]);
  });

  it('finds nothing in an image that is clean', async () => {
    expect(await scan({ config: { Env: ['PATH=/bin'], Labels: {} }, history: [{ created_by: 'RUN make' }] })).toEqual(
      [],
    );
  });
});

describe('what counts as a secret in a text', () => {
  it.each([
    ['a short value', 'abcd', 'xx abcd yy', false],
    ['a value of six characters', 'abcdef', 'xx abcdef yy', true],
    ['a short line of a file', 'always=yes\n_authToken=0123456789abcdef', 'always=yes', false],
    ['a long line of a file', 'always=yes\n_authToken=0123456789abcdef', 'x _authToken=0123456789abcdef', true],
    [
      'the frame of a key',
      '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n',
      '-----BEGIN PRIVATE KEY-----',
      false,
    ],
  ])('%s', (_, value, text, expected) => {
    const own = new Redactor();
    own.register(value);
    expect(own.holdsSecret(text)).toBe(expected);
  });
});
