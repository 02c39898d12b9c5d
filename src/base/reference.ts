// Names of images: `registry.example.com:5000/team/app:1.2@sha256:...`. The grammar is Docker's
// (github.com/distribution/reference); what it leaves to the reader is decided here once: one name for Docker Hub, lower-case
// hosts, and a message that says which rule was broken and shows nothing that may be a login.
import { PluginError } from './plugin-error.ts';
import { apiHostOf, dockerHub, faultOfHost, registryHost } from './registry-host.ts';

/** A parsed image name in normal form. */
export interface Reference {
  /** `host[:port]` in lower case; `docker.io` for Docker Hub. Credentials are looked up by this. */
  readonly domain: string;
  /** `library/golang`. */
  readonly path: string;
  readonly tag?: string;
  /** sha256, or sha512 when read from others. Decides when there is a tag as well. */
  readonly digest?: string;
  /** As people write it: `golang:1.22`, `registry.example.com/team/app`. */
  readonly familiar: string;
  /** Where the API answers: the domain, but `registry-1.docker.io` for Docker Hub. */
  readonly apiHost: string;
}

const hubLibrary = 'library/';
/** Docker counts the path alone. */
const maxPathLength = 255;
const maxShownLength = 80;

const pathComponentGrammar = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const imageIdGrammar = /^[0-9a-f]{64}$/;
const tagGrammar = /^\w[\w.-]{0,127}$/;
/** What each algorithm's value looks like. */
const digestGrammars: ReadonlyMap<string, RegExp> = new Map([
  ['sha256', /^[0-9a-f]{64}$/],
  ['sha512', /^[0-9a-f]{128}$/],
]);

/** Whether a text may be a tag: at most 128 letters, digits, `_`, `.` and `-`, the last two not first. */
export function isTag(text: string): boolean {
  return tagGrammar.test(text);
}

/** Parses an image name. Throws PluginError (exit 2) with the rule that was broken. */
export function parseReference(text: string): Reference {
  const { name, tag, digest } = split(text);
  // First: when what follows an "@" is no digest, what stands before it may be a login.
  if (digest !== undefined) checkDigest(text, digest);
  const { domain, path } = readName(text, name);
  if (tag !== undefined) checkTag(text, tag);
  const suffix = `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
  return {
    domain,
    path,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
    familiar: `${familiarName(domain, path)}${suffix}`,
    apiHost: apiHostOf(domain),
  };
}

/** Parses the name of a repository to publish to: no tag, no digest. Throws PluginError (exit 2). */
export function parseRepository(text: string): Reference {
  const { name, tag, digest } = split(text);
  if (digest !== undefined) throw broken(text, 'a digest cannot be published to');
  if (tag !== undefined) {
    const missingImage = !name.includes('/') && /^\d+$/.test(tag);
    throw broken(
      text,
      `it has the tag ${shown(tag)}`,
      missingImage
        ? `if ${shown(text)} is a host and its port, the name of the image is missing after it`
        : 'write the name alone; tags have a setting of their own',
    );
  }
  return parseReference(text);
}

/** Digest first, because its colon is not a tag's; then the last colon, unless it belongs to a port. */
function split(text: string): { readonly name: string; readonly tag?: string; readonly digest?: string } {
  const at = text.indexOf('@');
  const beforeDigest = at < 0 ? text : text.slice(0, at);
  const colon = beforeDigest.lastIndexOf(':');
  const hasTag = colon >= 0 && !beforeDigest.includes('/', colon) && !beforeDigest.includes(']', colon);
  return {
    name: hasTag ? beforeDigest.slice(0, colon) : beforeDigest,
    ...(hasTag ? { tag: beforeDigest.slice(colon + 1) } : {}),
    ...(at < 0 ? {} : { digest: text.slice(at + 1) }),
  };
}

function readName(text: string, name: string): { readonly domain: string; readonly path: string } {
  if (text === '') throw broken(text, 'it is empty');
  if (/\s/.test(text)) throw broken(text, 'it holds white space');
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) throw broken(text, 'it has a scheme', 'leave http:// or https:// out');
  if (imageIdGrammar.test(text)) {
    throw broken(text, 'it looks like the id of an image, not like a name', 'to mean a digest, write name@sha256:...');
  }
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const hasDomain = slash >= 0 && looksLikeDomain(first);
  if (hasDomain) checkDomain(text, first.toLowerCase());
  const domain = hasDomain ? registryHost(first) : dockerHub.domain;
  const remainder = hasDomain ? name.slice(slash + 1) : name;
  checkPath(text, remainder);
  const path = domain === dockerHub.domain && !remainder.includes('/') ? `${hubLibrary}${remainder}` : remainder;
  if (path.length > maxPathLength) throw broken(text, `its path has more than ${maxPathLength} characters`);
  return { domain, path };
}

/** The rule that tells `localhost/app` and `Host/app` from `team/app`. */
function looksLikeDomain(component: string): boolean {
  return /[.:]/.test(component) || component === 'localhost' || component !== component.toLowerCase();
}

function checkDomain(text: string, domain: string): void {
  const fault = faultOfHost(domain);
  if (fault === undefined) return;
  throw broken(text, `${shown(fault.text)} is not a ${fault.part === 'port' ? 'port' : 'host name'}`);
}

function checkPath(text: string, path: string): void {
  if (path === '') throw broken(text, 'the name of the image is missing');
  for (const component of path.split('/')) {
    if (pathComponentGrammar.test(component)) continue;
    if (component === '') throw broken(text, 'it has an empty part between or after slashes');
    if (/[A-Z]/.test(component)) {
      throw broken(text, `${shown(component)} has upper-case letters`, 'the name of an image is lower case');
    }
    throw broken(
      text,
      `${shown(component)} is not allowed in a name`,
      'each part is made of a-z and 0-9, with ".", "_", "__" or hyphens between them',
    );
  }
}

function checkTag(text: string, tag: string): void {
  if (isTag(tag)) return;
  if (tag === '') throw broken(text, 'the tag after ":" is missing');
  if (tag.length > 128) throw broken(text, 'its tag has more than 128 characters');
  throw broken(
    text,
    `${shown(tag)} is not a tag`,
    'a tag is made of letters, digits, "_", "." and "-", and begins with none of the last two',
  );
}

function checkDigest(text: string, digest: string): void {
  const colon = digest.indexOf(':');
  if (colon < 0) throw broken(text, 'what follows "@" is not a digest');
  const grammar = digestGrammars.get(digest.slice(0, colon));
  if (grammar === undefined) throw broken(text, 'unsupported digest algorithm', 'a digest is written sha256:...');
  if (!grammar.test(digest.slice(colon + 1))) {
    throw broken(text, `its ${digest.slice(0, colon)} digest does not have the right number of lower-case hex digits`);
  }
}

/** Without what a reader adds by itself, as long as it then still reads the same. */
function familiarName(domain: string, path: string): string {
  const full = `${domain}/${path}`;
  if (domain !== dockerHub.domain) return full;
  const short = path.startsWith(hubLibrary) ? path.slice(hubLibrary.length) : path;
  if (!short.includes('/')) return imageIdGrammar.test(short) ? full : short;
  return looksLikeDomain(path.slice(0, path.indexOf('/'))) ? full : path;
}

/** A text with "@" that no digest follows may be a login: nothing of it is shown. */
function broken(text: string, rule: string, hint?: string): PluginError {
  const at = text.indexOf('@');
  const isDigest = /^sha\d+(?::|$)/.test(text.slice(at + 1));
  const name = at < 0 ? shown(text) : isDigest ? `${shown(text.slice(0, at))} with "@"` : 'a text with "@"';
  return new PluginError({
    code: 'bad-reference',
    exitCode: 2,
    message: `${name} is not the name of an image: ${rule}`,
    hint,
  });
}

function shown(text: string): string {
  return JSON.stringify(text.length > maxShownLength ? `${text.slice(0, maxShownLength)}...` : text);
}
