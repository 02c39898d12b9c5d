// Everything that a manifest refers to: the manifests below it, and the blobs of each. It is read once from where the image
// comes from; the bytes of every manifest are kept as they are.
import { PluginError } from '../base/plugin-error.ts';
import { type Descriptor, isDistributed, parseManifest } from './manifest.ts';
import { mapAll } from './parallel.ts';
import type { Manifest } from './target.ts';

const parallelReads = 6;
/** An index of indexes is legal; deeper than this is a trap. */
const maxDepth = 4;
/** Platforms times attestations; the largest public images have some dozens. */
const maxManifests = 1000;

/** One manifest of an image, with the blobs that it names itself. */
export interface TreeNode {
  readonly manifest: Manifest;
  /** 0 = the root. */
  readonly depth: number;
  /** Without those that registries do not hand on. */
  readonly blobs: readonly TreeBlob[];
}

export interface TreeBlob extends Descriptor {
  readonly isConfig: boolean;
}

/** Reads a manifest by its descriptor; undefined = absent. */
type ManifestReader = (descriptor: Descriptor) => Promise<Manifest | undefined>;

/** The root first, each manifest once. Throws PluginError (exit 2) for what is no image, or lacks a part. */
export async function readImageTree(
  root: Manifest,
  source: string,
  read: ManifestReader,
): Promise<readonly TreeNode[]> {
  const nodes = new Map<string, TreeNode>();
  let level: readonly Manifest[] = [root];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > maxDepth || nodes.size > maxManifests) throw notCopied(source, root, 'holds too many manifests');
    const children = new Map<string, Descriptor>();
    for (const manifest of level) {
      const parsed = parseManifest(manifest);
      if (parsed === undefined) throw notCopied(source, manifest, `is "${manifest.mediaType}", which is no image`);
      const blobs = parsed.kind === 'index' ? [] : blobsOf(parsed.config, parsed.layers);
      // What lies deeper goes up first, so the deepest place counts.
      nodes.delete(manifest.digest);
      nodes.set(manifest.digest, { manifest, depth, blobs });
      if (parsed.kind === 'index') for (const child of parsed.children) children.set(child.digest, child);
    }
    level = await mapAll([...children.values()], parallelReads, async (descriptor) => {
      const child = await read(descriptor);
      if (child === undefined) throw notCopied(source, root, `lacks the manifest ${descriptor.digest}`);
      return child;
    });
  }
  return [...nodes.values()];
}

/** The blobs of all nodes, each once, configs first. */
export function blobsIn(nodes: readonly TreeNode[]): readonly TreeBlob[] {
  const blobs = new Map(nodes.flatMap((node) => node.blobs).map((blob) => [blob.digest, blob]));
  return [...blobs.values()];
}

function blobsOf(config: Descriptor, layers: readonly Descriptor[]): readonly TreeBlob[] {
  return [
    { ...config, isConfig: true },
    ...layers.filter(isDistributed).map((layer) => ({ ...layer, isConfig: false })),
  ];
}

function notCopied(source: string, { digest }: Manifest, what: string): PluginError {
  return new PluginError({
    code: 'source-unusable',
    exitCode: 2,
    message: `source ${source}: ${digest} ${what}; nothing was published`,
  });
}
