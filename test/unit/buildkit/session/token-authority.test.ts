import { createHmac, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { deriveTokenAuthority } from '../../../../src/buildkit/session/token-authority.ts';

const salt = Buffer.alloc(32, 7);

describe('deriveTokenAuthority', () => {
  it('takes the HMAC of the identity under the salt for the seed', () => {
    const seed = createHmac('sha256', salt).update('identity').digest();
    const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
    const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
    const signed = deriveTokenAuthority(salt, Buffer.from('identity')).sign(Buffer.from('payload'));
    // Ed25519 signatures are deterministic.
    expect(Buffer.from(signed)).toEqual(
      Buffer.concat([sign(undefined, Buffer.from('payload'), key), Buffer.from('payload')]),
    );
  });

  it('signs so that the public key verifies, with the payload behind the signature', () => {
    const authority = deriveTokenAuthority(salt, Buffer.alloc(0));
    const payload = Buffer.alloc(32, 1);
    const signed = Buffer.from(authority.sign(payload));
    expect(signed).toHaveLength(64 + 32);
    expect(signed.subarray(64)).toEqual(payload);
    const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), authority.publicKey]);
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    expect(verify(undefined, payload, key, signed.subarray(0, 64))).toBe(true);
    expect(verify(undefined, Buffer.alloc(32, 2), key, signed.subarray(0, 64))).toBe(false);
  });

  it('gives other keys for other salts and other identities', () => {
    const keys = [
      deriveTokenAuthority(salt, Buffer.from('a')),
      deriveTokenAuthority(salt, Buffer.from('b')),
      deriveTokenAuthority(Buffer.alloc(32, 8), Buffer.from('a')),
    ].map(({ publicKey }) => Buffer.from(publicKey).toString('hex'));
    expect(new Set(keys).size).toBe(3);
  });
});
