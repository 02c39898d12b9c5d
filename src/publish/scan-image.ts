// Looks for known secrets in what everybody who has an image can read of it: variables, labels, commands and history, all of
// them in its config. It is done before any tag moves; layers are not searched.
// Config: OCI image-spec 1.1, config.md
import { parseJson } from '../base/json-fields.ts';
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import { mediaTypes, parseManifest } from './manifest.ts';
import type { ImageContent } from './image-source.ts';
import type { Manifest } from './target.ts';

/** A config is a few kB; hundreds of steps make some hundred. */
const maxConfigBytes = 8 * 1024 * 1024;

export interface ScanOptions {
  /** Of the image, wherever it is. */
  readonly content: ImageContent;
  /** True when a text holds the value of a known secret. */
  readonly holdsSecret: (text: string) => boolean;
  /** What to do when one is found. */
  readonly mode: 'fail' | 'warn';
  readonly log: Log;
}

/** Searches an image, or all images of an index. Throws PluginError (exit 7) in mode `fail`. */
export async function scanImage(manifest: Manifest, options: ScanOptions, signal: AbortSignal): Promise<void> {
  const configs = await readConfigs(manifest, options.content, signal);
  const places = [...new Set(configs.flatMap((config) => placesOfSecrets(config, options.holdsSecret)))];
  if (places.length === 0) return;
  const message = `the image holds the value of a secret of this step, for everybody to read: ${places.join(', ')}`;
  if (options.mode === 'warn') return options.log.warn(message);
  throw new PluginError({
    code: 'secret-in-image',
    exitCode: 7,
    message,
    hint: 'hand secrets to RUN --mount=type=secret instead of ARG, ENV and LABEL; secret_scan: warn publishes the image all the same',
  });
}

async function readConfigs(
  manifest: Manifest,
  content: ImageContent,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  const parsed = parseManifest(manifest);
  if (parsed === undefined) return [];
  if (parsed.kind === 'image') {
    const bytes = await content.readBlob(parsed.config.digest, maxConfigBytes, signal);
    // Artifacts other than images may have anything there.
    return [parseJson(bytes) ?? { config: Buffer.from(bytes).toString('utf8') }];
  }
  const children = parsed.children.map(async (child) => {
    const image = await content.getManifest(child.digest, signal);
    const isImage = image?.mediaType === mediaTypes.ociManifest || image?.mediaType === mediaTypes.dockerManifest;
    return image !== undefined && isImage ? readConfigs(image, content, signal) : [];
  });
  return (await Promise.all(children)).flat();
}

/** In words, without the values. */
function placesOfSecrets(config: unknown, holdsSecret: (text: string) => boolean): readonly string[] {
  const places: string[] = [];
  const look = (value: unknown, place: string): void => {
    if (typeof value === 'string') {
      if (holdsSecret(value)) places.push(place);
    } else if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) look(item, placeOfItem(place, item, index));
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, member] of Object.entries(value)) look(member, placeOfMember(place, key));
    }
  };
  look(config, '');
  return places;
}

function placeOfItem(place: string, item: unknown, index: number): string {
  if (place === 'Env' && typeof item === 'string') return `variable ${item.split('=', 1)[0] ?? ''}`;
  return place === 'history' ? `history of step ${String(index + 1)}` : place;
}

/** The outer members are the more telling ones, but for what is in `config`. */
function placeOfMember(place: string, key: string): string {
  if (place === 'Labels') return `label ${key}`;
  return place === '' || place === 'config' || place === 'container_config' ? key : place;
}
