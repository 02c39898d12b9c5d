// Annotations as attributes of BuildKit's exporters, once it is known that the image has the parts that they are for: without
// a list of platforms and without attestations there is no index, and a manifest of another platform does not exist.
import { PluginError } from '../base/plugin-error.ts';
import type { Builder, BuildOrder } from './build-image.ts';
import { containerdStoreHint } from './image-store.ts';

/** One annotation of one part of the image. */
export interface AnnotationOrder {
  readonly level: 'manifest' | 'index' | 'manifest-descriptor' | 'index-descriptor';
  /** For manifests: of this platform only. */
  readonly platform?: string | undefined;
  readonly key: string;
  readonly value: string;
}

/** The attributes. Throws PluginError (exit 2). @param order without what the daemon cannot do */
export function fitAnnotations(order: BuildOrder, builder: Builder): Readonly<Record<string, string>> {
  const { annotations } = order;
  if (annotations.length === 0) return {};
  const hasIndex = order.platforms.length > 1 || order.attestations.length > 0;
  check(order, hasIndex, builder);
  const attrs = annotations.map(({ level, platform, key, value }) => {
    // BuildKit looks for platforms in an index only.
    const place = platform === undefined || !hasIndex ? level : `${level}[${platform}]`;
    return [`annotation-${place}.${key}`, value];
  });
  // Docker's own manifests have no annotations.
  return { ...Object.fromEntries(attrs), 'oci-mediatypes': 'true' };
}

function check({ annotations, platforms }: BuildOrder, hasIndex: boolean, builder: Builder): void {
  const ofIndex = annotations.find(({ level }) => level !== 'manifest');
  if (ofIndex !== undefined && !hasIndex) {
    const cure = builder.imageStore === 'containerd' ? '' : `; for either, ${containerdStoreHint}`;
    throw impossible(
      `${ofIndex.level}: the image of one platform without attestations has no index`,
      `leave it out, or set several platforms or provenance${cure}`,
    );
  }
  const built = platforms.length > 0 ? platforms : builder.platforms.slice(0, 1);
  const elsewhere = annotations.find(({ platform }) => platform !== undefined && !built.includes(platform));
  if (elsewhere?.platform === undefined) return;
  throw impossible(
    `${elsewhere.level}[${elsewhere.platform}]: the image is made for ${built.join(', ')}`,
    'name a platform of the image, or set platform',
  );
}

function impossible(message: string, hint: string): PluginError {
  return new PluginError({ code: 'no-such-part', exitCode: 2, message: `settings.annotations: ${message}`, hint });
}
