// Which paths of a folder are sent: those that match the includes (when there are any) and do not match the excludes.
// A folder that is filtered out is still walked when something below it may pass; knowing when nothing can is what keeps
// node_modules from being read. Rules as in tonistiigi/fsutil, but a folder is left out only when that is certain.
import { textOf } from './byte-text.ts';
import { type MatchedGroups, type Pattern, PatternList } from './patterns.ts';

const special = /[*[\]?^\\]/;
/** No path on Linux is longer. */
const maxPathLength = 4096;

/** What the filter knows of a folder; needed for the paths in it. */
export interface FolderMatch {
  readonly included: MatchedGroups;
  readonly excluded: MatchedGroups;
}

/** The verdict on a path. */
export interface Verdict extends FolderMatch {
  readonly passes: boolean;
  /** Nothing below this path, if it is a folder, can pass. */
  readonly isDeadEnd: boolean;
}

const openFolder: FolderMatch = { included: [], excluded: [] };
const passAll: Verdict = { ...openFolder, passes: true, isDeadEnd: false };

/** Decides path by path, from the root down. */
export class PathFilter {
  readonly #includes: PatternList | undefined;
  readonly #excludes: PatternList | undefined;
  readonly #includeTargets: Targets | undefined;
  readonly #exceptionTargets: Targets | undefined;

  /** Throws GlobSyntaxError naming a malformed pattern. Empty includes let everything in. */
  constructor(options: { readonly includes?: readonly string[]; readonly excludes?: readonly string[] }) {
    if (options.includes !== undefined && options.includes.length > 0) {
      this.#includes = new PatternList(options.includes);
      this.#includeTargets = new Targets(this.#includes.patterns.filter(({ isException }) => !isException));
    }
    if (options.excludes !== undefined && options.excludes.length > 0) {
      this.#excludes = new PatternList(options.excludes);
      this.#exceptionTargets = new Targets(this.#excludes.patterns.filter(({ isException }) => isException));
    }
  }

  /** @param bytes byte text of a relative, clean path; its folder's verdict is `parent` (none for a name in the root) */
  check(bytes: string, parent: FolderMatch = openFolder): Verdict {
    if (this.#includes === undefined && this.#excludes === undefined) return passAll;
    const path = textOf(bytes);
    const include = this.#includes?.match(path, parent.included);
    const exclude = this.#excludes?.match(path, parent.excluded);
    const isLeftOut = include?.isMatch === false;
    const isExcluded = exclude?.isMatch === true;
    return {
      passes: !isLeftOut && !isExcluded,
      isDeadEnd:
        (isLeftOut && this.#includeTargets?.mayLieBelow(path) === false) ||
        (isExcluded && this.#exceptionTargets?.mayLieBelow(path) === false),
      included: include?.groups ?? openFolder.included,
      excluded: exclude?.groups ?? openFolder.excluded,
    };
  }
}

/** The places that patterns without wildcards point at. */
class Targets {
  /** All paths from which a pattern can be reached by going down; undefined when a wildcard may lead anywhere. */
  readonly #leadingFolders: ReadonlySet<string> | undefined;

  constructor(patterns: readonly Pattern[]) {
    const targets = patterns.map(({ text }) => text.replace(/\/\*\*?$/, ''));
    this.#leadingFolders = targets.some((target) => special.test(target)) ? undefined : withFolders(targets);
  }

  mayLieBelow(folder: string): boolean {
    return this.#leadingFolders === undefined || this.#leadingFolders.has(folder);
  }
}

function withFolders(targets: readonly string[]): ReadonlySet<string> {
  const paths = new Set<string>();
  for (const target of targets) {
    paths.add(target);
    for (let at = target.indexOf('/'); at >= 0 && at <= maxPathLength; at = target.indexOf('/', at + 1)) {
      paths.add(target.slice(0, at));
    }
  }
  return paths;
}
