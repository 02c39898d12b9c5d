// The few Engine API calls that tests make about an engine, on plain node:http, so that what is under test is never
// its own witness. Docker Engine API v1.41: https://docs.docker.com/engine/api/v1.41/
import { request } from 'node:http';
import { once } from 'node:events';

export interface EngineAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/** One request to the daemon at a unix socket; the whole answer is read. */
export async function engineRequest(
  engine: { readonly socket: string },
  method: string,
  path: string,
  options: { readonly headers?: Readonly<Record<string, string>>; readonly body?: Buffer } = {},
): Promise<EngineAnswer> {
  const call = request({ socketPath: engine.socket, method, path, agent: false, headers: options.headers ?? {} });
  call.end(options.body);
  const [response]: unknown[] = await once(call, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return { status: (response as { statusCode: number }).statusCode, body: Buffer.concat(chunks) };
}

/** The same, for JSON; an answer that is not 2xx throws with the daemon's words. */
export async function engineJson(engine: { readonly socket: string }, method: string, path: string): Promise<unknown> {
  const answer = await engineRequest(engine, method, path);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.body.toString('utf8')}`);
  const parsed: unknown = JSON.parse(answer.body.toString('utf8'));
  return parsed;
}
