// The key with which a session proves to the daemon that a cached registry token is its own. Derived from the daemon's
// salt and a secret of this run, so that no other tenant of the daemon can claim our tokens. Ed25519, RFC 8032; the
// signature is followed by the payload, as NaCl's sign does.
import { createHmac, createPrivateKey, createPublicKey, sign } from 'node:crypto';

/** Everything of a PKCS#8 Ed25519 private key but its 32-byte seed (RFC 8410, section 7). */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const publicKeyBytes = 32;

export interface TokenAuthority {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The 64-byte signature followed by the payload. */
  sign(payload: Uint8Array): Uint8Array;
}

/** @param identity differs per credentials; empty for anonymous access, whose tokens are anybody's */
export function deriveTokenAuthority(salt: Uint8Array, identity: Uint8Array): TokenAuthority {
  const seed = createHmac('sha256', salt).update(identity).digest();
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-publicKeyBytes);
  return {
    publicKey,
    sign: (payload) => Buffer.concat([sign(undefined, payload, key), payload]),
  };
}
