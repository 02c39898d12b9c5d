// An image that lies in a graphdriver daemon under a name, read in spite of a daemon that restarts meanwhile: what broke off
// is asked for again once the daemon is back. Layers that were complete by then are not packed a second time.
import type { Digest } from '../base/digest.ts';
import { PluginError } from '../base/plugin-error.ts';
import type { Retrier } from '../base/retry.ts';
import type { Engine } from '../engine/connect.ts';
import { exportImage } from '../engine/export-image.ts';
import { type ImageFacts, imageMissing, inspectImage } from '../engine/inspect-image.ts';
import { askDaemonAgain, isAbsence } from './ask-daemon-again.ts';
import type { ImageReader } from './collect-image.ts';

export interface StoredImageOptions {
  readonly engine: Pick<Engine, 'docker' | 'transport' | 'versionPrefix' | 'address' | 'untilBack'>;
  /** Name in the daemon, or the id. */
  readonly name: string;
  /** What the solve reported: the digest of the image's config. A name can be written by anybody who reaches the daemon. */
  readonly id: Digest;
  /** The run's patience, which the daemon shares with the registries. */
  readonly retrier: Retrier;
}

/** Facts and parts of one stored image. */
export class StoredImage {
  readonly reader: ImageReader;
  readonly #options: StoredImageOptions;

  constructor(options: StoredImageOptions) {
    const { name } = options;
    this.#options = options;
    this.reader = { what: `the daemon's export of ${name}`, read: (signal, visit) => this.#export(signal, visit) };
  }

  /** Throws PluginError: 5 `image-missing` when the name is gone, or without a daemon; 7 when it is another image. */
  async inspect(signal: AbortSignal): Promise<ImageFacts> {
    return this.#run('image inspect', signal, () => this.#inspectOnce(signal));
  }

  async #export(signal: AbortSignal, visit: Parameters<ImageReader['read']>[1]): Promise<void> {
    const { engine, name } = this.#options;
    await this.#run('image export', signal, async (number) => {
      // Between two tries the daemon was gone, and may have come back with another idea of the name.
      if (number > 1) await this.#inspectOnce(signal);
      await exportImage(engine, name, signal, visit);
    });
  }

  async #inspectOnce(signal: AbortSignal): Promise<ImageFacts> {
    const { engine, name, id } = this.#options;
    const image = await inspectImage(engine, name, signal);
    if (image.id !== id) throw replaced(name, id, image.id);
    return image;
  }

  async #run<Result>(what: string, signal: AbortSignal, work: (number: number) => Promise<Result>): Promise<Result> {
    try {
      return await askDaemonAgain(this.#options, what, work, signal);
    } catch (error) {
      throw isAbsence(error) ? imageMissing(this.#options.name, error) : error;
    }
  }
}

function replaced(name: string, built: Digest, found: Digest): PluginError {
  return new PluginError({
    code: 'image-replaced',
    exitCode: 7,
    message: `daemon: ${name} is ${found}, and ${built} was built under that name`,
    hint: 'something else on the daemon writes names under docker-build.invalid/; nothing was published',
  });
}
