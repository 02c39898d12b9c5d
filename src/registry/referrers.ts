// What refers to a manifest by its `subject`: signatures, attestations, lists of contents. A registry without the API for that
// has the list under a tag made of the digest, and whoever puts such a manifest there has to write it into that list.
// OCI distribution-spec 1.1, "Listing Referrers", "Referrers Tag Schema", "Pushing Manifests with Subject".
import { type Digest, isDigest, sha256 } from '../base/digest.ts';
import { arrayOf, fieldOf, givenText, parseJson, textOf } from '../base/json-fields.ts';
import { nextPageQuery } from './link.ts';
import { badList, readList } from './list-page.ts';
import { getManifest, type Manifest } from './manifests.ts';
import { unexpected } from './answer.ts';
import type { Place } from './place.ts';
import { putManifest } from './put-manifest.ts';
import { RegistryError } from './registry-error.ts';
import { discard, headersOf } from './wire.ts';

/** A manifest that refers to another one, as the list describes it. */
export interface Referrer {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const indexType = 'application/vnd.oci.image.index.v1+json';
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
/** A list of so many pages repeats itself. */
const maxPages = 1000;
/** How registries without the API answer: not found, not allowed, not done, or a redirect to some web page. */
const withoutApi: ReadonlySet<number> = new Set([400, 403, 404, 405, 406, 410, 415, 501]);

/** The references in one repository. */
export class Referrers {
  readonly #place: Place;
  readonly #listed = new Set<Digest>();
  #hasApi: boolean | undefined;
  /** One change of a list at a time: each reads what the one before wrote. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(place: Place) {
    this.#place = place;
  }

  /** Everything that refers to a manifest; nothing where nothing does, or nobody keeps count. Throws RegistryError. */
  async list(subject: Digest, signal: AbortSignal): Promise<readonly Referrer[]> {
    const listed = this.#hasApi === false ? undefined : await this.#ask(subject, signal);
    if (listed !== undefined) return listed;
    const list = await getManifest(this.#place, tagOf(subject), signal);
    return list === undefined ? [] : referrersIn(parseJson(list.bytes));
  }

  /**
   * Makes a manifest known that was just put, when it refers to another one and the registry does not do it by itself. A list
   * that may not be changed is a warning: what was put is there, only harder to find.
   *
   * @param seenSubject what the registry said that it has noticed (`OCI-Subject`)
   */
  async enter(manifest: Manifest, seenSubject: string | undefined, signal: AbortSignal): Promise<void> {
    const json = isOfOci(manifest) ? parseJson(manifest.bytes) : undefined;
    const subject = textOf(fieldOf(json, 'subject'), 'digest');
    if (!isDigest(subject) || this.#listed.has(manifest.digest)) return;
    if (seenSubject === subject) {
      this.#hasApi = true;
    } else {
      const entering = this.#turn.then(() => this.#enterInTurn(subject, describe(manifest, json), signal));
      this.#turn = entering.catch(() => undefined);
      await entering;
    }
    this.#listed.add(manifest.digest);
  }

  async #enterInTurn(subject: Digest, entry: Referrer, signal: AbortSignal): Promise<void> {
    this.#hasApi ??= (await this.#ask(subject, signal)) !== undefined;
    if (this.#hasApi) return;
    const tag = tagOf(subject);
    const old = await getManifest(this.#place, tag, signal);
    const index = old === undefined ? undefined : parseJson(old.bytes);
    if (referrersIn(index).some(({ digest }) => digest === entry.digest)) return;
    try {
      await putManifest(this.#place, withEntry(index, entry), { tag }, signal);
    } catch (error) {
      if (!(error instanceof RegistryError && error.code === 'tag-immutable')) throw error;
      this.#place.log.warn(
        `${entry.digest} is in ${this.#place.name}, but who looks for what refers to ${subject} will not find it: ` +
          `the list of that is the tag ${tag}, which may not be moved`,
      );
    }
  }

  /** undefined: the registry does not have the API. */
  async #ask(subject: Digest, signal: AbortSignal): Promise<readonly Referrer[] | undefined> {
    const found = new Map<Digest, Referrer>();
    let query: string | undefined = '';
    for (let count = 0; query !== undefined && count < maxPages; count += 1) {
      const page = await this.#readPage(`referrers/${subject}${query}`, query === '', signal);
      if (page === undefined) {
        this.#hasApi = false;
        return undefined;
      }
      const sizeBefore = found.size;
      for (const referrer of page.found) found.set(referrer.digest, referrer);
      // A page of nothing new is the last one again.
      query = found.size === sizeBefore || page.next === undefined ? undefined : `?${page.next}`;
    }
    if (query !== undefined) throw badList(this.#place, this.#what, `it has more than ${maxPages} pages`);
    this.#hasApi = true;
    return [...found.values()];
  }

  get #what(): string {
    return `list what refers to a manifest of ${this.#place.name}`;
  }

  /** undefined: the registry does not have the API, which only the first page can tell. */
  async #readPage(
    to: string,
    isFirst: boolean,
    signal: AbortSignal,
  ): Promise<{ readonly found: readonly Referrer[]; readonly next: string | undefined } | undefined> {
    const place = this.#place;
    const what = this.#what;
    return place.operate(
      'read',
      what,
      async () => {
        const request = { method: 'GET', to, headers: { accept: indexType }, redirects: 'none', what } as const;
        const response = await place.send(request, signal);
        const { status } = response;
        if (isFirst && (withoutApi.has(status) || (status >= 300 && status < 400))) {
          await discard(response, signal);
          return undefined;
        }
        if (status !== 200) throw await unexpected(response, signal);
        const json = await readList(place, response, what, signal);
        if (!Array.isArray(fieldOf(json, 'manifests'))) {
          // A page of a web site may come with 200 as well.
          if (isFirst) return undefined;
          throw badList(place, what, 'a page of it is none');
        }
        return { found: referrersIn(json), next: nextPageQuery(headersOf(response, 'link')) };
      },
      signal,
    );
  }
}

/** `sha256-<hex>`: where the list is when there is no API for it. */
function tagOf(subject: Digest): string {
  return subject.replace(':', '-');
}

function isOfOci({ mediaType }: Manifest): boolean {
  return mediaType === manifestType || mediaType === indexType;
}

function describe(manifest: Manifest, json: unknown): Referrer {
  const artifactType = givenText(json, 'artifactType') ?? givenText(fieldOf(json, 'config'), 'mediaType');
  const annotations = annotationsOf(json);
  return {
    digest: manifest.digest,
    mediaType: manifest.mediaType,
    sizeBytes: manifest.bytes.length,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** The list with one entry more; what else was in it stays. */
function withEntry(index: unknown, entry: Referrer): Manifest {
  const { digest, mediaType, sizeBytes, ...rest } = entry;
  const manifests = [...arrayOf(fieldOf(index, 'manifests')), { mediaType, digest, size: sizeBytes, ...rest }];
  const old = typeof index === 'object' && index !== null ? index : {};
  const json = JSON.stringify({ ...old, schemaVersion: 2, mediaType: indexType, manifests });
  const bytes = Buffer.from(json, 'utf8');
  return { mediaType: indexType, bytes, digest: sha256(bytes) };
}

/** The entries that are of use: with a digest that we know how to check, and a size. */
function referrersIn(index: unknown): readonly Referrer[] {
  return arrayOf(fieldOf(index, 'manifests')).flatMap((entry) => {
    const digest = textOf(entry, 'digest');
    const sizeBytes = fieldOf(entry, 'size');
    if (!isDigest(digest) || typeof sizeBytes !== 'number') return [];
    const artifactType = givenText(entry, 'artifactType');
    const annotations = annotationsOf(entry);
    return [
      {
        digest,
        mediaType: textOf(entry, 'mediaType'),
        sizeBytes,
        ...(artifactType === undefined ? {} : { artifactType }),
        ...(annotations === undefined ? {} : { annotations }),
      },
    ];
  });
}

function annotationsOf(json: unknown): Readonly<Record<string, string>> | undefined {
  const annotations = fieldOf(json, 'annotations');
  if (typeof annotations !== 'object' || annotations === null) return undefined;
  return Object.fromEntries(
    Object.entries(annotations).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
