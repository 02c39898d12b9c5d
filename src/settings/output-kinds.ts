// The reader of `outputs`: specifications as buildx writes them (`type=local,dest=out`). What this plugin decides by
// itself (names on the daemon, where the image is pushed) is refused there, with the setting that says it here.
// docs: https://docs.docker.com/reference/cli/docker/buildx/build/#output
import { readReference } from './destination-kinds.ts';
import { orList, parseBool } from './kinds.ts';
import { andThen, atItem, bad, gather, good, quote, type Kind, type Reading } from './reading.ts';
import { readSpecs, type Spec } from './spec-kinds.ts';

/** One wish of `outputs`. */
export type OutputSpec = FilesSpec | ArchiveSpec | ImageSpec;

/** The files of the image, in a folder or in a tar. */
export interface FilesSpec {
  readonly type: 'local' | 'tar';
  readonly dest: string;
  /** For the exporter, in its own words. */
  readonly attrs: Readonly<Record<string, string>>;
}

/** The image itself as an archive, or (oci) as a layout of files. */
export interface ArchiveSpec {
  readonly type: 'oci' | 'docker';
  readonly dest: string;
  readonly layout: 'file' | 'folder';
  /** `host/path:tag` in full; undefined: those of the step. */
  readonly names: readonly string[] | undefined;
  readonly attrs: Readonly<Record<string, string>>;
}

/** The image in its registry: what repo and tags say anyway. */
export interface ImageSpec {
  readonly type: 'image';
  /** undefined: nothing is said about pushing. */
  readonly push: boolean | undefined;
}

const types = ['local', 'tar', 'oci', 'docker', 'image', 'registry'] as const;

/** A list of outputs; a bare path is a local one. */
export const outputSpecs: Kind<readonly OutputSpec[]> = {
  name: 'list of outputs',
  repeatable: true,
  read: (text) =>
    andThen(readSpecs(text), (specs) =>
      gather(specs.map((spec, index) => (specs.length === 1 ? readOutput(spec) : atItem(readOutput(spec), index + 1)))),
    ),
};

function readOutput({ fields, bare }: Spec): Reading<OutputSpec> {
  if (bare !== undefined) return andThen(readDest(bare, 'local'), (dest) => good({ type: 'local', dest, attrs: {} }));
  const type = types.find((known) => known === fields.get('type'));
  switch (type) {
    case 'local':
    case 'tar':
      return readFiles(type, fields);
    case 'oci':
    case 'docker':
      return readArchive(type, fields);
    case 'image':
    case 'registry':
      return readImage(type, fields);
    case undefined: {
      const given = fields.get('type');
      const wrong = given === undefined ? 'it has no type' : `type ${quote(given)} is not known`;
      return bad(wrong, `must be a folder, or written type=…,dest=… with type ${orList(types)}`);
    }
  }
}

function readFiles(type: FilesSpec['type'], fields: Spec['fields']): Reading<OutputSpec> {
  return andThen(readDest(fields.get('dest'), type), (dest) =>
    andThen(readAttrs(type, fields, filesAttrs), (attrs) => good({ type, dest, attrs })),
  );
}

function readArchive(type: ArchiveSpec['type'], fields: Spec['fields']): Reading<OutputSpec> {
  return andThen(readDest(fields.get('dest'), type), (dest) =>
    andThen(readAttrs(type, fields, archiveAttrs), ({ tar = 'true', ...attrs }) => {
      if (tar === 'false' && type === 'docker') {
        return bad('tar=false is not known for type=docker', 'must be type=oci to get a folder');
      }
      const layout = tar === 'true' ? 'file' : 'folder';
      return andThen(readNames(fields.get('name')), (names) => good({ type, dest, layout, names, attrs }));
    }),
  );
}

function readImage(type: 'image' | 'registry', fields: Spec['fields']): Reading<OutputSpec> {
  for (const key of fields.keys()) {
    if (key === 'type' || key === 'push') continue;
    return bad(`${quote(key)} is not taken with type=${type}`, insteadOf(key));
  }
  const text = fields.get('push') ?? (type === 'registry' ? 'true' : undefined);
  const push = text === undefined ? undefined : text === '' ? true : parseBool(text);
  if (push === undefined && text !== undefined)
    return bad(`push=${quote(text)} is no boolean`, 'must be true or false');
  return good({ type: 'image', push });
}

function insteadOf(key: string): string {
  if (key === 'name') return 'must be left out; repo and tags say where the image goes';
  if (key.startsWith('annotation')) return 'must be left out; use the setting annotations';
  const setting = { compression: 'compression', 'compression-level': 'compression_level' }[key];
  if (setting !== undefined) return `must be left out; use the setting ${setting}`;
  if (key === 'oci-mediatypes') return 'must be left out; use the setting oci_mediatypes';
  return 'must be left out; how the image is pushed and that nothing is stored is decided by this plugin';
}

function readDest(dest: string | undefined, type: OutputSpec['type']): Reading<string> {
  if (dest === '-') return bad('standard output is the log of the step', 'must name a path in dest');
  if (dest !== undefined && dest !== '') return good(dest);
  const more = type === 'docker' ? '; to keep the image on the daemon use load: true' : '';
  return bad('it has no dest', `must say where to write: type=${type},dest=…${more}`);
}

function readNames(text: string | undefined): Reading<readonly string[] | undefined> {
  if (text === undefined || text === '') return good(undefined);
  const names = text.split(',').map((name) => readReference(name.trim()));
  return andThen(gather(names), (references) =>
    good(references.map(({ domain, path, tag = 'latest' }) => `${domain}/${path}:${tag}`)),
  );
}

type Check = (value: string) => string | undefined;

const isBool: Check = (value) => (parseBool(value) === undefined ? 'must be true or false' : undefined);
const oneOfWords =
  (...words: readonly string[]): Check =>
  (value) =>
    words.includes(value) ? undefined : `must be ${orList(words)}`;

/** What exporters are told, and what the value must be. */
const filesAttrs: ReadonlyMap<string, Check> = new Map([['platform-split', isBool]]);
const archiveAttrs: ReadonlyMap<string, Check> = new Map([
  ['tar', isBool],
  ['compression', oneOfWords('gzip', 'zstd', 'uncompressed')],
  ['compression-level', (value) => (/^\d{1,2}$/.test(value) ? undefined : 'must be a number')],
  ['force-compression', isBool],
  ['oci-mediatypes', isBool],
]);

function readAttrs(
  type: OutputSpec['type'],
  fields: Spec['fields'],
  known: ReadonlyMap<string, Check>,
): Reading<Readonly<Record<string, string>>> {
  const isArchive = known === archiveAttrs;
  const attrs: (readonly [string, string])[] = [];
  for (const [key, value] of fields) {
    if (key === 'type' || key === 'dest' || (isArchive && key === 'name')) continue;
    const isAnnotation = isArchive && /^annotation[.[-]/.test(key);
    const check = known.get(key);
    if (check === undefined && !isAnnotation) {
      return bad(`${quote(key)} is not known for type=${type}`, `must be dest, ${[...known.keys()].join(', ')}`);
    }
    const wrong = check?.(value);
    if (wrong !== undefined) return bad(`${key}=${quote(value)} is not taken`, wrong);
    attrs.push([key, check === isBool ? String(parseBool(value)) : value]);
  }
  return good(Object.fromEntries(attrs));
}
