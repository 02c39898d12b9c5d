// Who wins when a build argument comes from several places: explicit ones first, then those named by build_args_from_env,
// then the proxies of the step. Only an argument of exactly the same name is in the way.
import type { BuildArgSources } from '../settings/settings.ts';

/** All build arguments, explicit ones first. */
export function mergeBuildArgs({ explicit, fromEnvironment, proxies }: BuildArgSources): ReadonlyMap<string, string> {
  const merged = new Map(explicit);
  const add = (name: string, value: string) => {
    if (!merged.has(name)) merged.set(name, value);
  };
  for (const { name, value } of fromEnvironment) {
    add(name, value);
    add(name.toUpperCase(), value);
  }
  for (const [name, value] of proxies) {
    add(name, value);
    add(name.toUpperCase(), value);
  }
  return merged;
}
