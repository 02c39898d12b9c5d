// How the registry in memory takes blobs, and the habits in which registries differ about that. OCI distribution-spec 1.1,
// "Pushing blobs"; who has which habit is in the documentation and issue trackers of the registries.
import { createHash, randomUUID } from 'node:crypto';
import type { Call, CannedAnswer, StoredRepository } from './memory-registry.ts';

/** What a registry does about blobs; what is left out is done by the book. */
export interface BlobHabits {
  /** What it asks chunks to have at least. */
  readonly minChunkBytes?: number;
  /** 416 for a chunk of more. */
  readonly maxChunkBytes?: number;
  /** How the place of an upload is named. */
  readonly location?: 'path' | 'absolute' | 'relative' | 'none';
  /** The one request that may carry bytes; the other is refused with 405. */
  readonly bodies?: 'PUT' | 'PATCH';
  /**
   * `ignored` = an upload is opened instead; `referenced` = only what a manifest there names; `forged` = a yes without deed; `by
   * source` = an error without `from`.
   */
  readonly mounts?: 'ignored' | 'referenced' | 'forged' | 'by source';
  /** Status of a HEAD for a blob that is not there; 404 by the book. */
  readonly absent?: number;
  /** Status of a PUT of a blob that is there; 201 by the book. */
  readonly known?: number;
  /** Status of a PUT that was good; 201 by the book. */
  readonly created?: number;
  /** Status of a cancel; 204 by the book. */
  readonly cancelled?: number;
  /** The status of an upload tells of the first chunk only. */
  readonly isStatusStale?: boolean;
}

/** Habits by the name of those who have them. */
export const personalities = {
  ghcr: { location: 'path', maxChunkBytes: 4 * 1024 * 1024, cancelled: 405 },
  ecr: { location: 'absolute', bodies: 'PUT', mounts: 'referenced', isStatusStale: true },
  harbor: { location: 'absolute' },
  nexus: { location: 'path', known: 400 },
  quay: { location: 'absolute', mounts: 'by source', cancelled: 401 },
  artifactory: { location: 'absolute', absent: 403, mounts: 'ignored' },
} as const satisfies Record<string, BlobHabits>;

/** The blobs and open uploads of a registry. */
export class MemoryUploads {
  readonly #habits: BlobHabits;
  readonly #url: () => string;
  readonly #repositoryAt: (path: string) => StoredRepository | undefined;
  /** What has come, by the path of the upload. */
  readonly #open = new Map<string, Buffer>();

  /** @param url of the registry */
  constructor(habits: BlobHabits, url: () => string, repositoryAt: (path: string) => StoredRepository | undefined) {
    this.#habits = habits;
    this.#url = url;
    this.#repositoryAt = repositoryAt;
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** Answers a request below `blobs/uploads/`. */
  handle(repository: StoredRepository, name: string, call: Call): CannedAnswer {
    const { method, url } = call;
    if (method === 'POST') return this.#start(repository, name, url);
    const before = this.#open.get(url.pathname);
    if (before === undefined) return problem(404, 'BLOB_UPLOAD_UNKNOWN');
    if (method === 'DELETE') return this.#cancel(url);
    if (method === 'GET') return this.#status(url, before);
    const { bodies = method } = this.#habits;
    if (bodies !== method && call.body.length > 0) return problem(405, 'UNSUPPORTED');
    const whole = Buffer.concat([before, call.body]);
    return method === 'PATCH' ? this.#take(call, whole) : this.#finish(repository, url, whole);
  }

  /** Answers a HEAD or GET of a blob. */
  answer(blob: Buffer | undefined, digest: string): CannedAnswer {
    if (blob === undefined) return problem(this.#habits.absent ?? 404, 'BLOB_UNKNOWN');
    const headers = { 'docker-content-digest': digest, 'content-length': String(blob.length) };
    return { status: 200, headers, body: blob };
  }

  #start(repository: StoredRepository, name: string, url: URL): CannedAnswer {
    const mounted = this.#mount(repository, name, url);
    if (mounted !== undefined) return mounted;
    const { minChunkBytes } = this.#habits;
    const minimum = minChunkBytes === undefined ? {} : { 'oci-chunk-min-length': String(minChunkBytes) };
    const path = `/v2/${name}/blobs/uploads/${randomUUID()}`;
    this.#open.set(path, Buffer.alloc(0));
    return { status: 202, headers: { ...this.#location(`${path}?_state=a%2Bb%3D`), ...minimum } };
  }

  #mount(repository: StoredRepository, name: string, url: URL): CannedAnswer | undefined {
    const { mounts } = this.#habits;
    const digest = url.searchParams.get('mount');
    const from = url.searchParams.get('from');
    if (digest === null || mounts === 'ignored') return undefined;
    const mounted = { status: 201, headers: { location: `/v2/${name}/blobs/${digest}` } };
    if (mounts === 'forged') return mounted;
    if (mounts === 'by source' && from === null) return problem(400, 'BLOB_UPLOAD_INVALID', 'from is missing');
    const source = this.#repositoryAt(from ?? '');
    const blob = source?.blobs.get(digest);
    const isReferenced = [...(source?.manifests.values() ?? [])].some(({ bytes }) => bytes.includes(digest));
    if (blob === undefined || (mounts === 'referenced' && !isReferenced)) return undefined;
    repository.blobs.set(digest, blob);
    return mounted;
  }

  /** Each chunk has to begin where the one before ended; the Location changes with each. */
  #take({ url, body, incoming }: Call, whole: Buffer): CannedAnswer {
    const begin = whole.length - body.length;
    const range = incoming.headers['content-range'];
    const isTooLarge = range !== undefined && body.length > (this.#habits.maxChunkBytes ?? Infinity);
    if (isTooLarge || (range ?? `0-${body.length - 1}`) !== `${begin}-${whole.length - 1}`)
      return problem(416, 'BLOB_UPLOAD_INVALID');
    const next = `${url.pathname.replace(/\.\d+$/, '')}.${whole.length}`;
    this.#open.delete(url.pathname);
    this.#open.set(next, whole);
    return { status: 202, headers: { ...this.#location(`${next}${url.search}`), range: `0-${whole.length - 1}` } };
  }

  #finish(repository: StoredRepository, url: URL, body: Buffer): CannedAnswer {
    if (!url.search.startsWith('?_state=a%2Bb%3D&digest='))
      return problem(400, 'BLOB_UPLOAD_INVALID', 'the state was changed');
    const digest = url.searchParams.get('digest') ?? '';
    this.#open.delete(url.pathname);
    if (digestOf(body) !== digest) return problem(400, 'DIGEST_INVALID');
    const { known = 201, created = 201 } = this.#habits;
    if (repository.blobs.has(digest) && known >= 300)
      return problem(known, 'BLOB_UPLOAD_INVALID', 'repository does not allow updating assets');
    repository.blobs.set(digest, body);
    return { status: created, headers: { 'docker-content-digest': digest } };
  }

  #status(url: URL, bytes: Buffer): CannedAnswer {
    const end = this.#habits.isStatusStale === true ? Math.min(bytes.length, 1000) : bytes.length;
    return { status: 204, headers: { location: url.pathname + url.search, range: `0-${Math.max(0, end - 1)}` } };
  }

  #cancel(url: URL): CannedAnswer {
    const { cancelled = 204 } = this.#habits;
    if (cancelled < 300) this.#open.delete(url.pathname);
    return { status: cancelled };
  }

  #location(path: string): Readonly<Record<string, string>> {
    const { location = 'path' } = this.#habits;
    if (location === 'none') return {};
    if (location === 'absolute') return { location: `${this.#url()}${path}` };
    return { location: location === 'path' ? path : path.slice(path.lastIndexOf('/') + 1) };
  }
}

/** An error as the specification writes it. */
export function problem(
  status: number,
  code: string,
  message = '',
  headers: Record<string, string> = {},
): CannedAnswer {
  return { status, headers, body: JSON.stringify({ errors: [{ code, message }] }) };
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
