// A login that a cloud gives out for some hours: asked for once, however many need it, and anew when it nears its end, since
// an upload may go on for longer than a token lives.
import type { Credentials } from '../base/credentials.ts';

/** What a cloud gave out. */
export interface IssuedLogin {
  readonly username: string;
  readonly password: string;
  /** Absent: it does not end during a run. */
  readonly expiresAt?: Date;
}

/** A token that ends sooner is not begun to be used: an upload with it may take as long. */
const reserveMs = 5 * 60_000;

/** Gives a login, fresh enough. */
export interface RenewedLogin<L> {
  (): Promise<L>;
  /** A registry no longer takes the login that `isIt` knows: the next call asks for another. false: it was another one. */
  forget(isIt: (login: L) => boolean): boolean;
}

/**
 * Gives the login, fresh enough. A refusal stays one: the cloud is not asked again. When only the renewal fails, what is left
 * of the old login is used, without further attempts.
 */
export function renewedLogin<L extends { readonly expiresAt?: Date }>(
  issue: () => Promise<L>,
  now: () => Date,
): RenewedLogin<L> {
  let current: Promise<Held<L>> | undefined;
  let latest: L | undefined;
  const issueNow = async (): Promise<Held<L>> => {
    const startMs = now().getTime();
    const login = await issue();
    latest = login;
    const endMs = login.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY;
    // A short life would be over before it begins.
    return { login, renewAtMs: endMs - Math.min(reserveMs, (endMs - startMs) / 4), endMs };
  };
  const give = async (): Promise<L> => {
    const before = (current ??= issueNow());
    const held = await before;
    if (now().getTime() < held.renewAtMs) return held.login;
    // Several may have waited for the same one: the first renews it.
    if (current === before) {
      current = issueNow().catch((error: unknown) => {
        if (now().getTime() >= held.endMs) throw error;
        return { ...held, renewAtMs: held.endMs };
      });
    }
    return (await current).login;
  };
  const forget = (isIt: (login: L) => boolean): boolean => {
    if (latest === undefined || !isIt(latest)) return false;
    current = undefined;
    return true;
  };
  return Object.assign(give, { forget });
}

/** Whether a login is the one that a registry refused. */
export function isThatOf(refused: Credentials): (login: IssuedLogin) => boolean {
  return ({ password }) => refused.kind === 'basic' && refused.password === password;
}

interface Held<L> {
  readonly login: L;
  readonly renewAtMs: number;
  readonly endMs: number;
}
