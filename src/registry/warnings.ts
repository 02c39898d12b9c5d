// What registries have to say beside their answers: an end of service, a token that is about to expire, a quota that is
// nearly used up. Printed once each. The `Warning` header with code 299: OCI distribution-spec 1.1, "Warnings"; RFC 7234, 5.5.
import type { Log } from '../base/log.ts';
import { cleanLine } from './answer.ts';
import { headersOf, type WireResponse } from './wire.ts';

/** A registry that says something new each time is not listened to for ever. */
const maxWarnings = 20;

/** The warnings of a run. */
export class Warnings {
  readonly #log: Log;
  readonly #said = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Prints what an answer warns of. */
  note(host: string, response: WireResponse): void {
    for (const value of headersOf(response, 'warning')) {
      for (const [, quoted = ''] of value.matchAll(/\b299 \S+ "((?:[^"\\]|\\.)*)"/g)) {
        const text = cleanLine(quoted.replace(/\\(.)/g, '$1'));
        const line = `${host} warns: ${text}`;
        if (text === '' || this.#said.has(line) || this.#said.size >= maxWarnings) continue;
        this.#said.add(line);
        this.#log.warn(line);
      }
    }
  }
}
