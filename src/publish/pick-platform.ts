// One image of an index, by its platform. What is published then is that manifest with its own digest; the index, and what it
// says about the image (attestations), stay behind. OCI image-spec 1.1, image-index.md; platform names as containerd has them.
import { fieldOf, givenText, parseJson } from '../base/json-fields.ts';
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import type { ImageContent, ImageSource } from './image-source.ts';
import { contentOf } from './image-source.ts';
import { readImageTree } from './image-tree.ts';
import { type Descriptor, parseManifest } from './manifest.ts';
import type { Manifest } from './target.ts';

interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** A config is a few kB; hundreds of steps make some hundred. */
const maxConfigBytes = 8 * 1024 * 1024;
/** What a platform without a variant means. */
const usualVariants: Readonly<Record<string, string>> = { arm: 'v7', arm64: 'v8', amd64: 'v1' };

/**
 * The image of a platform.
 *
 * @param platform `os/arch[/variant]`
 * @throws PluginError exit 2 when the source has none for it, or several
 */
export async function pickPlatform(
  root: Manifest,
  platform: string,
  source: ImageSource,
  log: Log,
  signal: AbortSignal,
): Promise<Manifest> {
  const parsed = parseManifest(root);
  if (parsed?.kind !== 'index') {
    checkPlatform(source.name, platform, await platformOf(root, source, signal));
    return root;
  }
  const images = parsed.children.filter(({ platform: own }) => own !== undefined && own.os !== 'unknown');
  const fitting = images.filter(({ platform: own }) => own !== undefined && nameOf(own) === usualName(platform));
  const [only, ...others] = new Map(fitting.map((image) => [image.digest, image])).values();
  if (only === undefined) throw absent(source.name, platform, images.map(describe));
  if (others.length > 0) throw severalFit(source.name, platform);
  const manifest = await source.getManifest(only, signal);
  if (manifest === undefined) throw absent(source.name, platform, images.map(describe));
  log.info(
    `platform ${platform} of ${source.name} is ${only.digest}: it alone is published, and not the index ${root.digest}`,
  );
  return manifest;
}

/** Throws PluginError (exit 2) when an image is for another platform. */
export function checkPlatform(source: string, platform: string, own: Platform): void {
  if (nameOf(own) !== usualName(platform)) throw absent(source, platform, [written(own)]);
}

async function platformOf(root: Manifest, source: ImageSource, signal: AbortSignal): Promise<Platform> {
  const nodes = await readImageTree(root, source.name, () => Promise.resolve(undefined));
  const config = await readConfig(root, contentOf(nodes, source), signal);
  const variant = givenText(config, 'variant');
  return {
    os: givenText(config, 'os') ?? 'linux',
    architecture: givenText(config, 'architecture') ?? '',
    ...(variant === undefined || variant === '' ? {} : { variant }),
  };
}

async function readConfig(root: Manifest, content: ImageContent, signal: AbortSignal): Promise<unknown> {
  const digest = fieldOf(fieldOf(parseJson(root.bytes), 'config'), 'digest');
  const parsed = parseManifest(root);
  if (parsed?.kind !== 'image') throw new Error(`${String(digest)} is the config of no image`);
  return parseJson(await content.readBlob(parsed.config.digest, maxConfigBytes, signal));
}

function describe({ platform, digest }: Descriptor): string {
  return platform === undefined ? digest : written(platform);
}

function written({ os, architecture, variant }: Platform): string {
  return `${os}/${architecture}${variant === undefined ? '' : `/${variant}`}`;
}

/** For comparing: every platform has one name. */
function nameOf({ os, architecture, variant = usualVariants[architecture] }: Platform): string {
  return `${os}/${architecture}${variant === undefined ? '' : `/${variant}`}`;
}

function usualName(platform: string): string {
  const [os = '', architecture = '', variant] = platform.split('/');
  return nameOf({ os, architecture, ...(variant === undefined ? {} : { variant }) });
}

function absent(source: string, platform: string, has: readonly string[]): PluginError {
  return new PluginError({
    code: 'platform-missing',
    exitCode: 2,
    message: `settings.platform: source ${source} has no image for ${platform}, only for ${has.join(', ') || 'none'}; nothing was published`,
  });
}

function severalFit(source: string, platform: string): PluginError {
  return new PluginError({
    code: 'platform-ambiguous',
    exitCode: 2,
    message: `settings.platform: source ${source} has several images for ${platform}; nothing was published`,
    hint: 'name the image that you want by its digest in source_image',
  });
}
