// The readers of build contexts: a folder, a git repository or an address of the web, and the named contexts beside the
// main one. What a remote address may be is decided here, before the daemon's git or HTTP client sees any of it.
// Shape of git addresses with `#ref:folder`: docs.docker.com/build/concepts/context
import { readReference } from './destination-kinds.ts';
import { semicolonPairs } from './map-kinds.ts';
import { looksLikeJson } from './list-kinds.ts';
import { andThen, atItem, bad, gather, good, quote, type Kind, type Reading } from './reading.ts';

/** Where files of a build come from. */
export type ContextAddress =
  | { readonly kind: 'folder'; readonly path: string }
  /** Fetched by the daemon's git; `subdirectory` is a folder of the repository. */
  | { readonly kind: 'git'; readonly address: string; readonly ref?: string; readonly subdirectory?: string }
  /** Fetched by the daemon: an archive, or a Dockerfile alone. */
  | { readonly kind: 'http'; readonly address: string };

/** What a named context stands for. */
export type NamedContextAddress = ContextAddress | { readonly kind: 'image'; readonly reference: string };

const contextRule =
  'must be a folder of the workspace, an address of a git repository (https://….git, git@host:path) or of an archive';

/** A context. */
export const contextAddress: Kind<ContextAddress> = {
  name: 'path or address',
  read: (text) => readContextAddress(text.trim()),
};

function readContextAddress(text: string): Reading<ContextAddress> {
  if (/^[a-z][a-z0-9+.-]*::/i.test(text)) return bad('it names a transport helper of git', contextRule);
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined)
    return /^[\w.-]+@[^/]+:/.test(text) ? readScpAddress(text) : good({ kind: 'folder', path: text });
  if (scheme === 'git') return bad('git:// checks neither who answers nor what', 'must be https:// or ssh://');
  if (!['http', 'https', 'ssh'].includes(scheme)) return bad(`${quote(scheme)} is no scheme of a context`, contextRule);
  if (/[\s\u0000-\u001f\\]/.test(text)) return bad('its address holds blanks or backslashes', contextRule);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === '') return bad('it is not an address', contextRule);
  if (url.password !== '' || (scheme !== 'ssh' && url.username !== ''))
    return bad(
      'its address holds a login',
      'must be the address alone; give a token by github_token, or a key by ssh_agent_key',
    );
  // What begins with "-" would be an option of the ssh or git program.
  if (url.hostname.startsWith('-') || url.username.startsWith('-')) return bad('its host begins with "-"', contextRule);
  const [address = '', fragment] = cut(text, '#');
  const isGit = scheme === 'ssh' || address.endsWith('.git');
  if (isGit) return withTransportWarning(scheme, url.hostname, readGit(address, fragment));
  if (fragment !== undefined)
    return bad('it has a git ref, but is no address of a git repository', 'must end in .git before the "#"');
  return withTransportWarning(scheme, url.hostname, good({ kind: 'http', address }));
}

/** `git@host:path#ref:folder` */
function readScpAddress(text: string): Reading<ContextAddress> {
  const [address = '', fragment] = cut(text, '#');
  const [, host = '', path = ''] = /^[\w.-]+@([^/:]+):(.+)$/.exec(address) ?? [];
  if (text.startsWith('-') || host.startsWith('-') || path.startsWith('-'))
    return bad('a part of its address begins with "-"', contextRule);
  if (!/^[A-Za-z0-9.-]+$/.test(host) || !/^[\w./~+-]+$/.test(path)) return bad('it is not an address', contextRule);
  return readGit(address, fragment);
}

function withTransportWarning(scheme: string, host: string, reading: Reading<ContextAddress>): Reading<ContextAddress> {
  const isLocal = host === 'localhost' || host.startsWith('127.') || host === '[::1]';
  if (!reading.ok || scheme !== 'http' || isLocal) return reading;
  const warning = 'is fetched without TLS: who can change that traffic decides what is built';
  return { ...reading, warnings: [...reading.warnings, warning] };
}

function readGit(address: string, fragment: string | undefined): Reading<ContextAddress> {
  const [ref = '', subdirectory = ''] = fragment === undefined ? [] : cut(fragment, ':');
  if (ref.startsWith('-')) return bad('its git ref begins with "-"', contextRule);
  if (ref !== '' && (!/^[\w./@+-]+$/.test(ref) || ref.includes('..')))
    return bad('its git ref is not a name that git allows', 'must be a branch, a tag or a commit');
  const folder = subdirectory.replace(/^\/+|\/+$/g, '');
  if (folder !== '' && !isInnerPath(folder))
    return bad('its folder leads out of the repository', 'must be written #ref:folder');
  return good({
    kind: 'git',
    address,
    ...(ref === '' ? {} : { ref }),
    ...(folder === '' ? {} : { subdirectory: folder }),
  });
}

/** True for a path that stays inside of what it is relative to. */
export function isInnerPath(path: string): boolean {
  return (
    !path.startsWith('/') &&
    !path.startsWith('-') &&
    !/[\s\u0000-\u001f\\:#]/.test(path) &&
    !path.split('/').includes('..')
  );
}

function cut(text: string, mark: string): readonly string[] {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

const namedPairs = semicolonPairs({
  name: 'build contexts',
  key: /^[a-z0-9][a-z0-9._/:-]*$/,
  keyRule: 'must be the name of a stage or an image as the Dockerfile writes it',
  bare: 'refused',
});

/** `name=folder`, `name=docker-image://…`, `name=https://….git`; separated by line ends or ";", or by "," when it is unmistakable. */
export const namedContexts: Kind<ReadonlyMap<string, NamedContextAddress>> = {
  name: namedPairs.name,
  repeatable: true,
  read(text, context) {
    const isList = !looksLikeJson(text) && !/[\n;]/.test(text.trim());
    const isCommaList = isList && text.split(',').every((part) => /^\s*[^=\s]+=/.test(part));
    return andThen(namedPairs.read(isCommaList ? text.split(',').join('\n') : text, context), (pairs) =>
      andThen(
        gather([...pairs].map(([name, value], index) => atItem(readNamed(name, value.trim()), index + 1))),
        (entries) => good(new Map(entries)),
      ),
    );
  },
};

function readNamed(name: string, value: string): Reading<readonly [string, NamedContextAddress]> {
  return andThen(readReference(name), ({ familiar }) => {
    // The frontend looks for the short form.
    const key = familiar.replace(/:latest$/, '');
    return andThen(readNamedAddress(value), (address) => good([key, address] as const));
  });
}

function readNamedAddress(value: string): Reading<NamedContextAddress> {
  if (value === '') return bad('it has no value', 'must be written name=folder or name=docker-image://reference');
  const image = /^docker-image:\/\/(.+)$/.exec(value)?.[1];
  if (image !== undefined) return andThen(readReference(image), () => good({ kind: 'image', reference: image }));
  if (/^(?:target|oci-layout|input|local):/.test(value))
    return bad(
      `${quote(value.slice(0, value.indexOf(':') + 1))} is not available in this version`,
      'must be a folder, docker-image://reference or an address',
    );
  return readContextAddress(value);
}
