// The reader of `ssh`: which keys or agents a build may sign with, by the id that a Dockerfile mounts.
import { looksLikeJson, readJson, scalarTexts, splitAtCommas } from './list-kinds.ts';
import { andThen, bad, good, quote, type Kind, type Reading } from './reading.ts';

/** One id. */
export interface SshSpec {
  readonly id: string;
  /** Private keys, or the socket of an agent; empty: the agent of the step. */
  readonly paths: readonly string[];
}

const rule = 'must be default, or written id=path';

/** `default`, `id=path`, `id=path,path`, separated by commas or line ends. A path alone belongs to the id before it. */
export const sshSpecs: Kind<readonly SshSpec[]> = {
  name: 'list of SSH keys',
  repeatable: true,
  read(text) {
    const items = looksLikeJson(text)
      ? andThen(readJson(text), (json) =>
          json.kind === 'array' ? scalarTexts(json.items) : bad('it is no JSON array', rule),
        )
      : good([text]);
    return andThen(items, (texts) => readFragments(texts.flatMap((item) => splitAtCommas(item))));
  },
};

function readFragments(fragments: readonly string[]): Reading<readonly SshSpec[]> {
  const specs: { id: string; paths: string[] }[] = [];
  for (const fragment of fragments.map((text) => text.trim()).filter((text) => text !== '')) {
    const equals = fragment.indexOf('=');
    const last = specs.at(-1);
    if (equals < 0 && fragment !== 'default' && last !== undefined && last.paths.length > 0) {
      last.paths.push(fragment);
      continue;
    }
    const id = equals < 0 ? fragment : fragment.slice(0, equals).trim();
    const path = equals < 0 ? undefined : fragment.slice(equals + 1).trim();
    if (!/^[A-Za-z0-9_.-]{1,128}$/.test(id)) return bad(`${quote(id)} is not an id`, rule);
    if (path === '') return bad(`nothing stands behind ${quote(`${id}=`)}`, rule);
    if (specs.some((spec) => spec.id === id))
      return bad(`the id ${quote(id)} is given twice`, 'must have each id once');
    specs.push({ id, paths: path === undefined ? [] : [path] });
  }
  return specs.length === 0 ? bad('it names nothing', rule) : good(specs);
}
