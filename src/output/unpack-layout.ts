// Takes an image layout that comes as a tar (BuildKit's oci exporter) apart into a folder. Only the names that a layout
// has are taken, blobs only when their bytes are what the name says.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { PluginError } from '../base/plugin-error.ts';
import type { ImageSink } from './image-sink.ts';

const blobNames = /^blobs\/sha256\/([0-9a-f]{64})$/;
const documentNames: ReadonlySet<string> = new Set(['oci-layout', 'index.json']);

/** Unpacks to the end. Throws PluginError (exit 7) for a tar that holds something else, or the disk's error. */
export async function unpackLayout(tar: AsyncIterable<Uint8Array>, sink: ImageSink): Promise<void> {
  const unpacking = extract();
  const fed = pipeline(Readable.from(tar, { objectMode: false }), unpacking).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  try {
    for await (const entry of unpacking) {
      const { name, type, size } = entry.header;
      const hex = blobNames.exec(name)?.[1];
      if (type === 'file' && hex !== undefined) await sink.add(name, size, checked(entry, hex));
      else if (type === 'file' && documentNames.has(name)) await sink.add(name, size, bytesOf(entry));
      // For docker load, which reads no folders.
      else if (type !== 'directory' && name !== 'manifest.json')
        throw damaged(`an entry ${JSON.stringify(name.slice(0, 100))}`);
      entry.resume();
    }
    await sink.end();
  } finally {
    unpacking.destroy();
    await fed;
  }
}

async function* bytesOf(content: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) if (chunk instanceof Uint8Array) yield chunk;
}

async function* checked(content: AsyncIterable<unknown>, hex: string): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const chunk of bytesOf(content)) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest('hex') !== hex) throw damaged(`a blob sha256:${hex} of other bytes`);
}

function damaged(what: string): PluginError {
  return new PluginError({
    code: 'export-damaged',
    exitCode: 7,
    message: `the image layout that the daemon sent holds ${what}; nothing was published`,
  });
}
