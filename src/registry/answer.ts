// Reads what a registry says when it does not do what was asked: the JSON of the distribution spec, other JSON, HTML pages
// of proxies, plain text. At most 64 KiB are read and 300 characters kept, without control characters: it is foreign text.
import { fieldOf, parseJson, textOf } from '../base/json-fields.ts';
import { readRetryAfter } from '../base/transient.ts';
import { parseChallenges, type Challenge } from './challenge.ts';
import { headerOf, headersOf, readBody, type WireResponse } from './wire.ts';
import { shownUrl } from './redirect.ts';

const maxBodyBytes = 64 * 1024;
const maxSaidLength = 300;

/** An answer that is not the one that was hoped for. */
export interface Answer {
  readonly status: number;
  readonly method: string;
  /** Without query. */
  readonly url: string;
  readonly origin: string;
  readonly challenges: readonly Challenge[];
  readonly retryAfterMs?: number;
  /** `errors[].code` in upper case. */
  readonly codes: readonly string[];
  /** One line for people. */
  readonly said?: string;
  readonly isHtml: boolean;
  /** Of a 403 with a login: who may not do what. */
  readonly rights?: string;
  /** Not the registry said it, but who gives out tokens for it. */
  readonly isOfTokenServer?: boolean;
}

/** Thrown within a task for an answer that the task cannot use; retry and wording look at `answer`. */
export class UnexpectedAnswer extends Error {
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(`${answer.method} ${answer.url}: ${String(answer.status)}`);
    this.answer = answer;
  }
}

/** Reads an answer to its end (or to its limit), so that its connection is free again. Never fails. */
export async function readAnswer(response: WireResponse, signal: AbortSignal): Promise<Answer> {
  const body = await readBody(response, maxBodyBytes, signal).catch(() => Buffer.alloc(0));
  const text = body.toString('utf8');
  const isHtml = /^\s*<(?:!doctype|!--|html|head|body|title|center|\?xml)/i.test(text);
  const { codes, said } = isHtml ? { codes: [], said: titleOf(text) } : readText(text);
  const retryAfterMs = readRetryAfter(headerOf(response, 'retry-after'), new Date());
  const line = cleanLine(said);
  return {
    status: response.status,
    method: response.method,
    url: shownUrl(response.target),
    origin: response.target.origin,
    challenges: parseChallenges(headersOf(response, 'www-authenticate')),
    codes,
    isHtml,
    ...(line === '' ? {} : { said: line }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(response.rights === undefined ? {} : { rights: response.rights }),
  };
}

/** `UnexpectedAnswer` of a response. */
export async function unexpected(response: WireResponse, signal: AbortSignal): Promise<UnexpectedAnswer> {
  return new UnexpectedAnswer(await readAnswer(response, signal));
}

function readText(text: string): { readonly codes: readonly string[]; readonly said: string } {
  const json = parseJson(text);
  if (json === undefined) return { codes: [], said: text };
  const errors = fieldOf(json, 'errors');
  const list: readonly unknown[] = Array.isArray(errors) ? errors : [];
  const codes = list.map((error) => textOf(error, 'code').toUpperCase()).filter((code) => code !== '');
  const messages = list.map(describeError).filter((message) => message !== '');
  const other = ['message', 'details', 'detail', 'error_description', 'error'].map((name) => textOf(json, name));
  return { codes, said: messages.length > 0 ? messages.join('; ') : (other.find((value) => value !== '') ?? '') };
}

function describeError(error: unknown): string {
  const message = textOf(error, 'message') || textOf(error, 'code');
  const detail = textOf(error, 'detail');
  return detail === '' || detail === message ? message : `${message} (${detail})`;
}

function titleOf(html: string): string {
  return /<title[^>]*>([^<]*)/i.exec(html)?.[1] ?? 'a web page without title';
}

/** Foreign text as one line: without control characters, and not too long. */
export function cleanLine(text: string): string {
  const line = text
    .replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .replace(/ {2,}/g, ' ')
    .trim();
  return line.length > maxSaidLength ? `${line.slice(0, maxSaidLength)}...` : line;
}
