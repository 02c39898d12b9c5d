// What a build may not change on a shared daemon: the image list before and after, and every name that was ever tagged in
// between, read from the daemon's own events. Docker Engine API v1.41, GET /images/json and GET /events.
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { engineJson, engineRequest } from './engine-api.ts';

/** One image as `GET /images/json?all=1` lists it, without counters that move by themselves. */
export interface ImageRecord {
  readonly id: string;
  readonly parent: string;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
}

/** Every image of the engine, intermediate ones too, sorted by id: compare two of them with toEqual. */
export async function snapshotImages(engine: { readonly socket: string }): Promise<readonly ImageRecord[]> {
  const listed = await engineJson(engine, 'GET', '/images/json?all=1');
  if (!Array.isArray(listed)) throw new Error('the image list is not a list');
  return listed
    .map((image: Record<string, unknown>) => ({
      id: text(image['Id']),
      parent: text(image['ParentId']),
      tags: names(image['RepoTags']),
      digests: names(image['RepoDigests']),
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function names(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(text).sort() : [];
}

/** One event of the daemon: `image tag docker-build.invalid/x:1`. */
export interface EngineEvent {
  readonly type: string;
  readonly action: string;
  /** Image name or id, container id, volume name. */
  readonly id: string;
  readonly name: string;
}

/** Records the daemon's events from now on. */
export class EventRecorder {
  readonly #socket: string;
  readonly #call: ClientRequest;
  readonly #events: EngineEvent[] = [];
  readonly #waiting = new Map<string, () => void>();

  private constructor(socket: string, call: ClientRequest, response: IncomingMessage) {
    this.#socket = socket;
    this.#call = call;
    let rest = '';
    response.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#take(line);
    });
    response.on('error', () => undefined);
  }

  static async start(engine: { readonly socket: string }): Promise<EventRecorder> {
    const call = request({ socketPath: engine.socket, path: '/events', agent: false });
    call.on('error', () => undefined);
    call.end();
    const [response]: unknown[] = await once(call, 'response');
    const recorder = new EventRecorder(engine.socket, call, response as IncomingMessage);
    await recorder.#mark();
    return recorder;
  }

  /** Ends the recording once everything that has happened so far has arrived. */
  async stop(): Promise<readonly EngineEvent[]> {
    await this.#mark();
    this.#call.destroy();
    return this.#events.filter((event) => !event.id.startsWith(markPrefix));
  }

  /** Makes the daemon emit an event of ours and waits for it: what came before has then arrived too. */
  async #mark(): Promise<void> {
    const name = `${markPrefix}${randomUUID()}`;
    const seen = new Promise<void>((resolve) => this.#waiting.set(name, resolve));
    await engineRequest({ socket: this.#socket }, 'POST', '/volumes/create', {
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify({ Name: name })),
    });
    await engineRequest({ socket: this.#socket }, 'DELETE', `/volumes/${name}`);
    await seen;
  }

  #take(line: string): void {
    const event = JSON.parse(line) as {
      Type?: string;
      Action?: string;
      Actor?: { ID?: string; Attributes?: { name?: string } };
    };
    const id = event.Actor?.ID ?? '';
    this.#events.push({
      type: event.Type ?? '',
      action: event.Action ?? '',
      id,
      name: event.Actor?.Attributes?.name ?? '',
    });
    if (event.Action === 'destroy') this.#waiting.get(id)?.();
  }
}

const markPrefix = 'docker-build-test-mark-';

/** Every image name that the events tell of, except ids: what was tagged, loaded, pulled or removed. */
export function imageNamesIn(events: readonly EngineEvent[]): readonly string[] {
  const seen = events
    .filter((event) => event.type === 'image')
    .flatMap((event) => [event.id, event.name])
    .filter((name) => name !== '' && !/^(sha256:)?[0-9a-f]{64}$/.test(name));
  return [...new Set(seen)].sort();
}
