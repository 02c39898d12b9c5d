// Puts a manifest into repositories under its digest alone. After this the image is complete there, and only tags are
// missing: the digest is the staging name, and nobody sees it before a tag moves.
import { PluginError } from '../base/plugin-error.ts';
import { isHidden, readUntil } from './await-visible.ts';
import { statusOf } from './failure-facts.ts';
import { putManifest, type Repair } from './put-manifest.ts';
import { type Manifest, replicaPatience, type ReplicaPatience, type TagStore } from './target.ts';

/** A registry that takes manifests by tag only. */
const noPutByDigest: ReadonlySet<number> = new Set([404, 405]);

/**
 * PUT by digest. A registry that refuses that kind of PUT is fine: the first tag carries the manifest then.
 *
 * @param repair brings again what the registry has lost of the image; see putManifest
 */
export async function stageManifest(
  repository: TagStore,
  manifest: Manifest,
  signal: AbortSignal,
  repair?: Repair,
): Promise<void> {
  try {
    await putManifest(repository, manifest, { digest: manifest.digest }, signal, repair);
  } catch (error) {
    const isLost = error instanceof PluginError && error.code === 'blob-lost';
    if (isLost || !noPutByDigest.has(statusOf(error) ?? 0)) throw error;
  }
}

/** Throws PluginError exit 7 when a repository does not show a manifest that it has accepted, or shows another one. */
export async function verifyStaged(
  repository: TagStore,
  manifest: Manifest,
  signal: AbortSignal,
  patience: ReplicaPatience = replicaPatience,
): Promise<void> {
  const head = () => repository.headManifest(manifest.digest, signal);
  const seen = await readUntil(head, (answer) => answer !== undefined, patience, signal);
  if (seen?.digest === manifest.digest) return;
  if (seen === undefined && (await isHidden(repository, manifest.digest, signal))) return;
  throw new PluginError({
    code: 'integrity',
    exitCode: 7,
    message: `target ${repository.name} accepted the manifest ${manifest.digest} and then showed ${seen?.digest ?? 'nothing'} for it`,
    hint: 'the registry, or a proxy in front of it, does not keep what it is given; no tag was touched',
  });
}
