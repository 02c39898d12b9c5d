// What refers to an image and to all that it holds: signatures, lists of contents, attestations. They are found as the registry
// lists them by their `subject`, and by the tags that cosign makes of a digest, which no list of a registry has.
// OCI distribution-spec 1.1, "Listing Referrers"; cosign: SIGNATURE_SPEC.md, ATTESTATION_SPEC.md, SBOM_SPEC.md.
import { type Digest, isDigest } from '../base/digest.ts';
import { fieldOf, parseJson, textOf } from '../base/json-fields.ts';
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import type { ImageSource } from './image-source.ts';
import { readImageTree, type TreeNode } from './image-tree.ts';
import { parseManifest } from './manifest.ts';
import { mapAll } from './parallel.ts';
import type { Manifest } from './target.ts';

const parallelReads = 6;
/** A signature of an SBOM of an attestation is nobody's; a circle is a trap. */
const maxLevels = 4;
const maxReferrers = 1000;

/** `sha256-<hex>` and one of these: where cosign keeps what it makes. */
const cosignSuffixes = ['sig', 'att', 'sbom'] as const;

/** Something that refers to an image, or to something that does. */
export interface FoundReferrer {
  readonly manifest: Manifest;
  /** Itself first, then what it holds. */
  readonly nodes: readonly TreeNode[];
  /** What it says that it refers to. */
  readonly subject?: Digest;
  /** The tag by which it is found, if it is not found by its subject. */
  readonly tag?: string;
}

type Found = Pick<FoundReferrer, 'manifest' | 'tag'>;

/**
 * Finds all that refers to these manifests.
 *
 * @returns by distance: what refers to the image first, then what refers to that
 * @throws PluginError: 2 when there are too many, or one lacks a part
 */
export async function findReferrers(
  image: readonly TreeNode[],
  source: ImageSource,
  log: Log,
  signal: AbortSignal,
): Promise<readonly (readonly FoundReferrer[])[]> {
  const seen = new Set(image.map(({ manifest }) => manifest.digest));
  const levels: FoundReferrer[][] = [];
  let subjects: readonly Digest[] = [...seen];
  while (subjects.length > 0 && levels.length < maxLevels) {
    const found = await mapAll(subjects, parallelReads, (subject) => referrersOf(subject, source, log, signal));
    const fresh = new Map(found.flat().map((each) => [`${each.tag ?? ''}@${each.manifest.digest}`, each]));
    const level = await mapAll([...fresh.values()], parallelReads, (each) => withTree(each, source, signal));
    subjects = level.map(({ manifest }) => manifest.digest).filter((digest) => !seen.has(digest));
    for (const digest of subjects) seen.add(digest);
    if (seen.size > maxReferrers) throw tooMany(source.name);
    if (level.length > 0) levels.push(level);
  }
  return levels;
}

async function referrersOf(
  subject: Digest,
  source: ImageSource,
  log: Log,
  signal: AbortSignal,
): Promise<readonly Found[]> {
  const tags = cosignSuffixes.map((suffix) => `${subject.replace(':', '-')}.${suffix}`);
  const [listed, tagged] = await Promise.all([
    listedReferrers(subject, source, log, signal),
    mapAll(tags, tags.length, async (tag) => ({ tag, manifest: await source.getTagged?.(tag, signal) })),
  ]);
  return [
    ...listed.map((manifest) => ({ manifest })),
    ...tagged.flatMap(({ tag, manifest }) => (manifest === undefined ? [] : [{ tag, manifest }])),
  ];
}

/** What the list names and the source does not have any more is left out: such lists outlive what they name. */
async function listedReferrers(
  subject: Digest,
  source: ImageSource,
  log: Log,
  signal: AbortSignal,
): Promise<readonly Manifest[]> {
  const listed = (await source.listReferrers?.(subject, signal)) ?? [];
  const manifests = await mapAll(listed, parallelReads, async (descriptor) => {
    const manifest = await source.getManifest(descriptor, signal);
    if (manifest !== undefined && parseManifest(manifest) !== undefined) return [manifest];
    const what = manifest === undefined ? 'is not there' : `is "${manifest.mediaType}", which cannot be copied`;
    log.warn(`${source.name}: ${descriptor.digest}, which is said to refer to ${subject}, ${what}; it is left out`);
    return [];
  });
  return manifests.flat();
}

async function withTree({ manifest, tag }: Found, source: ImageSource, signal: AbortSignal): Promise<FoundReferrer> {
  const nodes = await readImageTree(manifest, source.name, (child) => source.getManifest(child, signal));
  const subject = textOf(fieldOf(parseJson(manifest.bytes), 'subject'), 'digest');
  return {
    manifest,
    nodes,
    ...(isDigest(subject) ? { subject } : {}),
    ...(tag === undefined ? {} : { tag }),
  };
}

function tooMany(source: string): PluginError {
  return new PluginError({
    code: 'source-unusable',
    exitCode: 2,
    message: `source ${source}: more than ${String(maxReferrers)} manifests refer to the image; nothing was tagged`,
    hint: 'referrers: false publishes the image without them',
  });
}
