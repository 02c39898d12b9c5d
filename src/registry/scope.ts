// Scopes of tokens: `repository:team/app:pull,push`. The last colon ends the name, since a name may hold a port's.
// https://distribution.github.io/distribution/spec/auth/scope/

/** A right in one repository. */
export interface Scope {
  readonly path: string;
  /** In alphabetical order, as every peer writes them. */
  readonly actions: readonly string[];
}

/** As it is sent. */
export function scopeText({ path, actions }: Scope): string {
  return `repository:${path}:${actions.join(',')}`;
}

/** Whether one scope grants all that another asks for. */
export function includesScope(held: string, wanted: string): boolean {
  if (held === wanted) return true;
  const left = split(held);
  const right = split(wanted);
  return left.name === right.name && right.actions.every((action) => left.actions.includes(action));
}

/** Our scopes, widened by what a registry asks for in the same repositories. Other repositories are not its business. */
export function mergeScopes(own: readonly string[], asked: readonly string[]): readonly string[] {
  return own.map((scope) => {
    const { name, actions } = split(scope);
    const more = asked.map(split).filter((other) => other.name === name);
    const merged = new Set([...actions, ...more.flatMap((other) => other.actions)]);
    return merged.size === actions.length ? scope : `${name}:${[...merged].sort().join(',')}`;
  });
}

/** Whether a scope asks for more than reading. */
export function asksToPush(scope: string): boolean {
  return split(scope).actions.some((action) => action !== 'pull');
}

function split(scope: string): { readonly name: string; readonly actions: readonly string[] } {
  const colon = scope.lastIndexOf(':');
  return { name: scope.slice(0, colon), actions: scope.slice(colon + 1).split(',') };
}
