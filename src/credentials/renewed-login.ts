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

/** Gives the login, fresh enough. A refusal stays one: the cloud is not asked again. */
export function renewedLogin<L extends IssuedLogin>(issue: () => Promise<L>, now: () => Date): () => Promise<L> {
  let current: Promise<L> | undefined;
  return async () => {
    const held = (current ??= issue());
    const login = await held;
    if (login.expiresAt === undefined || login.expiresAt.getTime() - now().getTime() > reserveMs) return login;
    // Several may have waited for the same one: the first renews it.
    if (current === held) current = issue();
    return current;
  };
}
