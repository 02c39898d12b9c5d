// Reads `GET /images/{name}/get` as a stream of the parts that can make up an image: configs and uncompressed layers.
// Two layouts exist: since Docker 25 an OCI layout whose blobs are named by digest, before it one folder per layer. The
// names in the tar only classify an entry; none of them ever reaches a disk.
// https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImageGet
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { type Extract, extract as tarExtract } from 'tar-stream';
import type { Digest } from '../base/digest.ts';
import { PluginError } from '../base/plugin-error.ts';
import type { Engine } from './connect.ts';
import { EngineApiError, errorMessageOf, wordFailure } from './docker-api.ts';
import { errorText } from './error-code.ts';

/** An image has at most 127 layers, with four entries each in the older layout; ten times that is no image. */
const maxEntries = 5000;
/** A config is some kB; 16 MiB is more than any registry takes. */
const maxConfigBytes = 16 * 1024 * 1024;
/** The `json` beside a layer; a longer one is not worth reading. */
const maxDescriptionBytes = 1024 * 1024;

/** One part of an exported image. `content` is read to its end or not at all. */
export type ExportEntry =
  /** Docker 25 and newer: a config, a layer or other metadata; the name claims this digest. */
  | { readonly kind: 'blob'; readonly claimed: Digest; readonly sizeBytes: number; readonly content: ByteStream }
  /** Before 25: a config whose name claims this digest. */
  | { readonly kind: 'config'; readonly claimed: Digest; readonly sizeBytes: number; readonly content: ByteStream }
  /** Before 25: some layer; `folder` (64 hex characters) and the `json` file in it may tell which, see older-layout.ts. */
  | {
      readonly kind: 'layer';
      readonly folder: string;
      readonly description: Uint8Array;
      readonly sizeBytes: number;
      readonly content: ByteStream;
    };

export type ByteStream = AsyncIterable<Uint8Array>;

type TarEntry = Extract extends AsyncIterable<infer Entry> ? Entry : never;

/** The daemon writes the whole image to its own disk before it answers: 0.8 s for 100 MB were measured. */
const firstByteLimitMs = 30 * 60_000;

/** What it then sends lies on its disk: a minute without a byte is no slow disk any more. */
const usualSilenceLimitMs = 60_000;

/** What the visitor wants next. `stop` ends the export: everything needed has arrived. */
export type Wish = 'more' | 'stop';

/**
 * Exports an image and shows its parts to `visit`, one after the other and only as fast as it takes them. Unread parts
 * are skipped. What was claimed is not checked here: whoever reads, hashes.
 *
 * @param silenceLimitMs how long no byte may come while this side is ready to take one
 * @throws PluginError exit 5 when the daemon refuses or the connection ends, 7 for a tar that is none
 */
export async function exportImage(
  engine: Pick<Engine, 'transport' | 'versionPrefix'>,
  name: string,
  signal: AbortSignal,
  visit: (entry: ExportEntry) => Promise<Wish>,
  silenceLimitMs = usualSilenceLimitMs,
): Promise<void> {
  const response = await openExport(engine, name, signal);
  endWhenSilent(response, silenceLimitMs);
  await readExport(response, signal, visit);
}

/**
 * Exports an image into a file that does not exist yet, as the daemon sends it. A failure leaves no file. Throws as
 * exportImage does, and the errors of the disk as they are.
 */
export async function saveImage(
  engine: Pick<Engine, 'transport' | 'versionPrefix'>,
  name: string,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const response = await openExport(engine, name, signal);
  endWhenSilent(response, usualSilenceLimitMs);
  const file = createWriteStream(path, { flags: 'wx', mode: 0o600 });
  try {
    await pipeline(wordedBytes(response, signal), file, { signal });
  } catch (error) {
    response.destroy();
    // Until it is closed, it may not even have been made.
    if (!file.closed) await new Promise<void>((resolve) => file.once('close', () => resolve()));
    await rm(path, { force: true });
    signal.throwIfAborted();
    throw error;
  }
}

/** Its failures are told from those of the disk, which end the response as well. */
async function* wordedBytes(response: IncomingMessage, signal: AbortSignal): ByteStream & AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response) if (chunk instanceof Uint8Array) yield chunk;
  } catch (error) {
    throw wordFailure('image export', error, signal);
  }
}

async function openExport(
  engine: Pick<Engine, 'transport' | 'versionPrefix'>,
  name: string,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const answerLimitMs = firstByteLimitMs;
  const path = `${engine.versionPrefix}/images/${encodeURIComponent(name)}/get`;
  let response;
  try {
    response = await engine.transport.send({ method: 'GET', path, answerLimitMs }, signal);
  } catch (error) {
    throw wordFailure('image export', error, signal);
  }
  if (response.statusCode !== 200) {
    const status = response.statusCode ?? 0;
    throw new EngineApiError({ call: 'image export', status, said: await errorMessageOf(response) });
  }
  return response;
}

/** A connection may stay open for ever behind which nobody is. */
function endWhenSilent(response: IncomingMessage, limitMs: number): void {
  let seenBytes = 0;
  let lastMs = performance.now();
  const look = (): void => {
    const bytes = response.socket.bytesRead;
    // What waits here to be taken is no fault of the daemon's.
    if (bytes !== seenBytes || response.readableLength > 0) lastMs = performance.now();
    seenBytes = bytes;
    if (performance.now() - lastMs < limitMs) return;
    response.destroy(new Error(`no byte came for ${String(limitMs / 1000)} s`));
  };
  const timer = setInterval(look, limitMs / looksPerLimit);
  response.once('close', () => clearInterval(timer));
}

const looksPerLimit = 10;

async function readExport(
  response: IncomingMessage,
  signal: AbortSignal,
  visit: (entry: ExportEntry) => Promise<Wish>,
): Promise<void> {
  const tar = tarExtract();
  const fed = pipeline(response, tar).then(
    () => undefined,
    (error: unknown) => error,
  );
  let visiting = false;
  let entries = 0;
  let description: Description = { folder: '', bytes: Buffer.alloc(0) };
  try {
    for await (const entry of tar) {
      entries += 1;
      if (entries > maxEntries) throw damaged(`more than ${String(maxEntries)} entries`);
      description = (await readDescription(entry)) ?? description;
      const part = classify(entry, description);
      if (part !== undefined) {
        visiting = true;
        if ((await visit(part)) === 'stop') return;
        visiting = false;
      }
      entry.resume();
    }
  } catch (error) {
    if (error instanceof BrokenContent) throw wordTarFailure(error.cause, response, signal);
    if (visiting || error instanceof PluginError) throw error;
    throw wordTarFailure(error, response, signal);
  } finally {
    tar.destroy();
    response.destroy();
    await fed;
  }
}

function wordTarFailure(error: unknown, response: IncomingMessage, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  // A daemon that dies, or fails while it writes, cuts the chunked body; a whole body that makes no tar is damage.
  if (!response.complete) return wordFailure('image export', error, signal);
  return damaged(errorText(error), error);
}

/** The `json` file of a layer's folder; it comes right before the layer. */
interface Description {
  readonly folder: string;
  readonly bytes: Uint8Array;
}

async function readDescription(entry: TarEntry): Promise<Description | undefined> {
  const { name, type, size } = entry.header;
  const folder = /^([0-9a-f]{64})\/json$/.exec(name)?.[1];
  if (folder === undefined || type !== 'file' || size > maxDescriptionBytes) return undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytesOf(entry)) chunks.push(chunk);
  return { folder, bytes: Buffer.concat(chunks) };
}

function classify(entry: TarEntry, described: Description): ExportEntry | undefined {
  const { name, type, size } = entry.header;
  if (type !== 'file' && type !== 'contiguous-file') return undefined;
  const match = /^(?:(?<blob>blobs\/sha256\/)|)(?<hex>[0-9a-f]{64})(?<rest>\/layer\.tar|\.json|)$/.exec(name);
  const hex = match?.groups?.['hex'];
  if (match === null || hex === undefined) return undefined;
  const isBlob = match.groups?.['blob'] !== undefined;
  const rest = match.groups?.['rest'] ?? '';
  if (isBlob && rest === '')
    return { kind: 'blob', claimed: `sha256:${hex}`, sizeBytes: size, content: bytesOf(entry) };
  if (isBlob) return undefined;
  if (rest === '/layer.tar') {
    const description = described.folder === hex ? described.bytes : Buffer.alloc(0);
    return { kind: 'layer', folder: hex, description, sizeBytes: size, content: bytesOf(entry) };
  }
  if (rest !== '.json') return undefined;
  if (size > maxConfigBytes) throw damaged(`a config of ${String(size)} bytes`);
  return { kind: 'config', claimed: `sha256:${hex}`, sizeBytes: size, content: bytesOf(entry) };
}

/** The export broke while the visitor was reading; kept apart from errors of its own. */
class BrokenContent extends Error {}

async function* bytesOf(entry: TarEntry): AsyncGenerator<Uint8Array> {
  const chunks = entry[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next: IteratorResult<unknown> = await chunks.next().catch((cause: unknown) => {
        throw new BrokenContent('the export broke', { cause });
      });
      if (next.done === true) return;
      if (next.value instanceof Uint8Array) yield next.value;
    }
  } finally {
    await chunks.return?.();
  }
}

function damaged(what: string, cause?: unknown): PluginError {
  return new PluginError({
    code: 'export-damaged',
    exitCode: 7,
    message: `daemon, image export: not an image tar (${what})`,
    cause,
  });
}
