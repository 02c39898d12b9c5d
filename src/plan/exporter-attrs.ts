// What the exporters of an image are told beside its name, from the settings: each topic gives its own attributes, and no
// two of them the same one. Keys: moby/buildkit exporter/containerimage and README. They work where BuildKit itself makes
// the manifest; where the daemon only keeps the image under a name, they would be ignored without a word.
import { formatAttrs } from './image-format.ts';
import type { Settings } from '../settings/settings.ts';

type Attrs = Readonly<Record<string, string>>;

/** A line for each topic. */
const topics: readonly ((settings: Settings) => Attrs)[] = [reproducibleAttrs, formatAttrs];

/** Times of files become the source date. */
function reproducibleAttrs({ values }: Settings): Attrs {
  return values.reproducible ? { 'rewrite-timestamp': 'true' } : {};
}

/** The attributes of all topics. */
export function exporterAttrs(settings: Settings): Attrs {
  return Object.assign({}, ...topics.map((attrs) => attrs(settings)));
}
