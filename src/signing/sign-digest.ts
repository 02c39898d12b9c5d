// Signs one digest in one repository: reads the list of its signatures, adds one, writes it back. A registry has no way to
// write only if nobody else did, so the list is looked at again right before and after the write; a signer who was faster
// is built upon. What remains is the moment between the last look and the write.
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { type Digest, sha256 } from '../base/digest.ts';
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import { signedPayload } from './payload.ts';
import { addSignature, holdsSignature, readSignatureList, type SignatureList, signatureTag } from './signature-list.ts';
import type { Manifest, SignatureStore } from './signature-store.ts';
import type { SigningKey } from './signing-key.ts';

/** A repository, and the name by which signatures claim it. */
export interface SigningTarget {
  readonly address: { readonly domain: string; readonly path: string };
  readonly repository: SignatureStore;
}

export interface SignDigestOptions {
  readonly target: SigningTarget;
  readonly digest: Digest;
  readonly key: SigningKey;
  readonly annotations: ReadonlyMap<string, string>;
  readonly log: Log;
  /** How long a write of ours may stay unseen on a replica. */
  readonly waitMs?: number;
}

/** The last one only looks. As many signers at the same moment are built upon; more of them is a fault. */
const maxRounds = 6;
const replicaWaitMs = 1000;
const maxConfigBytes = 4 * 1024 * 1024;

/** `unchanged`: this key had signed these very bytes. Throws PluginError, or the signal's reason. */
export async function signDigest(options: SignDigestOptions, signal: AbortSignal): Promise<'added' | 'unchanged'> {
  const { target, digest, key, annotations, log } = options;
  const { repository } = target;
  const tag = signatureTag(digest);
  const payload = signedPayload({ repository: target.address, digest, annotations });
  const signature = key.sign(payload);
  let replaced: Digest | undefined;
  let hasWritten = false;
  for (let round = 1; round <= maxRounds; round++) {
    const before = await repository.getManifest(tag, signal);
    const list = checkList(before, repository, tag);
    if (holdsSignature(list, payload, key)) return hasWritten ? 'added' : 'unchanged';
    if (round === maxRounds) break;
    if (hasWritten) {
      log.debug(`${repository.name}:${tag} does not show the signature that was written; it is written again`);
      // The very list that was replaced: a replica that lags behind.
      if (before?.digest === replaced) await delay(options.waitMs ?? replicaWaitMs, undefined, { signal });
    }
    const next = addSignature(list, await readConfig(repository, list, signal), payload, signature);
    await putBlobs(repository, [payload, next.config], signal);
    const now = await repository.headManifest(tag, signal);
    if (now !== undefined && now.digest !== before?.digest) continue;
    await repository.putManifest(next.manifest, { tag }, signal);
    replaced = before?.digest;
    hasWritten = true;
  }
  throw new PluginError({
    code: 'signature-not-kept',
    exitCode: 4,
    message: `sign ${repository.name}@${digest}: ${repository.name}:${tag} was written, and shows other signatures only`,
    hint: 'let one step at a time sign this image',
  });
}

function checkList(manifest: Manifest | undefined, { name }: SignatureStore, tag: string): SignatureList {
  const list = readSignatureList(manifest);
  if (list !== undefined) return list;
  throw new PluginError({
    code: 'signatures-unreadable',
    exitCode: 4,
    message: `read the signatures at ${name}:${tag}: it holds something else`,
    hint: 'remove that tag from the registry',
  });
}

/** What others wrote in it is nothing that a signature depends on. */
async function readConfig(
  repository: SignatureStore,
  { config }: SignatureList,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  if (config.digest === undefined) return undefined;
  try {
    return await repository.readBlob(config.digest, maxConfigBytes, signal);
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

async function putBlobs(repository: SignatureStore, blobs: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
  for (const bytes of blobs) {
    const open = (): Readable => Readable.from([bytes], { objectMode: false });
    await repository.ensureBlob({ digest: sha256(bytes), sizeBytes: bytes.length, open }, signal);
  }
}
