// Brings what refers to an image to the repositories that have the image. Its bytes stay as they are, so signatures hold. What is
// found by its subject is listed by the registry, or in the list that stands for that (see Repository.putManifest); what is
// found by a tag gets the tag later, see set-referrer-tags.ts. Nothing is taken from a target: what others have put there stays.
import type { Log } from '../base/log.ts';
import { Carrier } from './carrier.ts';
import { waysTo, type Way } from './copy-ways.ts';
import type { FoundReferrer } from './find-referrers.ts';
import type { ImageSource } from './image-source.ts';
import type { TreeNode } from './image-tree.ts';
import { mapAll, parallelRequests } from './parallel.ts';
import type { ReferrerTag } from './set-referrer-tags.ts';
import type { BlobStore, Published, ReferrerStore, TagStore } from './target.ts';

type Repository = TagStore & BlobStore & Partial<ReferrerStore>;

export interface CopyReferrersOptions {
  readonly source: ImageSource;
  /** All of them have the image, by its digest. */
  readonly repositories: readonly Repository[];
  /** By distance from the image. */
  readonly levels: readonly (readonly FoundReferrer[])[];
  readonly log: Log;
}

/** Copies. Throws PluginError. @returns what was sent for it, and the tags that belong to it */
export async function copyReferrers(
  { source, repositories, levels, log }: CopyReferrersOptions,
  signal: AbortSignal,
): Promise<Pick<Published, 'uploadedBytes' | 'uploadedBlobs'> & { readonly tags: readonly ReferrerTag[] }> {
  const others = repositories.filter(({ name }) => !(source.isMountable && name === source.name));
  const { first, later } = waysTo(others, source.isMountable ? [source.name] : []);
  const total = { uploadedBytes: 0, uploadedBlobs: 0 };
  // A registry may refuse what refers to something that it does not know.
  for (const level of levels) {
    const carrier = new Carrier({ source, nodes: nodesOf(level), onLayer: () => undefined, log });
    for (const ways of [first, later]) {
      await carrier.bringWhole(ways, signal);
      await mapAll(ways, parallelRequests, (way) => makeListed(way, level, signal));
    }
    total.uploadedBytes += carrier.sent.uploadedBytes;
    total.uploadedBlobs += carrier.sent.uploadedBlobs;
  }
  const count = new Set(levels.flat().map(({ manifest }) => manifest.digest)).size;
  for (const { name } of others) log.info(`${name} has ${String(count)} manifests that refer to the image`);
  const tagged = levels.flat().flatMap(({ tag, manifest }) => (tag === undefined ? [] : [{ tag, manifest }]));
  return { ...total, tags: others.flatMap((repository) => tagged.map((each) => ({ repository, ...each }))) };
}

/** All nodes of a level, each once. */
function nodesOf(level: readonly FoundReferrer[]): readonly TreeNode[] {
  const nodes = level.flatMap((referrer) => referrer.nodes);
  return [...new Map(nodes.map((node) => [node.manifest.digest, node])).values()];
}

async function makeListed(
  { repository }: Way<Repository>,
  level: readonly FoundReferrer[],
  signal: AbortSignal,
): Promise<void> {
  const subjects = new Set(level.flatMap(({ subject }) => subject ?? []));
  for (const subject of subjects) {
    const known = (await repository.listReferrers?.(subject, signal)) ?? [];
    const listed = new Set(known.map(({ digest }) => digest));
    const own = level.filter((referrer) => referrer.subject === subject && !listed.has(referrer.manifest.digest));
    // It was there before, and nobody had entered it into the list.
    for (const { manifest } of own) await repository.putManifest(manifest, { digest: manifest.digest }, signal);
  }
}
