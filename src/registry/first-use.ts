// A login that goes out as it is (Basic, a ready token) is tried by one request first. If it is refused, the requests that
// waited never leave, and nothing is ever sent with it again: many places lock an account after a few wrong passwords.
import { orAbort } from './abortable.ts';
import type { RegistryError } from './registry-error.ts';
import type { WireResponse } from './wire.ts';

/** Remembers which logins a registry has accepted or refused; keys are of `credentialKey`. */
export class FirstUse {
  readonly #accepted = new Set<string>();
  readonly #refused = new Map<string, RegistryError>();
  readonly #trials = new Map<string, Promise<void>>();

  /**
   * Sends a request with a login, once nothing speaks against it.
   *
   * @param refusal reads the 401 of a first use; undefined: it says nothing about the login
   * @returns any answer, also a 401 to a login that was accepted before
   */
  async send(
    key: string,
    send: () => Promise<WireResponse>,
    refusal: (response: WireResponse) => Promise<RegistryError | undefined>,
    signal: AbortSignal,
  ): Promise<WireResponse> {
    for (let trial = this.#trials.get(key); trial !== undefined; trial = this.#trials.get(key)) {
      await orAbort(trial, signal);
    }
    const refused = this.#refused.get(key);
    if (refused !== undefined) throw refused;
    if (this.#accepted.has(key)) return send();
    const trial = this.#try(key, send, refusal);
    const over = trial.then(
      () => undefined,
      () => undefined,
    );
    this.#trials.set(key, over);
    void over.then(() => this.#trials.delete(key));
    return trial;
  }

  async #try(
    key: string,
    send: () => Promise<WireResponse>,
    refusal: (response: WireResponse) => Promise<RegistryError | undefined>,
  ): Promise<WireResponse> {
    const response = await send();
    if (response.status === 401) {
      const error = await refusal(response);
      if (error === undefined) return response;
      this.#refused.set(key, error);
      throw error;
    }
    // A busy or broken registry may not have looked at the login.
    if (response.status < 500 && response.status !== 429) this.#accepted.add(key);
    return response;
  }
}
