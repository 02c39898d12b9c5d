// One output of a build: received from BuildKit's exporter, or from an image that the daemon holds, complete before any
// tag moves, and put in place only then.
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Log } from '../base/log.ts';
import { FolderWriter } from '../buildkit/fsutil/folder-writer.ts';
import { bytesOf } from '../buildkit/fsutil/byte-text.ts';
import type { ExportTarget } from '../buildkit/session/file-send.ts';
import { FolderSink, type ImageSink, TarSink } from './image-sink.ts';
import { wordOutputFailure } from './output-failure.ts';
import { type Destination, PartialOutput } from './partial-output.ts';
import { saveImage, type SaveOptions } from './save-image.ts';
import { unpackLayout } from './unpack-layout.ts';

/** What is to be written, and where. */
export interface OutputOrder {
  readonly type: 'local' | 'tar' | 'oci' | 'docker';
  readonly layout: 'file' | 'folder';
  readonly place: Destination;
  /** As the pipeline author wrote it. */
  readonly display: string;
  readonly setting: string;
  /** Names of an archive, `host/path:tag`. */
  readonly names: readonly string[];
  readonly attrs: Readonly<Record<string, string>>;
}

/** An exporter of BuildKit, and where its result goes. */
export interface OutputExporter {
  readonly type: string;
  readonly attrs: Readonly<Record<string, string>>;
  readonly target: ExportTarget;
}

/** One output on its way. */
export class Output {
  readonly order: OutputOrder;
  readonly #partial: PartialOutput;
  #tree: FolderWriter;
  #madeFolder: Promise<void> | undefined;
  #isReceived = false;
  #digest: string | undefined;

  /** @param random hexadecimal digits, other ones for each output */
  constructor(order: OutputOrder, random: string) {
    this.order = order;
    this.#partial = new PartialOutput(order.place, random);
    this.#tree = new FolderWriter(bytesOf(this.#partial.path));
  }

  /** All of it is here. */
  get isReceived(): boolean {
    return this.#isReceived;
  }

  /** How BuildKit is asked for it. @param imageAttrs what all exporters of this image are told */
  exporter(imageAttrs: Readonly<Record<string, string>>): OutputExporter {
    const { type, names, attrs } = this.order;
    const isArchive = type === 'oci' || type === 'docker';
    const name = names.length === 0 ? {} : { name: names.join(',') };
    return { type, attrs: isArchive ? { ...imageAttrs, ...attrs, ...name } : attrs, target: this.#target() };
  }

  /** Forgets what has come so far, for a build that is repeated. */
  async restart(): Promise<void> {
    await this.#partial.discard();
    this.#tree = new FolderWriter(bytesOf(this.#partial.path));
    this.#madeFolder = undefined;
    this.#isReceived = false;
  }

  /** Writes it from an image that the daemon holds. Throws as saveImage does, worded. */
  async save(options: Omit<SaveOptions, 'format' | 'names'>, signal: AbortSignal): Promise<void> {
    const { type, names } = this.order;
    const format = type === 'docker' ? type : 'oci';
    await this.#worded(() =>
      this.#write(async (sink) => {
        this.#digest = await saveImage({ ...options, format, names }, sink, signal);
      }),
    );
    this.#isReceived = true;
  }

  /** Puts it in place. Throws PluginError (exit 1). */
  async commit(log: Log): Promise<void> {
    const { layout, type, display } = this.order;
    await this.#worded(async () => {
      if (layout === 'file') return this.#partial.commitFile();
      await this.#tree.finish();
      await this.#partial.commitFolder(this.#tree.folders);
    });
    if (this.#tree.skipped > 0) {
      log.warn(`${display}: ${this.#tree.skipped} devices, pipes or sockets of the image were left out`);
    }
    log.info(`wrote ${display} (${type}${this.#digest === undefined ? '' : `, ${this.#digest}`})`);
  }

  /** Removes what is not in place. */
  async discard(): Promise<void> {
    await this.#partial.discard();
  }

  #target(): ExportTarget {
    const onReceived = (): void => {
      this.#isReceived = true;
    };
    const wordFailure = (error: unknown): unknown => wordOutputFailure(this.order, error);
    if (this.order.type === 'local') {
      const prepare = (): Promise<void> => this.#makeFolder();
      return { content: { kind: 'folder', folder: this.#tree, prepare }, onReceived, wordFailure };
    }
    const receive = async (
      bytes: AsyncIterable<Uint8Array>,
      digest: string | undefined,
      signal: AbortSignal,
    ): Promise<void> => {
      this.#digest = digest;
      if (this.order.layout === 'folder') await this.#write((sink) => unpackLayout(bytes, sink));
      else await pipeline(Readable.from(bytes, { objectMode: false }), this.#openFile(), { signal });
    };
    return { content: { kind: 'file', receive }, onReceived, wordFailure };
  }

  #openFile(): NodeJS.WritableStream {
    return createWriteStream(this.#partial.path, { flags: 'wx' });
  }

  async #write(write: (sink: ImageSink) => Promise<void>): Promise<void> {
    if (this.order.layout === 'folder') await this.#makeFolder();
    const sink = this.order.layout === 'folder' ? new FolderSink(this.#partial.path) : new TarSink(this.#partial.path);
    try {
      await write(sink);
    } catch (error) {
      await sink.abandon();
      throw error;
    }
  }

  /** Once, though the platforms of an image may come at the same time. */
  async #makeFolder(): Promise<void> {
    this.#madeFolder ??= this.#partial.makeFolder();
    await this.#madeFolder;
  }

  async #worded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw wordOutputFailure(this.order, error);
    }
  }
}
