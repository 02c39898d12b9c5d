// The readers of names that say where an image goes: repositories, tags, the registry of a login, registry hosts.
// Grammar: distribution reference grammar (github.com/distribution/reference) and OCI distribution-spec 1.1 for tags.
import { PluginError } from '../base/plugin-error.ts';
import { isTag, parseReference, parseRepository, type Reference } from '../base/reference.ts';
import { dockerHub, faultOfHost, registryHost } from '../base/registry-host.ts';
import { parseBool } from './kinds.ts';
import { commaList, type Item } from './list-kinds.ts';
import { andThen, bad, good, quote, show, type Kind, type ReadContext, type Reading } from './reading.ts';

/** A tag. */
export const tag: Item<string> = { name: 'tags', read: readTag };

/** What is wrong with a text as a tag. */
export function readTag(text: string, context: ReadContext): Reading<string> {
  if (isTag(text)) return good(text);
  const shown = show(text, context);
  if (/\$\{?[A-Za-z_]/.test(text)) {
    return bad(
      `${shown} holds a variable that was not replaced`,
      'must be a finished tag; $$ in YAML or a missing variable leaves it',
    );
  }
  if (/^\d(?:\.\d+)?e\+\d+$/.test(text)) return bad(`${shown} is a number in exponent form`, 'quote numbers in YAML');
  if (/[/:]/.test(text))
    return bad(`${shown} holds "/" or ":"`, 'must be the tag alone; full references belong in extra_tags');
  if (text.length > 128) return bad(`a tag has ${text.length} characters`, 'must have at most 128');
  if (/^[.-]/.test(text))
    return bad(`${shown} begins with "${text.charAt(0)}"`, 'must begin with a letter, a digit or "_"');
  return bad(`${shown} is not a tag`, 'must consist of letters, digits, "_", "." and "-"');
}

/** One tag. */
export const oneTag: Kind<string> = { name: 'tag', read: (text, context) => readTag(text.trim(), context) };

const tagPattern: Item<string> = {
  name: 'patterns',
  read: (text, context) =>
    /^[\w.*?-]{1,128}$/.test(text)
      ? good(text)
      : bad(`${show(text, context)} is not a pattern for tags`, 'must be a tag in which * and ? stand for any text'),
};

/** All tags (true), none (false), or those that match a pattern. */
export const tagPatterns: Kind<boolean | readonly string[]> = {
  name: 'boolean, or list of patterns',
  repeatable: true,
  read: (text, context) => {
    const all = parseBool(text);
    return all === undefined ? commaList(tagPattern).read(text, context) : good(all);
  },
};

/** What auto_tag appends: it may begin with what a tag may not. */
export const tagSuffix: Kind<string> = {
  name: 'tag suffix',
  keepsBlanks: true,
  read: (text, context) =>
    /^[A-Za-z0-9._-]{1,120}$/.test(text)
      ? good(text)
      : bad(`${show(text, context)} cannot end a tag`, 'must consist of at most 120 letters, digits, "_", "." and "-"'),
};

/** Longer names are refused by registries and by Docker itself. */
const maxNameLength = 255;

/** A repository as somebody wrote it: what `registry` is put in front of in the variants of clouds. */
export interface WrittenRepository extends Reference {
  readonly written: string;
}

/** A repository to publish to: a name without scheme, tag and digest. */
export const repository: Item<WrittenRepository> = {
  name: 'repositories',
  read(text, context) {
    const right = 'must be a repository such as registry.example.com/team/app';
    const reading = repositoryProblem(text, context) ?? parsed(() => parseRepository(text), right);
    return andThen(reading, (reference) => good({ ...reference, written: text }));
  },
};

function repositoryProblem(text: string, context: ReadContext): Reading<never> | undefined {
  const shown = show(text, context);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text))
    return bad(`${shown} has a scheme`, 'must be the name without http:// or https://');
  if (text.includes('@')) return bad(`${shown} has a digest or a login`, 'must be the name of a repository alone');
  const blank = text.search(/\s/);
  if (blank >= 0) return bad(`${shown} holds a space at position ${blank + 1}`, 'must be a name without spaces');
  if (text.startsWith('-')) return bad(`${shown} begins with "-"`, 'must not begin with "-"');
  if (text.length > maxNameLength)
    return bad(`a name has ${text.length} characters`, `must have at most ${maxNameLength}`);
  if (/\$\{?[A-Za-z_]/.test(text))
    return bad(`${shown} holds a variable that was not replaced`, 'must be a finished name');
  const lastPart = text.slice(text.lastIndexOf('/') + 1);
  if (text.includes('/') ? lastPart.includes(':') : /^[^:[\]]+:[^:]*$/.test(text)) {
    return bad(`${shown} has a tag`, 'must be the name alone; the tag belongs in `tags`');
  }
  if (!text.startsWith('[') && /^[0-9a-f]*::[0-9a-f:]*(?:\/|$)/i.test(text)) {
    return bad(`${shown} begins with an IPv6 address without brackets`, 'must be written [::1]:5000/name');
  }
  return undefined;
}

/** One tag of one repository. */
export interface ImageTag {
  /** Without the tag. */
  readonly repository: Reference;
  readonly tag: string;
}

/** A full reference to publish under. */
export const imageTag: Item<ImageTag> = { name: 'references with a tag', read: readImageTag };

/** What is wrong with a text as `host/name:tag`. */
export function readImageTag(text: string, context: ReadContext): Reading<ImageTag> {
  const right = 'must be a full reference such as registry.example.com/team/app:1.2';
  const reading = readReference(text);
  if (!reading.ok) return reading;
  const { tag, digest, ...name } = reading.value;
  if (digest !== undefined) return bad(`${show(text, context)} has a digest, which cannot be published to`, right);
  if (tag === undefined) return bad(`${show(text, context)} has no tag`, right);
  return good({ repository: { ...name, familiar: name.familiar.slice(0, -tag.length - 1) }, tag });
}

/** An image reference; the tag may be left out. */
export function readReference(text: string): Reading<Reference> {
  return parsed(() => parseReference(text), 'must be an image reference such as registry.example.com/team/app:tag');
}

function parsed(parse: () => Reference, right: string): Reading<Reference> {
  try {
    return good(parse());
  } catch (error) {
    if (error instanceof PluginError) return bad(error.message, error.hint ?? right);
    throw error;
  }
}

/** The registry that username and password belong to. */
export interface RegistryAddress {
  /** `host[:port]`; `docker.io` for all spellings of Docker Hub. */
  readonly host: string;
  /** What follows the host, without slashes at its ends: `project` of gcr.io/project. Empty for the paths of an API. */
  readonly path: string;
  /** The setting says http://. */
  readonly plainHttp: boolean;
  /** As somebody wrote it; empty when nobody did. */
  readonly written: string;
}

/** A registry, with or without scheme and path. */
export const registryAddress: Kind<RegistryAddress> = {
  name: 'registry',
  read(text, context) {
    const trimmed = text.trim();
    const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(trimmed)?.[1]?.toLowerCase();
    const rest = trimmed.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '');
    const right = 'must be a registry such as registry.example.com:5000';
    if (rest.includes('@'))
      return bad('it holds a login', 'must be the host alone; the login belongs in username and password');
    if (scheme !== undefined && scheme !== 'http' && scheme !== 'https')
      return bad(`${quote(scheme)} is no scheme of a registry`, right);
    if (/[?#]/.test(rest)) return bad('it has a query', right);
    const host = readHost(rest.split('/')[0] ?? '', context);
    if (!host.ok) return host;
    const address = { host: host.value, path: pathOf(rest), plainHttp: false, written: trimmed };
    if (scheme !== 'http') return good(address);
    // The login of Docker Hub goes over TLS, whatever an old tutorial says.
    const plainHttp = host.value !== dockerHub.domain;
    const warning = plainHttp
      ? `${host.value} is spoken to without TLS, because the setting says http://`
      : 'http:// is ignored: Docker Hub is spoken to over TLS';
    return good({ ...address, plainHttp }, [warning]);
  },
};

/** A registry that somebody logs in to, with or without scheme and path; only its host counts. */
export const loginRegistry: Kind<string> = {
  name: 'registry',
  read(text, context) {
    const reading = registryAddress.read(text, context);
    return reading.ok ? good(reading.value.host) : reading;
  },
};

function pathOf(addressWithoutScheme: string): string {
  const slash = addressWithoutScheme.indexOf('/');
  const path = slash < 0 ? '' : addressWithoutScheme.slice(slash).replace(/^\/+|\/+$/g, '');
  return /^v[12]$/.test(path) ? '' : path;
}

/** A registry host as it is compared everywhere. */
export function readHost(text: string, context: ReadContext): Reading<string> {
  const fault = faultOfHost(text.toLowerCase());
  if (fault === undefined) return good(registryHost(text));
  return fault.part === 'port'
    ? bad(`${quote(fault.text)} is not a port`, 'must be a port from 1 to 65535')
    : bad(`${show(text, context)} is not a host`, 'must be host or host:port');
}

/** A registry host in a list. */
export const registryHosts: Item<string> = {
  name: 'hosts',
  read: (text, context) => readHost(text.replace(/^https?:\/\//i, '').replace(/\/+$/, ''), context),
};
