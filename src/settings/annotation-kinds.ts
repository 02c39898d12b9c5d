// The reader of annotations: `[level[platform]:]key=value`, as buildx writes them. OCI image-spec 1.1, annotations.md
import { platform } from './build-kinds.ts';
import { looksLikeJson } from './list-kinds.ts';
import { semicolonPairs, type PairRules } from './map-kinds.ts';
import { andThen, atItem, bad, gather, good, quote, type Kind, type ReadContext, type Reading } from './reading.ts';

/** The parts of an image that can have annotations. */
const levels = ['manifest', 'index', 'manifest-descriptor', 'index-descriptor'] as const;
export type AnnotationLevel = (typeof levels)[number];

/** One annotation of one part. */
export interface Annotation {
  readonly level: AnnotationLevel;
  /** For manifests: of this platform only. */
  readonly platform?: string;
  readonly key: string;
  readonly value: string;
}

const rules: PairRules = {
  name: 'annotations',
  key: /^[^\s=,"'\u0000-\u001f]+(?:,[^\s=,"'\u0000-\u001f]+)*$/,
  keyRule: 'must be a name without blanks and quotes, such as org.opencontainers.image.title',
  bare: 'refused',
};

/** A fragment that can only be an annotation of its own: the names of annotations are reversed domains. */
const beginning = /^\s*(?:[a-z-]+(?:\[[^\]]*\])?:)?[a-z0-9-]+(?:\.[A-Za-z0-9_-]+)+=/;

/** Annotations; commas are data, except where Drone joined a list with them. */
export const annotations: Kind<readonly Annotation[]> = {
  name: 'map of annotations, separated by ";"',
  repeatable: true,
  read(text, context) {
    const fragments = looksLikeJson(text) || /[\n;]/.test(text) ? [] : text.split(',');
    const joined = fragments.length > 1 && fragments.every((fragment) => beginning.test(fragment));
    const found = semicolonPairs(rules).read(joined ? fragments.join('\n') : text, context);
    return andThen(found, (pairs) =>
      andThen(
        gather([...pairs].map(([name, value], index) => atItem(readName(name, value, context), index + 1))),
        (lists) => good(lists.flat()),
      ),
    );
  },
};

/** `manifest[linux/amd64]:key`; several levels with commas between them. */
function readName(name: string, value: string, context: ReadContext): Reading<readonly Annotation[]> {
  const [, places, key = name] = /^([a-z-]+(?:\[[^\]]*\])?(?:,[a-z-]+(?:\[[^\]]*\])?)*):(.+)$/.exec(name) ?? [];
  if (key.includes(',')) return bad('its name is not allowed', rules.keyRule);
  if (places === undefined) return good([{ level: 'manifest', key, value }]);
  return gather(places.split(',').map((place) => readPlace(place, key, value, context)));
}

function readPlace(place: string, key: string, value: string, context: ReadContext): Reading<Annotation> {
  const [, word = '', limit] = /^([a-z-]+)(?:\[([^\]]*)\])?$/.exec(place) ?? [];
  const level = levels.find((candidate) => candidate === word);
  if (level === undefined) return bad(`${quote(word)} has no annotations`, 'must be manifest: or index:');
  if (limit === undefined) return good({ level, key, value });
  if (level.startsWith('index')) return bad('an index has no platform', 'must be index: alone');
  return andThen(platform.read(limit, context), (name) => good({ level, platform: name, key, value }));
}
