// What the index.json of an OCI layout names: the image, and beside it what refers to the image, which tools keep there in three
// ways: as manifests with a `subject` (oras), under the tags that registries without a referrers API get (regctl), and by the
// kind that `cosign save` notes. OCI image-spec 1.1, image-layout.md.
import { type Digest, isDigest } from '../base/digest.ts';
import { fieldOf, parseJson, textOf } from '../base/json-fields.ts';
import { type Descriptor, parseManifest } from './manifest.ts';
import type { Manifest } from './target.ts';

const nameAnnotation = 'org.opencontainers.image.ref.name';
const cosignKinds: Readonly<Record<string, string>> = {
  'dev.cosignproject.cosign/sigs': 'sig',
  'dev.cosignproject.cosign/atts': 'att',
};

/** The entries of an index.json by their use. */
export interface LayoutEntries {
  /** What is no reference to something else: the image, if there is one. */
  readonly images: readonly Descriptor[];
  /** By what they refer to. */
  readonly referrers: ReadonlyMap<Digest, readonly Descriptor[]>;
  /** `sha256-<hex>.sig` and the like. */
  readonly tagged: ReadonlyMap<string, Descriptor>;
}

/** Tells the entries apart. Manifests are read only where there are several. */
export async function sortEntries(
  entries: readonly Descriptor[],
  read: (entry: Descriptor) => Promise<Manifest | undefined>,
): Promise<LayoutEntries> {
  const distinct = [...new Map(entries.map((entry) => [`${tagOf(entry)}@${entry.digest}`, entry])).values()];
  const images = new Map<Digest, Descriptor>();
  const referrers = new Map<Digest, Descriptor[]>();
  const tagged = new Map<string, Descriptor>();
  const ofImage = new Map<string, Descriptor>();
  const isOne = new Set(entries.map(({ digest }) => digest)).size <= 1;
  const add = (subject: Digest, ...found: readonly Descriptor[]): void => {
    referrers.set(subject, [...(referrers.get(subject) ?? []), ...found]);
  };
  for (const entry of distinct) {
    const tag = tagOf(entry);
    const [, hex, suffix] = /^sha256-([0-9a-f]{64})(\.\w+)?$/.exec(tag) ?? [];
    const kind = cosignKinds[entry.annotations['kind'] ?? ''];
    const manifest = isOne ? undefined : await read(entry);
    const subject = manifest === undefined ? '' : textOf(fieldOf(parseJson(manifest.bytes), 'subject'), 'digest');
    if (isOne) images.set(entry.digest, entry);
    else if (suffix !== undefined) tagged.set(tag, entry);
    else if (hex !== undefined) add(`sha256:${hex}`, ...childrenOf(manifest));
    else if (kind !== undefined) ofImage.set(kind, entry);
    else if (isDigest(subject)) add(subject, entry);
    else images.set(entry.digest, entry);
  }
  const [image, ...others] = images.keys();
  if (image !== undefined && others.length === 0) {
    for (const [kind, entry] of ofImage) tagged.set(`${image.replace(':', '-')}.${kind}`, entry);
  }
  return { images: [...images.values()], referrers, tagged };
}

function childrenOf(manifest: Manifest | undefined): readonly Descriptor[] {
  const parsed = manifest === undefined ? undefined : parseManifest(manifest);
  return parsed?.kind === 'index' ? parsed.children : [];
}

/** Some tools write the tag alone, some the whole name. */
function tagOf({ annotations }: Descriptor): string {
  const name = annotations[nameAnnotation] ?? '';
  return name.slice(name.lastIndexOf(':') + 1);
}
