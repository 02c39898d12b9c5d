// What the daemon says about an image by name: its id and the digests of its uncompressed layers.
// https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImageInspect
import { type Digest, isDigest } from '../base/digest.ts';
import { PluginError } from '../base/plugin-error.ts';
import type { Engine } from './connect.ts';
import { EngineApiError } from './docker-api.ts';

export interface ImageFacts {
  /** On a graphdriver store the sha256 of the image's config. */
  readonly id: Digest;
  /** sha256 of each uncompressed layer, lowest first. */
  readonly diffIds: readonly Digest[];
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly sizeBytes: number;
}

/** Whether the daemon has an image under this name or id. Throws EngineApiError for any other answer than yes and no. */
export async function hasImage(engine: Pick<Engine, 'docker'>, name: string, signal: AbortSignal): Promise<boolean> {
  try {
    const options: object = { abortSignal: signal };
    await engine.docker.getImage(name).inspect(options);
    return true;
  } catch (error) {
    if (error instanceof EngineApiError && error.status === 404) return false;
    throw error;
  }
}

/** Inspects an image. Throws PluginError exit 5 `image-missing` when the name is gone, exit 7 for a senseless answer. */
export async function inspectImage(
  engine: Pick<Engine, 'docker'>,
  name: string,
  signal: AbortSignal,
): Promise<ImageFacts> {
  let answer: unknown;
  try {
    const options: object = { abortSignal: signal };
    answer = await engine.docker.getImage(name).inspect(options);
  } catch (error) {
    if (error instanceof EngineApiError && error.status === 404) throw imageMissing(name, error);
    throw error;
  }
  const facts = readImageFacts(answer);
  if (facts === undefined) {
    throw new PluginError({
      code: 'image-unreadable',
      exitCode: 7,
      message: `daemon, inspecting ${name}: the answer has no image id or no layers`,
    });
  }
  return facts;
}

/** The error (exit 5) for a name that was there and is gone. */
export function imageMissing(name: string, cause: unknown): PluginError {
  return new PluginError({
    code: 'image-missing',
    exitCode: 5,
    message: `daemon: the image ${name} is not there any more`,
    hint: 'something on the daemon removes images while builds run; let it spare names under docker-build.invalid/',
    cause,
  });
}

function readImageFacts(json: unknown): ImageFacts | undefined {
  const id = textAt(json, 'Id');
  const rootFs = fieldAt(json, 'RootFS');
  const layers = fieldAt(rootFs, 'Layers') ?? [];
  const size = fieldAt(json, 'Size');
  if (id === undefined || !isDigest(id) || rootFs === undefined || !Array.isArray(layers)) return undefined;
  const diffIds = layers.filter((layer): layer is Digest => typeof layer === 'string' && isDigest(layer));
  if (diffIds.length !== layers.length) return undefined;
  const variant = textAt(json, 'Variant');
  return {
    id,
    diffIds,
    os: textAt(json, 'Os') ?? 'linux',
    architecture: textAt(json, 'Architecture') ?? '',
    ...(variant === undefined || variant === '' ? {} : { variant }),
    sizeBytes: typeof size === 'number' ? size : 0,
  };
}

function fieldAt(json: unknown, name: string): unknown {
  return typeof json === 'object' && json !== null && name in json ? Reflect.get(json, name) : undefined;
}

function textAt(json: unknown, name: string): string | undefined {
  const value = fieldAt(json, name);
  return typeof value === 'string' ? value : undefined;
}
