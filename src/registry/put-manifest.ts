// Writes manifests. The answer to a PUT may be lost, late or odd; what counts is what the registry shows afterwards, so a
// refusal is looked into before it is believed: our digest under the tag is success whatever was said. OCI distribution-spec
// 1.1, end-7; several tags in one PUT with the OCI-Tag echo: its text on "Pushing manifests with tags".
import { isDigest } from '../base/digest.ts';
import { arrayOf, fieldOf, parseJson, textOf } from '../base/json-fields.ts';
import { type UnexpectedAnswer, unexpected } from './answer.ts';
import { seesBlob } from './blobs.ts';
import { checkDigest, type Manifest, nameOf, tryHead } from './manifests.ts';
import { StartOver } from './operation.ts';
import type { Place } from './place.ts';
import { immutableTag, isAboutImmutability, lostContent, refusal, tooLargeManifest } from './refusal.ts';
import { discard, headerOf, headersOf, type WireResponse } from './wire.ts';
import { bytesBody } from './wire-body.ts';
import type { Digest } from '../base/digest.ts';

/** A tag, or the digest with any tags that are to be set along with it. */
export type ManifestTarget = { readonly tag: string } | { readonly digest: Digest; readonly tags?: readonly string[] };

/** What the registry says that it has done: tags set, and the `subject` noticed. */
export interface ManifestPut {
  readonly confirmedTags: readonly string[];
  readonly seenSubject?: string;
}

/** A PUT of one manifest. */
interface Put {
  readonly place: Place;
  readonly manifest: Manifest;
  readonly target: ManifestTarget;
  /** The tag or the digest in the address. */
  readonly reference: string;
  readonly what: string;
}

/** A registry that says 404 to a manifest whose parts it has is asked once more. */
const oddRefusalAttempts = 2;
/** How registries say that a tag may not be moved; 409 and 412 say that something else is there. */
const stateStatuses: ReadonlySet<number> = new Set([400, 403, 405, 409, 412]);

/**
 * PUT. With `digest` and `tags` all tags travel in one request; a registry that does not know that form stores the
 * manifest under its digest and says nothing of tags.
 */
export async function putManifest(
  place: Place,
  manifest: Manifest,
  target: ManifestTarget,
  signal: AbortSignal,
): Promise<ManifestPut> {
  const reference = 'tag' in target ? target.tag : target.digest;
  const what = `put the manifest at ${nameOf(place, reference)}`;
  const put = { place, manifest, target, reference, what };
  place.askForPush();
  return place.operate(
    'manifest',
    what,
    async (number) => {
      // The answer to an earlier try may have been lost.
      if (number > 1 && (await shows(put, signal)) === manifest.digest) return readState(put, signal);
      const response = await sendPut(put, signal);
      if (response.status >= 200 && response.status < 300) return readPut(put, response, signal);
      await lookInto(put, await unexpected(response, signal), signal);
      return readState(put, signal);
    },
    signal,
  );
}

async function sendPut({ place, manifest, target, reference, what }: Put, signal: AbortSignal): Promise<WireResponse> {
  const tags = 'tag' in target ? [] : (target.tags ?? []);
  const query = tags.map((tag) => `tag=${encodeURIComponent(tag)}`).join('&');
  const to = `manifests/${reference}${query === '' ? '' : `?${query}`}`;
  const headers = { 'content-type': manifest.mediaType };
  const body = bytesBody(manifest.bytes);
  return place.send({ method: 'PUT', to, headers, body, redirects: 'own-origin', what }, signal);
}

async function readPut(put: Put, response: WireResponse, signal: AbortSignal): Promise<ManifestPut> {
  const { place, manifest, target, what } = put;
  await discard(response, signal);
  const stored = headerOf(response, 'docker-content-digest') ?? '';
  if (isDigest(stored)) checkDigest(place, what, manifest.digest, stored);
  const seenSubject = headerOf(response, 'oci-subject');
  const confirmedTags = 'tag' in target ? [target.tag] : confirmedOf(response, target.tags ?? []);
  return { confirmedTags, ...(seenSubject === undefined ? {} : { seenSubject }) };
}

/** What was done, as the registry shows it: the manifest is at its place, and tags that travelled along may be too. */
async function readState(put: Put, signal: AbortSignal): Promise<ManifestPut> {
  const { target, manifest } = put;
  if ('tag' in target) return { confirmedTags: [target.tag] };
  const tags = target.tags ?? [];
  const seen = await Promise.all(tags.map((reference) => shows({ ...put, reference }, signal)));
  return { confirmedTags: tags.filter((_, position) => seen[position] === manifest.digest) };
}

/** OCI-Tag may come several times, and hold several tags each time. */
function confirmedOf(response: WireResponse, tags: readonly string[]): readonly string[] {
  const echoed = new Set(
    headersOf(response, 'oci-tag')
      .flatMap((value) => value.split(','))
      .map((tag) => tag.trim()),
  );
  return tags.filter((tag) => echoed.has(tag));
}

/** The digest that the registry shows at the target; undefined: none, or it does not say. */
async function shows({ place, reference, what }: Put, signal: AbortSignal): Promise<Digest | undefined> {
  const head = await tryHead(place, reference, what, signal);
  return head === undefined || head === 'ask again' ? undefined : head.digest;
}

/** Returns when the manifest is where it belongs all the same; throws what the refusal means otherwise. */
async function lookInto(put: Put, error: UnexpectedAnswer, signal: AbortSignal): Promise<void> {
  const { answer } = error;
  if (answer.status === 404) return lookForContent(put, error, signal);
  const operation = { kind: 'manifest', what: put.what, repository: put.place.name, party: put.place.party } as const;
  if (answer.status === 413) throw tooLargeManifest(operation, answer, put.manifest.bytes.length);
  const isAboutState = [409, 412].includes(answer.status) || isAboutImmutability(answer);
  if (!stateStatuses.has(answer.status) || !isAboutState) throw error;
  const there = await shows(put, signal);
  if (there === put.manifest.digest) return;
  if (!('tag' in put.target) || (there === undefined && !isAboutImmutability(answer))) throw error;
  throw immutableTag(operation, answer, { tag: put.target.tag, ours: put.manifest.digest, theirs: there });
}

/**
 * A registry that cannot find something: whether that is a part of the image, the repository, or just a replica that
 * lags behind shows when the parts are looked for.
 */
async function lookForContent(put: Put, error: UnexpectedAnswer, signal: AbortSignal): Promise<never> {
  const { place, manifest, what } = put;
  const { answer } = error;
  const parts = partsOf(manifest);
  const seen = await Promise.all(parts.map((part) => isThere(place, part, what, signal)));
  const missing = parts.filter((_, position) => seen[position] === false);
  const operation = { kind: 'manifest', what, repository: place.name, party: place.party } as const;
  // Nothing of it is there: then it is the repository that is missing.
  if (missing.length === parts.length && (parts.length > 0 || answer.codes.includes('NAME_UNKNOWN'))) throw error;
  if (missing.length > 0)
    throw lostContent(
      operation,
      answer,
      missing.map(({ digest }) => digest),
    );
  const outcome = refusal(operation, answer, { attempts: oddRefusalAttempts, elapsedMs: 0 });
  throw new StartOver('the registry has all parts of it and does not find them', oddRefusalAttempts, outcome);
}

interface Part {
  readonly digest: Digest;
  readonly isManifest: boolean;
}

async function isThere(place: Place, part: Part, what: string, signal: AbortSignal): Promise<boolean> {
  if (!part.isManifest) return seesBlob(place, part, what, signal);
  return (await tryHead(place, part.digest, what, signal)) !== undefined;
}

/** Children, config and layers; layers that are kept elsewhere (`urls`) are not looked for. */
function partsOf({ bytes }: Manifest): readonly Part[] {
  const json = parseJson(bytes);
  const blobs = [fieldOf(json, 'config'), ...arrayOf(fieldOf(json, 'layers'))];
  const read = (list: readonly unknown[], isManifest: boolean): readonly Part[] =>
    list
      .filter((descriptor) => arrayOf(fieldOf(descriptor, 'urls')).length === 0)
      .map((descriptor) => textOf(descriptor, 'digest'))
      .filter((digest) => isDigest(digest))
      .map((digest) => ({ digest, isManifest }));
  return [...read(blobs, false), ...read(arrayOf(fieldOf(json, 'manifests')), true)];
}
