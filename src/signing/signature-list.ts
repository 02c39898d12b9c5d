// The image in which a registry keeps the signatures of a digest, under the tag `sha256-<hex>.sig`: each layer is a signed
// document, its annotation the signature. Somebody else's signatures in it are carried along as they are, with whatever
// they have beside (certificates, log entries). https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
import { parseJson } from '../base/json-fields.ts';
import { type Digest, isDigest, sha256 } from '../base/digest.ts';
import type { SigningKey } from './signing-key.ts';
import type { Manifest } from './signature-store.ts';

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const configType = 'application/vnd.oci.image.config.v1+json';
const layerType = 'application/vnd.dev.cosign.simplesigning.v1+json';
const signatureAnnotation = 'dev.cosignproject.cosign/signature';

const readableTypes: readonly string[] = [manifestType, 'application/vnd.docker.distribution.manifest.v2+json'];
/** Go's zero time, as cosign has it: equal signatures give equal lists. */
const noTime = '0001-01-01T00:00:00Z';

type JsonObject = Readonly<Record<string, unknown>>;

/** The signatures of one digest. */
export interface SignatureList {
  readonly mediaType: string;
  /** Without config and layers. */
  readonly fields: JsonObject;
  /** As others wrote it. */
  readonly config: { readonly mediaType: string; readonly digest?: Digest };
  readonly layers: readonly JsonObject[];
}

/** Where the signatures of a digest are. */
export function signatureTag(digest: Digest): string {
  return `${digest.replace(':', '-')}.sig`;
}

/** Reads a list; an empty one when there is none yet. undefined for something that is no list of signatures. */
export function readSignatureList(manifest: Manifest | undefined): SignatureList | undefined {
  if (manifest === undefined) return emptyList;
  const { config, layers, ...fields } = objectOf(parseJson(manifest.bytes)) ?? {};
  if (!readableTypes.includes(manifest.mediaType) || !Array.isArray(layers)) return undefined;
  const objects = layers.map(objectOf).filter((layer) => layer !== undefined);
  if (objects.length !== layers.length || !objects.every(({ digest }) => digestOf(digest) !== undefined))
    return undefined;
  const { mediaType, digest } = objectOf(config) ?? {};
  const known = digestOf(digest);
  return {
    mediaType: manifest.mediaType,
    fields,
    config: {
      mediaType: typeof mediaType === 'string' ? mediaType : configType,
      ...(known === undefined ? {} : { digest: known }),
    },
    layers: objects,
  };
}

const emptyList: SignatureList = {
  mediaType: manifestType,
  fields: { schemaVersion: 2, mediaType: manifestType },
  config: { mediaType: configType },
  layers: [],
};

/** Whether the key has signed this payload already. ECDSA signatures of the same bytes differ: each is checked. */
export function holdsSignature({ layers }: SignatureList, payload: Uint8Array, key: SigningKey): boolean {
  const digest = sha256(payload);
  return layers.some((layer) => {
    const signature = objectOf(layer['annotations'])?.[signatureAnnotation];
    if (layer['digest'] !== digest || layer['mediaType'] !== layerType || typeof signature !== 'string') return false;
    return key.verifies(payload, Buffer.from(signature, 'base64'));
  });
}

/**
 * The list with one signature more.
 *
 * @param oldConfig the config that belongs to the list, if it can be read: what it says beside the layers is kept
 */
export function addSignature(
  list: SignatureList,
  oldConfig: Uint8Array | undefined,
  payload: Uint8Array,
  signature: Uint8Array,
): { readonly manifest: Manifest; readonly config: Uint8Array } {
  const layer = {
    mediaType: layerType,
    size: payload.length,
    digest: sha256(payload),
    annotations: { [signatureAnnotation]: Buffer.from(signature).toString('base64') },
  };
  const layers = [...list.layers, layer];
  const config = writeConfig(oldConfig, layers);
  const described = { mediaType: list.config.mediaType, size: config.length, digest: sha256(config) };
  const { schemaVersion, mediaType, ...others } = list.fields;
  const bytes = Buffer.from(JSON.stringify({ schemaVersion, mediaType, config: described, layers, ...others }), 'utf8');
  return { manifest: { mediaType: list.mediaType, digest: sha256(bytes), bytes }, config };
}

/** The config of an image of no platform. The layers are not compressed: their digests are their diffIDs. */
function writeConfig(old: Uint8Array | undefined, layers: readonly JsonObject[]): Uint8Array {
  const before: JsonObject = (old === undefined ? undefined : objectOf(parseJson(old))) ?? {
    architecture: '',
    created: noTime,
    history: [],
    os: '',
    rootfs: {},
    config: {},
  };
  const oldHistory: readonly unknown[] = Array.isArray(before['history']) ? before['history'] : [];
  const history = layers.map((_, index) => oldHistory[index] ?? { created: noTime });
  const rootfs = { type: 'layers', diff_ids: layers.map(({ digest }) => digest) };
  return Buffer.from(JSON.stringify({ ...before, history, rootfs }), 'utf8');
}

function digestOf(json: unknown): Digest | undefined {
  return typeof json === 'string' && isDigest(json) ? json : undefined;
}

function objectOf(json: unknown): JsonObject | undefined {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? { ...json } : undefined;
}
