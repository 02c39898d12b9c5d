// A COPY of a path that leads through links needs the links and what they point at. This turns the paths that a build
// step names into include patterns that cover both, without ever leaving the root or reading through a link. Rules as in
// tonistiigi/fsutil's FollowLinks.
import { posix } from 'node:path';
import { bytesOf, joinPath, textOf } from './byte-text.ts';
import type { FileTree, OpenFolder } from './file-tree.ts';
import { GlobMatcher, GlobSyntaxError, nameSteps, readGlob } from './glob.ts';
import { isDirectory, isSymlink } from './stat.ts';

/** As many links as Linux follows in one path. */
const maxLinksPerPath = 40;
/** Far more than any build names; links whose targets hold wildcards could multiply without end. */
const maxSteps = 20_000;

/** A path on which the links are still to be looked for. */
interface Waiting {
  readonly path: string;
  /** Links that led here. */
  readonly links: number;
}

/**
 * Resolves paths (ordinary text, may hold wildcards) to include patterns.
 * @returns undefined when one of them is the root itself: everything is asked for. What does not exist is kept as it is.
 */
export function followPaths(tree: FileTree, paths: readonly string[]): readonly string[] | undefined {
  const found = new Set<string>();
  const resolver = new LinkResolver(tree);
  // A worklist, not recursion: how many links follow each other is up to whoever wrote the tree.
  const waiting: Waiting[] = paths.map((path) => ({ path: cleanBytes(bytesOf(path)), links: 0 }));
  const seen = new Set(waiting.map(({ path }) => path));
  for (let step = waiting.pop(); step !== undefined; step = waiting.pop()) {
    for (const path of follow(step.path, resolver, found)) {
      // A path seen before, or one link too many, is a loop: whatever it leads to is found.
      if (seen.has(path) || step.links >= maxLinksPerPath) continue;
      if (seen.size >= maxSteps) throw new Error('the links in the folder multiply without end');
      seen.add(path);
      waiting.push({ path, links: step.links + 1 });
    }
  }
  const sorted = [...found].sort();
  return sorted.includes('') ? undefined : withoutCovered(sorted).map(textOf);
}

/** A path relative to the root; `..` stops at the root, as it does in a container. */
function cleanBytes(path: string): string {
  const cleaned = posix.normalize(`/${path}`).slice(1);
  return cleaned.endsWith('/') ? cleaned.slice(0, -1) : cleaned;
}

/** Goes down one path to the first link, or to its end. Returns the paths to go on with. */
function follow(path: string, resolver: LinkResolver, found: Set<string>): readonly string[] {
  const names = path.split('/');
  let current = '';
  for (const [depth, name] of names.entries()) {
    const targets = name === '' ? [] : resolver.targetsOf(current, name);
    current = joinPath(current, name);
    const isLast = depth === names.length - 1;
    if (targets.length === 0 && !isLast) continue;
    found.add(current);
    const rest = names.slice(depth + 1).join('/');
    return targets.map((target) => cleanBytes(`${target}/${rest}`));
  }
  return [];
}

/** Reads links, each at most once. */
class LinkResolver {
  readonly #tree: FileTree;
  readonly #seen = new Map<string, readonly string[]>();

  constructor(tree: FileTree) {
    this.#tree = tree;
  }

  /** Targets, from the root on, of the links that a name or wildcard in a folder stands for. */
  targetsOf(folder: string, name: string): readonly string[] {
    const path = joinPath(folder, name);
    const known = this.#seen.get(path);
    if (known !== undefined) return known;
    const targets = this.#read(folder, name);
    this.#seen.set(path, targets);
    return targets;
  }

  #read(folder: string, name: string): readonly string[] {
    const open = this.#open(folder);
    if (open === undefined) return [];
    try {
      const names = hasWildcard(name) ? matching(open.names, name) : [name];
      return names.flatMap((each) => {
        const stat = open.stat(each);
        if (stat === undefined || !isSymlink(stat.mode)) return [];
        const { linkTarget } = stat;
        return [cleanBytes(linkTarget.startsWith('/') ? linkTarget : `${folder}/${linkTarget}`)];
      });
    } finally {
      open.close();
    }
  }

  /** The folder, if there is one and the way to it is no link: a step of the way may be missing or a file. */
  #open(folder: string): OpenFolder | undefined {
    const parts = folder === '' ? [] : folder.split('/');
    let at = '';
    for (const part of parts) {
      const above = this.#tree.openFolder(at);
      const stat = above?.stat(part);
      above?.close();
      at = joinPath(at, part);
      if (stat === undefined || !isDirectory(stat.mode)) return undefined;
    }
    return this.#tree.openFolder(at);
  }
}

function hasWildcard(name: string): boolean {
  return /^(?:[^\\]|\\.)*?[*?[]/s.test(name);
}

/** Names that a wildcard stands for; none for a malformed one. */
function matching(names: readonly string[], wildcard: string): readonly string[] {
  try {
    const glob = new GlobMatcher(nameSteps(readGlob(textOf(wildcard))));
    return names.filter((name) => glob.matches(textOf(name)));
  } catch (error) {
    if (error instanceof GlobSyntaxError) return [];
    throw error;
  }
}

/** Leaves out what lies below a listed path. */
function withoutCovered(sorted: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (const path of sorted) {
    const last = kept.at(-1);
    if (last === undefined || !path.startsWith(`${last}/`)) kept.push(path);
  }
  return kept;
}
