// Plain requests to a registry of the bench, past every proxy: for the oracle, and to put images there beforehand. Logs in where
// the registry asks for it.
import { buffer } from 'node:stream/consumers';
import { type IncomingMessage, request } from 'node:http';
import { once } from 'node:events';

export interface AccessibleRegistry {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly login?: { readonly username: string; readonly password: string };
}

export interface RegistryAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

const manifestTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

/** One repository of a registry. */
export class RegistryAccess {
  readonly #registry: AccessibleRegistry;
  readonly #repository: string;
  #authorization: string | undefined;

  constructor(registry: AccessibleRegistry, repository: string) {
    this.#registry = registry;
    this.#repository = repository;
  }

  /** @param place below the repository: `manifests/1.2`; or a whole URL */
  async ask(method: string, place: string, body?: Buffer, mediaType?: string): Promise<RegistryAnswer> {
    const url = place.startsWith('http') ? place : `${this.#registry.url}/v2/${this.#repository}/${place}`;
    const first = await this.#send(method, url, body, mediaType);
    if (first.status !== 401 || this.#registry.login === undefined) return first;
    this.#authorization = await this.#answerTo(String(first.headers['www-authenticate']));
    return this.#send(method, url, body, mediaType);
  }

  /** Stores a blob. Throws when the registry does not say that it has. */
  async putBlob(digest: string, bytes: Buffer): Promise<void> {
    const opened = await this.ask('POST', 'blobs/uploads/');
    const location = new URL(String(opened.headers['location']), this.#registry.url);
    location.searchParams.set('digest', digest);
    expectCreated(await this.ask('PUT', location.href, bytes), digest);
  }

  /** Stores a manifest under a digest or tag. Throws when the registry does not say that it has. */
  async putManifest(reference: string, bytes: Buffer, mediaType: string): Promise<void> {
    expectCreated(await this.ask('PUT', `manifests/${reference}`, bytes, mediaType), reference);
  }

  async #send(method: string, url: string, body: Buffer | undefined, mediaType?: string): Promise<RegistryAnswer> {
    const call = request(url, {
      method,
      agent: false,
      headers: {
        accept: manifestTypes,
        'content-length': body?.length ?? 0,
        'content-type': mediaType ?? 'application/octet-stream',
        ...(this.#authorization === undefined ? {} : { authorization: this.#authorization }),
      },
    });
    call.end(body);
    const [answer] = (await once(call, 'response')) as [IncomingMessage];
    return { status: answer.statusCode ?? 0, headers: answer.headers, body: await buffer(answer) };
  }

  async #answerTo(challenge: string): Promise<string> {
    const { username = '', password = '' } = this.#registry.login ?? {};
    const basic = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    if (!/^bearer /i.test(challenge)) return basic;
    const field = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(challenge)?.[1] ?? '';
    const realm = new URL(field('realm'));
    realm.searchParams.set('service', field('service'));
    realm.searchParams.set('scope', `repository:${this.#repository}:pull,push`);
    const answer = await fetch(realm, { headers: { authorization: basic } });
    const { token } = (await answer.json()) as { token: string };
    return `Bearer ${token}`;
  }
}

function expectCreated({ status, body }: RegistryAnswer, what: string): void {
  if (status !== 201) throw new Error(`${what} could not be put there beforehand: ${status} ${body.toString('utf8')}`);
}
