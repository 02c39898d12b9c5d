// dockerode for the Engine's JSON calls, over our own transport. Its own one (docker-modem) reads DOCKER_HOST and
// DOCKER_CERT_PATH by itself, cannot be aborted in every call and puts no limit on the wait for an answer.
import { parseJson } from '../base/json-fields.ts';
import type { IncomingMessage } from 'node:http';
import { callbackify } from 'node:util';
import type Dockerode from 'dockerode';
import { type ExitCode, PluginError } from '../base/plugin-error.ts';
import { errorCode, errorText } from './error-code.ts';
import { AnswerLimitError, type EngineRequest, type EngineTransport } from './transport.ts';

/** JSON calls answer from the daemon's memory or its disk; two minutes cover a busy one. */
const answerLimitMs = 120_000;
/** Inspect answers are some kB; a list of 10,000 images is below 10 MiB. */
const maxJsonBytes = 64 * 1024 * 1024;

/** A failed Engine API call. `status` is undefined when no answer came. */
export class EngineApiError extends PluginError {
  readonly status: number | undefined;
  /** The daemon's own words, or what became of the connection. */
  readonly said: string;

  constructor(options: { call: string; status?: number; said: string; exitCode?: ExitCode; cause?: unknown }) {
    super({
      code: options.status === undefined ? 'daemon-lost' : 'daemon-refused',
      exitCode: options.exitCode ?? 5,
      message: `daemon, ${options.call}: ${options.said}`,
      cause: options.cause,
    });
    this.status = options.status;
    this.said = options.said;
  }
}

/** What dockerode asks of a modem; see docker-modem's DialOptions. */
interface DialOptions {
  readonly path: string;
  readonly method?: string;
  readonly isStream?: boolean;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly abortSignal?: AbortSignal;
}

/** dockerode for an engine. Loaded on first use: a run that only checks its settings does not pay for it. */
export async function openDockerApi(transport: EngineTransport, versionPrefix: string): Promise<Dockerode> {
  const { default: Docker } = await import('dockerode');
  const modem = {
    dial(options: DialOptions, callback: (error: unknown, result?: unknown) => void): void {
      callbackify(() => call(transport, versionPrefix, options))(callback);
    },
  };
  const options: object = { modem };
  return new Docker(options);
}

/** Reads a whole answer; more than `maxBytes` is an error. */
export async function readBody(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > maxBytes) throw new Error(`the answer is longer than ${String(maxBytes)} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The daemon's own words in an error answer: `{"message": ...}`, else the start of the text. */
export async function errorMessageOf(response: IncomingMessage): Promise<string> {
  const text = (await readBody(response, maxJsonBytes)).toString('utf8').trim();
  const parsed = parseJson(text);
  const said =
    typeof parsed === 'object' && parsed !== null && 'message' in parsed && typeof parsed.message === 'string'
      ? parsed.message
      : text;
  const oneLine = said.replace(/[\u0000-\u001f\u007f]+/g, ' ').slice(0, 300);
  return oneLine === '' ? `status ${String(response.statusCode)}` : oneLine;
}

async function call(transport: EngineTransport, versionPrefix: string, options: DialOptions): Promise<unknown> {
  const { request, signal } = toRequest(versionPrefix, options);
  const name = `${request.method} ${request.path}`;
  try {
    const response = await transport.send(request, signal);
    const status = response.statusCode ?? 0;
    if (status < 200 || status > 299) {
      throw new EngineApiError({ call: name, status, said: await errorMessageOf(response) });
    }
    if (options.isStream === true) return response;
    const body = (await readBody(response, maxJsonBytes)).toString('utf8');
    return parseJson(body) ?? body;
  } catch (error) {
    throw wordFailure(name, error, signal);
  }
}

/** Gives a transport failure the name of the call; what is worded already, and our own abort, stay as they are. */
export function wordFailure(call: string, error: unknown, signal: AbortSignal): unknown {
  if (error instanceof PluginError) return error;
  if (signal.aborted) return signal.reason;
  const said =
    error instanceof AnswerLimitError ? error.message : `connection lost (${errorCode(error) ?? errorText(error)})`;
  return new EngineApiError({ call, said, cause: error });
}

function toRequest(versionPrefix: string, dial: DialOptions): { request: EngineRequest; signal: AbortSignal } {
  const { abortSignal, ...options } = dial.options ?? {};
  const signal = dial.abortSignal ?? (abortSignal instanceof AbortSignal ? abortSignal : new AbortController().signal);
  const method = dial.method === 'POST' || dial.method === 'DELETE' ? dial.method : 'GET';
  // dockerode marks a call that takes its options as a query by a question mark at the end of the path.
  const [path = '', query] = dial.path.split('?', 2);
  const asQuery = query === undefined ? '' : toQuery(options);
  const request: EngineRequest = {
    method,
    path: versionPrefix + path + (asQuery === '' ? '' : `?${asQuery}`),
    ...(dial.isStream === true ? {} : { answerLimitMs }),
  };
  return { request, signal };
}

function toQuery(options: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options)) {
    query.set(name, typeof value === 'string' ? value : JSON.stringify(value));
  }
  return query.toString();
}
