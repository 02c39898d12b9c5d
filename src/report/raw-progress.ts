// BuildKit's progress as JSON lines, in the form of `docker buildx build --progress=rawjson`. What a step prints travels in
// base64 there, where no reader of a log would see a secret and no mask would find it: so it is cut into whole lines and
// masked before it is encoded.
import type { StatusUpdate, VertexLog } from '../buildkit/status.ts';

/** A line that grows beyond this is written in parts. */
const maxPartialBytes = 1024 * 1024;

/** Writes one line for each message. Call `end` once. */
export class RawProgress {
  readonly #write: (line: string) => void;
  readonly #redact: (text: string) => string;
  /** What came of a line so far, by vertex and stream. */
  readonly #partial = new Map<string, Buffer>();

  /** @param write takes one line without a line end */
  constructor(write: (line: string) => void, redact: (text: string) => string) {
    this.#write = write;
    this.#redact = redact;
  }

  update({ vertexes, statuses, logs, warnings }: StatusUpdate): void {
    const line = {
      ...optional(
        'vertexes',
        vertexes.map(({ digest, inputs, name, cached, error, startedMs, completedMs }) => ({
          digest,
          ...optional('inputs', inputs),
          name: this.#redact(name),
          ...time('started', startedMs),
          ...time('completed', completedMs),
          ...(cached ? { cached } : {}),
          ...(error === '' ? {} : { error: this.#redact(error) }),
        })),
      ),
      ...optional(
        'statuses',
        statuses.map(({ id, vertex, name, total, current, timestampMs, startedMs, completedMs }) => ({
          id,
          vertex,
          name: this.#redact(name),
          total,
          current,
          ...time('timestamp', timestampMs),
          ...time('started', startedMs),
          ...time('completed', completedMs),
        })),
      ),
      ...optional(
        'logs',
        logs.flatMap((log) => this.#wholeLines(log)),
      ),
      ...optional(
        'warnings',
        warnings.map(({ vertex, level, short, url }) => ({
          vertex,
          level,
          short: Buffer.from(this.#redact(short)).toString('base64'),
          url,
        })),
      ),
    };
    if (Object.keys(line).length > 0) this.#write(JSON.stringify(line));
  }

  /** Writes what steps printed without a final line end. */
  end(): void {
    const logs = [...this.#partial].map(([key, bytes]) => {
      const [vertex = '', stream = ''] = key.split(' ');
      return { vertex, stream: Number(stream), data: this.#encode(bytes) };
    });
    this.#partial.clear();
    if (logs.length > 0) this.#write(JSON.stringify({ logs }));
  }

  #wholeLines({ vertex, stream, data, timestampMs }: VertexLog): readonly object[] {
    const key = `${vertex} ${stream}`;
    const bytes = Buffer.concat([this.#partial.get(key) ?? Buffer.alloc(0), data]);
    const end = bytes.length > maxPartialBytes ? bytes.length : bytes.lastIndexOf('\n') + 1;
    if (end < bytes.length) this.#partial.set(key, bytes.subarray(end));
    else this.#partial.delete(key);
    if (end === 0) return [];
    return [{ vertex, stream, data: this.#encode(bytes.subarray(0, end)), ...time('timestamp', timestampMs) }];
  }

  #encode(bytes: Buffer): string {
    return Buffer.from(this.#redact(bytes.toString('utf8'))).toString('base64');
  }
}

function optional(name: string, list: readonly unknown[]): Readonly<Record<string, readonly unknown[]>> {
  return list.length === 0 ? {} : { [name]: list };
}

function time(name: string, milliseconds: number | undefined): Readonly<Record<string, string>> {
  return milliseconds === undefined ? {} : { [name]: new Date(milliseconds).toISOString() };
}
