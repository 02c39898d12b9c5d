// The tags by which cosign finds what it made for a digest. They are set when all targets have all of it, just before the tags
// of the image: until then nothing at a target has changed for anybody. An error from then on names those that were set.
import type { Digest } from '../base/digest.ts';
import { arrayOf, fieldOf, parseJson } from '../base/json-fields.ts';
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import { mapAll, parallelRequests } from './parallel.ts';
import { describeOutcome } from './tag-failure.ts';
import type { Manifest, TagOutcome, TagStore } from './target.ts';

/** A tag that a repository is to get, for a manifest that it has. */
export interface ReferrerTag {
  readonly repository: TagStore;
  readonly tag: string;
  readonly manifest: Manifest;
}

/** Sets the tags and goes on with `then`; a PluginError of either says what became of them. */
export async function withReferrerTags<Result>(
  tags: readonly ReferrerTag[],
  then: () => Promise<Result>,
  log: Log,
  signal: AbortSignal,
): Promise<Result> {
  const outcomes: TagOutcome[] = [];
  try {
    await mapAll(tags, parallelRequests, async (wanted) => {
      const outcome = await setTag(wanted, log, signal).catch((error: unknown) => {
        outcomes.push(toOutcome(wanted, 'unknown'));
        throw error;
      });
      if (outcome === 'created') outcomes.push(toOutcome(wanted, outcome));
    });
    return await then();
  } catch (error) {
    throw outcomes.length > 0 && error instanceof PluginError ? withStates(error, outcomes) : error;
  }
}

function toOutcome({ repository, tag, manifest }: ReferrerTag, outcome: 'created' | 'unknown'): TagOutcome {
  return { repository: repository.name, tag, outcome, ...(outcome === 'created' ? { after: manifest.digest } : {}) };
}

function withStates(cause: PluginError, outcomes: readonly TagOutcome[]): PluginError {
  const { code, exitCode, message, hint, details } = cause;
  const hasStates = details.some((line) => line.startsWith('state: '));
  return new PluginError({
    code,
    exitCode,
    message: 'side' in cause ? `${String(cause.side)}: ${message}` : message,
    hint,
    details: [
      ...details,
      ...(hasStates ? [] : ['state: no tag of the image itself was touched']),
      ...outcomes.map((outcome) => describeOutcome(outcome)),
    ],
    cause,
  });
}

/** Sets a tag of cosign's, unless the target has something of its own under it. */
async function setTag(
  { repository, tag, manifest }: ReferrerTag,
  log: Log,
  signal: AbortSignal,
): Promise<'created' | 'left'> {
  const present = await repository.getManifest(tag, signal);
  if (present?.digest === manifest.digest) return 'left';
  if (present !== undefined) {
    if (!holdsAll(present, manifest)) log.warn(keptWords(repository.name, tag, manifest.digest));
    return 'left';
  }
  try {
    await repository.putManifest(manifest, { tag }, signal);
    return 'created';
  } catch (error) {
    if (!(error instanceof PluginError && error.code === 'tag-immutable')) throw error;
    log.warn(`${repository.name} does not take the tag ${tag}, by which cosign looks: ${error.message}`);
    return 'left';
  }
}

/** Whether a list of signatures has all of another one: this image was promoted before, and then signed once more. */
function holdsAll(present: Manifest, wanted: Manifest): boolean {
  const entries = new Set(layersOf(present).map((layer) => JSON.stringify(layer)));
  return layersOf(wanted).every((layer) => entries.has(JSON.stringify(layer)));
}

function layersOf({ bytes }: Manifest): readonly unknown[] {
  return arrayOf(fieldOf(parseJson(bytes), 'layers'));
}

function keptWords(repository: string, tag: string, digest: Digest): string {
  return (
    `${repository} has others under the tag ${tag}, which stay: those of the source are there as ${digest}, ` +
    `and cosign does not find them`
  );
}
