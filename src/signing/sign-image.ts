// Signs a published image in each of its repositories, on request with every image of an index. A repository that cannot be
// signed does not keep the others from it.
import { type Digest, isDigest } from '../base/digest.ts';
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import type { SigningKey } from './signing-key.ts';
import { signDigest, type SigningTarget } from './sign-digest.ts';

export interface SignImageOptions {
  readonly targets: readonly SigningTarget[];
  readonly digest: Digest;
  readonly key: SigningKey;
  readonly annotations: ReadonlyMap<string, string>;
  /** Sign what an index holds too. */
  readonly recursive: boolean;
  readonly log: Log;
}

/** What became of one repository. */
export interface SignOutcome {
  /** `host/path`. */
  readonly repository: string;
  /** The image's own digest. */
  readonly digest: Digest;
  /** Signatures of the images of an index. */
  readonly children: number;
  /** `unchanged`: the key had signed all of it before. */
  readonly outcome: 'added' | 'unchanged' | 'failed';
  /** Why it failed. */
  readonly error?: unknown;
}

/** An index in an index in an index is nobody's; a limit keeps a foreign one from going on for ever. */
const maxImages = 1000;

/** Signs; never throws: failures, also those of a run that was stopped, are in the outcomes. */
export async function signImage(options: SignImageOptions, signal: AbortSignal): Promise<readonly SignOutcome[]> {
  const outcomes: SignOutcome[] = [];
  // One after the other: a few small requests each.
  for (const target of options.targets) outcomes.push(await signRepository(target, options, signal));
  return outcomes;
}

async function signRepository(
  target: SigningTarget,
  { digest, key, annotations, recursive, log }: SignImageOptions,
  signal: AbortSignal,
): Promise<SignOutcome> {
  const { name } = target.repository;
  try {
    const digests = recursive ? await imagesOf(target, digest, signal) : [digest];
    let outcome: 'added' | 'unchanged' = 'unchanged';
    for (const each of digests) {
      const one = await signDigest({ target, digest: each, key, annotations, log }, signal);
      log.info(`${one === 'added' ? 'signed' : 'had been signed before:'} ${name}@${each}`);
      if (one === 'added') outcome = 'added';
    }
    return { repository: name, digest, children: digests.length - 1, outcome };
  } catch (error) {
    return { repository: name, digest, children: 0, outcome: 'failed', error };
  }
}

/** A digest with all that it holds when it is an index, itself first. Attestations are signed as well, as cosign does it. */
async function imagesOf({ repository }: SigningTarget, top: Digest, signal: AbortSignal): Promise<readonly Digest[]> {
  const found = new Set([top]);
  for (const digest of found) {
    const manifest = await repository.getManifest(digest, signal);
    if (manifest === undefined) throw missing(repository.name, digest);
    for (const child of childrenOf(manifest.bytes)) found.add(child);
    if (found.size > maxImages) throw tooMany(repository.name, top);
  }
  return [...found];
}

function childrenOf(bytes: Uint8Array): readonly Digest[] {
  const json: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
  const manifests: unknown = typeof json === 'object' && json !== null && 'manifests' in json ? json.manifests : [];
  const entries: readonly unknown[] = Array.isArray(manifests) ? manifests : [];
  return entries.flatMap((entry) => {
    const digest: unknown = typeof entry === 'object' && entry !== null && 'digest' in entry ? entry.digest : undefined;
    return typeof digest === 'string' && isDigest(digest) ? [digest] : [];
  });
}

function missing(name: string, digest: Digest): PluginError {
  return new PluginError({
    code: 'image-missing',
    exitCode: 4,
    message: `sign ${name}@${digest}: the repository does not have it`,
  });
}

function tooMany(name: string, digest: Digest): PluginError {
  return new PluginError({
    code: 'too-many-images',
    exitCode: 4,
    message: `sign ${name}@${digest}: it holds more than ${String(maxImages)} images`,
    hint: 'leave --recursive out of cosign_params',
  });
}
