// A publisher for tests against a real registry: an image made of bytes, read as from a daemon, and the requests of one step,
// from the question for permission to the last look at the tags.
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import type { Digest } from '../../../src/base/digest.ts';
import type { ImageReader } from '../../../src/publish/collect-image.ts';
import { checkPushAccess } from '../../../src/publish/check-push-access.ts';
import type { Published } from '../../../src/publish/target.ts';
import { uploadImage, type UploadImageOptions } from '../../../src/publish/upload-image.ts';
import type { RegistryOptions } from '../../../src/registry/registry-client.ts';
import { makeClient } from '../../support/registry-client.ts';

export interface TestImage {
  readonly image: UploadImageOptions['image'];
  readonly reader: ImageReader;
  /** Layers and config. */
  readonly blobs: number;
}

/** An image of these layers; equal layers make equal images. */
export function imageOf(...layers: readonly (string | Uint8Array)[]): TestImage {
  const contents = layers.map((layer) => Buffer.from(layer));
  const diffIds = contents.map(digestOf);
  const config = Buffer.from(
    JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: diffIds } }),
  );
  const read: ImageReader['read'] = async (signal, visit) => {
    for (const bytes of [config, ...contents]) {
      signal.throwIfAborted();
      const content = (async function* () {
        yield bytes;
      })();
      const wish = await visit({ kind: 'blob', claimed: digestOf(bytes), sizeBytes: bytes.length, content });
      if (wish === 'stop') return;
    }
  };
  const id = digestOf(config);
  return {
    image: { id, diffIds, os: 'linux', architecture: 'amd64', sizeBytes: 0 },
    reader: { what: 'the image of the test', read },
    blobs: new Set(diffIds).size + 1,
  };
}

export interface TestStep extends TestImage {
  /** `host/path` */
  readonly repositories: readonly string[];
  readonly tags: readonly string[];
  readonly options?: Partial<UploadImageOptions>;
  readonly client?: Partial<RegistryOptions>;
}

/** What one step of a pipeline does with registries. */
export async function publish({ image, reader, repositories, tags, options, client }: TestStep): Promise<Published> {
  const made = makeClient(client);
  const log = { info: () => undefined, warn: () => undefined, debug: () => undefined };
  const targets = repositories.map((name) => ({ repository: made.target(name), tags }));
  const signal = new AbortController().signal;
  try {
    await checkPushAccess(targets, signal);
    return await uploadImage(
      {
        image,
        reader,
        targets,
        temporaryDirectory: tmpdir(),
        log,
        onLayer: () => undefined,
        parallelism: 2,
        patience: { tries: 2, waitMs: 10 },
        ...options,
      },
      signal,
    );
  } finally {
    await Promise.all(targets.map(({ repository }) => repository.abandonUploads()));
    await made.client.close();
  }
}

export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
