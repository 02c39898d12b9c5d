// Engines before Docker 25 export a layer in a folder named by an old-style image id, which is a hash over the layer's
// chain id, the parent and a stub of a config. Where that hash can be made again from what lies beside the layer, its
// diffID is known before a byte of it is read; a layer that the registry has need not be compressed to find that out.
// Image spec v1.2 of Docker (chain ids: OCI image-spec 1.1, config.md "Layer ChainID").
import { type Digest, sha256 } from '../base/digest.ts';

/**
 * The diffID of the layer in a folder.
 *
 * @param folder the folder's name, 64 hex characters
 * @param description the `json` file in it
 * @param diffIds those of the image, lowest first
 * @returns undefined when it cannot be told, as for the topmost layer, whose folder is named after the whole config
 */
export function diffIdOfFolder(
  folder: string,
  description: Uint8Array,
  diffIds: readonly Digest[],
): Digest | undefined {
  const stub = readStub(description);
  if (stub === undefined) return undefined;
  let chainId: Digest | undefined;
  for (const diffId of diffIds) {
    chainId = chainId === undefined ? diffId : digestOf(`${chainId} ${diffId}`);
    // The hash is over JSON whose keys are sorted, hence this order.
    const hashed = JSON.stringify({ ...stub.config, layer_id: chainId, ...stub.parent });
    if (digestOf(hashed) === `sha256:${folder}`) return diffId;
  }
  return undefined;
}

interface Stub {
  readonly config: { readonly container_config: unknown; readonly created: string };
  readonly parent: { readonly parent?: string };
}

function readStub(description: Uint8Array): Stub | undefined {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(description).toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof json !== 'object' || json === null || !('container_config' in json) || !('created' in json)) {
    return undefined;
  }
  const { container_config, created } = json;
  if (typeof created !== 'string') return undefined;
  const parent = 'parent' in json && typeof json.parent === 'string' ? { parent: `sha256:${json.parent}` } : {};
  return { config: { container_config, created }, parent };
}

function digestOf(text: string): Digest {
  return sha256(Buffer.from(text, 'utf8'));
}
