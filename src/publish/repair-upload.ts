// A registry may lose blobs between their upload and the manifest: a clean-up finds them unused. What a repository lacks is
// then read and packed once more, which gives the same bytes, since nothing of an upload is kept until the end.
import type { Digest } from '../base/digest.ts';
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import type { ImageFacts } from '../engine/inspect-image.ts';
import { collectImage, type ImageReader } from './collect-image.ts';
import type { ImageFormat } from './image-format.ts';
import type { KnownBlob } from './known-layers.ts';
import { mapAll, parallelRequests } from './parallel.ts';
import { PartUploads } from './part-uploads.ts';
import type { Repair } from './put-manifest.ts';
import type { BlobStore, TagStore } from './target.ts';
import { withTemporaryFolder } from './temporary-folder.ts';
import type { LocalBlob, UploadTally } from './upload-blob.ts';

export interface RepairSource {
  readonly image: ImageFacts;
  readonly reader: ImageReader;
  readonly format: ImageFormat;
  readonly parallelism: number;
  readonly temporaryDirectory: string;
  readonly repositories: readonly (TagStore & BlobStore)[];
  /** All that the manifest refers to: layers by diffID, the config by its own digest. */
  readonly blobs: ReadonlyMap<Digest, KnownBlob>;
  readonly tally: UploadTally;
  readonly log: Log;
}

/**
 * Brings again what a repository lacks, by its own word the first time; the second time everything, since a registry may
 * remember blobs that it has lost. It throws PluginError `blob-lost` for a layer that only another client could pack.
 */
export function repairUpload(source: RepairSource): Repair {
  const asked = new Set<string>();
  const running = new Map<string, Promise<void>>();
  return async ({ name }, _, signal) => {
    const repository = source.repositories.find((candidate) => candidate.name === name);
    if (repository === undefined) return;
    // Several tags of a repository may find out at the same time.
    const believe = !asked.has(name);
    const bringing =
      running.get(name) ?? bringLost(repository, source, believe, signal).finally(() => running.delete(name));
    running.set(name, bringing);
    asked.add(name);
    await bringing;
  };
}

async function bringLost(
  repository: TagStore & BlobStore,
  source: RepairSource,
  believe: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { blobs, log, tally, temporaryDirectory } = source;
  const entries = [...blobs];
  const present = await mapAll(
    entries,
    parallelRequests,
    async ([, { digest }]) => believe && (await repository.hasBlob(digest, signal)),
  );
  const known = new Map(entries.filter((_, position) => present[position]));
  const lost = new Set(entries.flatMap(([key, { digest }]) => (known.has(key) ? [] : [digest])));
  if (lost.size === 0) return;
  log.warn(`${repository.name} has lost ${String(lost.size)} of the blobs of the image; they are uploaded again`);
  await withTemporaryFolder(temporaryDirectory, log, async (folder) => {
    const uploads = new PartUploads({ repositories: [repository], tally, keepFiles: false }, signal);
    const onPart = (part: LocalBlob, discard: () => Promise<void>): void => {
      if (!lost.has(part.digest)) throw packedByAnother(repository.name, part.position);
      uploads.start({ ...part, isLost: true }, discard);
    };
    try {
      await collectImage({ ...source, known, folder, onPart }, uploads.signal);
      await uploads.finish();
    } finally {
      await uploads.end();
    }
  });
}

function packedByAnother(repository: string, position: number): PluginError {
  return new PluginError({
    code: 'blob-lost',
    exitCode: 4,
    message: `${repository} has lost layer ${String(position)} of the image, which was there a moment ago and which another client had packed`,
    hint: 'run the step again: the layer is packed anew then',
  });
}
