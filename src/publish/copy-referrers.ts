// Brings what refers to an image to the repositories that have the image. Its bytes stay as they are, so signatures hold. What is
// found by its subject is listed by the registry, or in the list that stands for that (see Repository.putManifest); what is
// found by a tag gets the tag. Nothing is taken from a target: what others have put there stays.
import type { Digest } from '../base/digest.ts';
import { parseJson, fieldOf, arrayOf } from '../base/json-fields.ts';
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import { Carrier } from './carrier.ts';
import { waysTo, type Way } from './copy-ways.ts';
import type { FoundReferrer } from './find-referrers.ts';
import type { ImageSource } from './image-source.ts';
import type { TreeNode } from './image-tree.ts';
import { mapAll } from './parallel.ts';
import type { BlobStore, Manifest, Published, ReferrerStore, TagStore } from './target.ts';

const parallelRequests = 6;

type Repository = TagStore & BlobStore & Partial<ReferrerStore>;

export interface CopyReferrersOptions {
  readonly source: ImageSource;
  /** All of them have the image, by its digest. */
  readonly repositories: readonly Repository[];
  /** By distance from the image. */
  readonly levels: readonly (readonly FoundReferrer[])[];
  readonly log: Log;
}

/** Copies. Throws PluginError. @returns what was sent for it */
export async function copyReferrers(
  { source, repositories, levels, log }: CopyReferrersOptions,
  signal: AbortSignal,
): Promise<Pick<Published, 'uploadedBytes' | 'uploadedBlobs'>> {
  const others = repositories.filter(({ name }) => !(source.isMountable && name === source.name));
  const { first, later } = waysTo(others, source.isMountable ? [source.name] : []);
  const total = { uploadedBytes: 0, uploadedBlobs: 0 };
  // A registry may refuse what refers to something that it does not know.
  for (const level of levels) {
    const carrier = new Carrier({ source, nodes: nodesOf(level), onLayer: () => undefined, log });
    for (const ways of [first, later]) {
      await carrier.bringWhole(ways, signal);
      await mapAll(ways, parallelRequests, (way) => makeFindable(way, level, log, signal));
    }
    total.uploadedBytes += carrier.sent.uploadedBytes;
    total.uploadedBlobs += carrier.sent.uploadedBlobs;
  }
  const count = new Set(levels.flat().map(({ manifest }) => manifest.digest)).size;
  for (const { name } of others) log.info(`${name} has ${String(count)} manifests that refer to the image`);
  return total;
}

/** All nodes of a level, each once. */
function nodesOf(level: readonly FoundReferrer[]): readonly TreeNode[] {
  const nodes = level.flatMap((referrer) => referrer.nodes);
  return [...new Map(nodes.map((node) => [node.manifest.digest, node])).values()];
}

async function makeFindable(
  { repository }: Way<Repository>,
  level: readonly FoundReferrer[],
  log: Log,
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
  for (const { tag, manifest } of level) if (tag !== undefined) await setTag(repository, tag, manifest, log, signal);
}

/** Sets a tag of cosign's, unless the target has something of its own under it. */
async function setTag(
  repository: Repository,
  tag: string,
  manifest: Manifest,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const present = await repository.getManifest(tag, signal);
  if (present?.digest === manifest.digest) return;
  if (present !== undefined) {
    if (!holdsAll(present, manifest)) log.warn(keptWords(repository.name, tag, manifest.digest));
    return;
  }
  try {
    await repository.putManifest(manifest, { tag }, signal);
  } catch (error) {
    if (!(error instanceof PluginError && error.code === 'tag-immutable')) throw error;
    log.warn(`${repository.name} does not take the tag ${tag}, by which cosign looks: ${error.message}`);
  }
}

/** Whether a list of signatures has all of another one: this image was promoted before, and then signed once more. */
function holdsAll(present: Manifest, wanted: Manifest): boolean {
  const entries = new Set(layersOf(present).map((layer) => JSON.stringify(layer)));
  return layersOf(wanted).every((layer) => entries.has(JSON.stringify(layer)));
}

function layersOf({ bytes }: Manifest): readonly unknown[] {
  return arrayOf(fieldOf(parseJson(bytes), 'layers'));
}

function keptWords(repository: string, tag: string, digest: Digest): string {
  return (
    `${repository} has others under the tag ${tag}, which stay: those of the source are there as ${digest}, ` +
    `and cosign does not find them`
  );
}
