// Rows of cloud logins that are only known. Their logins are not in this version, so asking for one is an error rather than
// an anonymous push.
import { known } from './row.ts';

export const login = 'Login at a cloud registry; use `username` and `password`, or `config`.';

export function cloud(name: string, ...aliases: readonly string[]) {
  return known('refused', [name, ...aliases], login);
}
