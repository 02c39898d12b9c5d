// A login that a cloud gives out for some hours: asked for once, however many need it, and anew when it nears its end, since
// an upload may go on for longer than a token lives.

/** What a cloud gave out. */
export interface IssuedLogin {
  readonly username: string;
  readonly password: string;
  /** Absent: it does not end during a run. */
  readonly expiresAt?: Date;
}

/** A token that ends sooner is not begun to be used: an upload with it may take as long. */
const reserveMs = 5 * 60_000;

/**
 * Gives the login, fresh enough. A refusal stays one: the cloud is not asked again. When only the renewal fails, what is left
 * of the old login is used, without further attempts.
 */
export function renewedLogin<L extends { readonly expiresAt?: Date }>(
  issue: () => Promise<L>,
  now: () => Date,
): () => Promise<L> {
  let current: Promise<Held<L>> | undefined;
  const issueNow = async (): Promise<Held<L>> => {
    const startMs = now().getTime();
    const login = await issue();
    const endMs = login.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY;
    // A short life would be over before it begins.
    return { login, renewAtMs: endMs - Math.min(reserveMs, (endMs - startMs) / 4), endMs };
  };
  return async () => {
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
}

interface Held<L> {
  readonly login: L;
  readonly renewAtMs: number;
  readonly endMs: number;
}
