// `verify: full`: walks what a manifest refers to, in every repository that is to show it, before the first tag moves. A
// registry that accepts everything and keeps nothing is found out here at the latest.
import { PluginError } from '../base/plugin-error.ts';
import { readUntil } from './await-visible.ts';
import { type Descriptor, isDistributed, parseManifest } from './manifest.ts';
import { mapAll, parallelRequests } from './parallel.ts';
import { type BlobStore, type Manifest, replicaPatience, type ReplicaPatience, type TagStore } from './target.ts';

/** What is read of a repository. */
export type Content = Pick<TagStore, 'name' | 'getManifest'> & Pick<BlobStore, 'hasBlob'>;

/** Throws PluginError exit 7 when a child, a config or a layer of a manifest is not there. */
export async function verifyContent(
  repository: Content,
  manifest: Manifest,
  signal: AbortSignal,
  patience: ReplicaPatience = replicaPatience,
): Promise<void> {
  const parsed = parseManifest(manifest);
  if (parsed === undefined) return;
  if (parsed.kind === 'index') {
    for (const child of parsed.children) {
      const get = () => repository.getManifest(child.digest, signal);
      const found = await readUntil(get, (answer) => answer !== undefined, patience, signal);
      if (found === undefined) throw missing(repository.name, 'manifest', child);
      await verifyContent(repository, found, signal, patience);
    }
    return;
  }
  const blobs = new Map([parsed.config, ...parsed.layers].filter(isDistributed).map((blob) => [blob.digest, blob]));
  await mapAll([...blobs.values()], parallelRequests, async (blob) => {
    const has = () => repository.hasBlob(blob.digest, signal);
    if (!(await readUntil(has, Boolean, patience, signal))) throw missing(repository.name, 'blob', blob);
  });
}

function missing(repository: string, what: string, { digest }: Descriptor): PluginError {
  return new PluginError({
    code: 'integrity',
    exitCode: 7,
    message: `target ${repository} does not have the ${what} ${digest}, which the image needs`,
    hint: 'the registry, or a proxy in front of it, does not keep what it is given; no tag was touched',
  });
}
