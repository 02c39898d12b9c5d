// A cloud for tests: answers by the order of a script, keeps every question, and owns the clock.
import { PluginError } from '../../../src/base/plugin-error.ts';
import { type CloudAnswer, type CloudCall, CloudUnreachable } from '../../../src/credentials/cloud-http.ts';
import type { CloudTools } from '../../../src/credentials/cloud-tools.ts';

export interface ScriptedCloud {
  readonly tools: CloudTools;
  /** Sent through the proxies of the step. */
  readonly calls: readonly CloudCall[];
  /** Sent without. */
  readonly localCalls: readonly CloudCall[];
  readonly warnings: readonly string[];
  readonly redacted: readonly string[];
  pass(milliseconds: number): void;
}

/** What comes next: a status with JSON, or nothing at all. */
export type Scripted = { readonly status: number; readonly json: unknown } | 'unreachable';

export const startTime = new Date('2026-01-02T03:04:05Z');

/** Fails on a question that the script does not expect. */
export function scriptedCloud(...script: readonly Scripted[]): ScriptedCloud {
  const rest = [...script];
  const calls: CloudCall[] = [];
  const localCalls: CloudCall[] = [];
  const warnings: string[] = [];
  const redacted: string[] = [];
  let passedMs = 0;
  const answerTo = async (call: CloudCall): Promise<CloudAnswer> => {
    const next = rest.shift();
    if (next === undefined) throw new Error(`nobody expected ${call.method} ${call.url}`);
    if (next === 'unreachable') throw new CloudUnreachable(new URL(call.url).host, new Error('nobody there'));
    return {
      status: next.status,
      headers: { 'content-type': 'application/json' },
      text: typeof next.json === 'string' ? next.json : JSON.stringify(next.json),
    };
  };
  return {
    calls,
    localCalls,
    warnings,
    redacted,
    pass: (milliseconds) => {
      passedMs += milliseconds;
    },
    tools: {
      http: { send: async (call) => (calls.push(call), answerTo(call)) },
      local: { send: async (call) => (localCalls.push(call), answerTo(call)) },
      now: () => new Date(startTime.getTime() + passedMs),
      signal: new AbortController().signal,
      log: { info: () => undefined, debug: () => undefined, warn: (line) => void warnings.push(line) },
      redact: (secret) => void redacted.push(secret),
    },
  };
}

/** The fields of a form that was sent. */
export function formOf(call: CloudCall | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(new URLSearchParams(call?.body ?? ''));
}

/** Claims or header of a JWT. */
export function jwtPart(token: string | undefined, part: 0 | 1): unknown {
  return JSON.parse(Buffer.from(token?.split('.')[part] ?? '', 'base64url').toString('utf8'));
}

/** The failure that a promise ends with. */
export async function failureOf(promise: Promise<unknown>): Promise<PluginError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof PluginError) return error;
  throw new Error('that did not fail as it should', { cause: error });
}
