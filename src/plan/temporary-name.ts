// The only names that this plugin ever gives to an image in the daemon: under a domain that no registry can have
// (RFC 2606 `.invalid`), unique per run, removed at its end. Whoever cleans up later tells from the name how old it is.

const domain = 'docker-build.invalid';
/** A repository path may have 255 characters with the domain; this leaves room. */
const maxSlugLength = 200;

/** What a temporary name says. */
export interface TemporaryName {
  readonly repositorySlug: string;
  /** Start of the run, unix seconds. */
  readonly startSeconds: number;
  /** 32 hexadecimal digits. */
  readonly random: string;
}

/** `docker-build.invalid/<slug>:<start>-<random>`. Throws RangeError when a part is not as described. */
export function temporaryName({ repositorySlug, startSeconds, random }: TemporaryName): string {
  const name = `${domain}/${repositorySlug}:${startSeconds}-${random}`;
  if (parseTemporaryName(name) === undefined) throw new RangeError('parts that make no temporary name');
  return name;
}

/** The name of an image that stays on the daemon for later steps; the reaper tells its age from it as well. */
export function keptName(name: TemporaryName): string {
  const slug = `kept/${name.repositorySlug}`.slice(0, maxSlugLength).replace(/[^a-z0-9]+$/, '');
  return temporaryName({ ...name, repositorySlug: slug });
}

/** The parts of a name of ours; undefined for every other name. */
export function parseTemporaryName(name: string): TemporaryName | undefined {
  const match = /^docker-build\.invalid\/([a-z0-9._/-]{1,200}):([1-9]\d{0,11})-([0-9a-f]{32})$/.exec(name);
  const [, slug, start, random] = match ?? [];
  if (slug === undefined || start === undefined || random === undefined) return undefined;
  return slug.split('/').every((part) => pathPart.test(part))
    ? { repositorySlug: slug, startSeconds: Number(start), random }
    : undefined;
}

/** A component of a repository path: distribution reference grammar. */
const pathPart = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;

/** Any text as a legal repository path; different texts may give the same one. */
export function repositorySlug(text: string): string {
  const slug = text
    .toLowerCase()
    .split('/')
    .map((part) => part.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, ''))
    .filter((part) => part !== '')
    .join('/')
    .slice(0, maxSlugLength)
    .replace(/[/-]+$/, '');
  return slug === '' ? 'local' : slug;
}
