// The last block of a successful run: what was published where, what it cost, how much came from the cache. A person
// reads it at the end of a log of thousands of lines, so it is short and aligned.
import { shortDigest } from '../base/digest.ts';
import { formatBytes, formatCount, formatSeconds } from './format.ts';

/** What was published; the same facts as publish/ returns. */
export interface PublishedFacts {
  readonly digest: string;
  readonly tags: readonly {
    /** `host/path`. */
    readonly repository: string;
    readonly tag: string;
    readonly outcome: string;
    /** Digests that the tag showed before and after; absent = there was none, or it could not be seen. */
    readonly before?: string;
    readonly after?: string;
  }[];
  /** Compressed layers and configs; undefined when nobody looked at them. */
  readonly imageBytes: number | undefined;
  readonly uploadedBytes: number;
  readonly uploadedBlobs: number;
}

export interface RunFacts {
  /** The daemon pushed by itself: what it sent is not known here. */
  readonly pushedByDaemon: boolean;
  /** Steps of the Dockerfile. */
  readonly steps: number;
  readonly cachedSteps: number;
  /** Phases in order, with their length in milliseconds. */
  readonly phases: readonly (readonly [name: string, milliseconds: number])[];
  /** By repository; empty when nothing was to be signed. */
  readonly signatures?: readonly SignatureFacts[];
}

/** What became of the signature in a repository. */
export interface SignatureFacts {
  readonly repository: string;
  readonly outcome: 'added' | 'unchanged' | 'failed';
  /** Signed images of an index. */
  readonly children: number;
}

/** @param published undefined in a dry run. @returns the lines of the summary, without line ends */
export function formatSummary(published: PublishedFacts | undefined, facts: RunFacts): readonly string[] {
  const totalMs = facts.phases.reduce((sum, [, milliseconds]) => sum + milliseconds, 0);
  const phases = facts.phases.map(([name, milliseconds]) => `${name} ${formatSeconds(milliseconds)}`).join(', ');
  return [
    ...(published === undefined ? ['built; nothing was published'] : formatPublished(published, facts)),
    ...(facts.steps > 0 ? [`  steps   ${facts.cachedSteps} of ${facts.steps} cached`] : []),
    `  time    ${formatSeconds(totalMs)} (${phases})`,
  ];
}

function formatPublished(published: PublishedFacts, { pushedByDaemon, signatures = [] }: RunFacts): readonly string[] {
  const repositories = [...new Set(published.tags.map(({ repository }) => repository))];
  const targets = repositories.flatMap((repository) => {
    const tags = published.tags.filter((tag) => tag.repository === repository);
    return [
      `published ${repository}`,
      `  tags    ${formatTags(tags, published.digest)}`,
      ...formatSignature(signatures, repository),
    ];
  });
  const upload = pushedByDaemon ? 'pushed by the daemon' : formatUpload(published);
  const { digest, imageBytes } = published;
  const size = imageBytes === undefined ? `  upload  ${upload}` : `  size    ${formatBytes(imageBytes)}, ${upload}`;
  return [...targets, `  digest  ${digest}`, size];
}

function formatSignature(signatures: readonly SignatureFacts[], repository: string): readonly string[] {
  const signature = signatures.find((candidate) => candidate.repository === repository);
  if (signature === undefined) return [];
  const { outcome, children } = signature;
  if (outcome === 'failed') return ['  signed  no, see the warning above'];
  const also = children === 0 ? '' : `, with ${formatCount(children, 'image')} of the index`;
  return [`  signed  yes${also}${outcome === 'unchanged' ? ' (had been signed before)' : ''}`];
}

/** Tags of which there is the same to say share the words. */
function formatTags(tags: PublishedFacts['tags'], digest: string): string {
  const [first = '', ...others] = tags.map((tag) => describeTag(tag, digest));
  if (others.length === 0 || others.some((words) => words !== first)) {
    return tags.map((tag) => `${tag.tag} (${describeTag(tag, digest)})`).join(', ');
  }
  return `${tags.map(({ tag }) => tag).join(', ')} (all ${first})`;
}

function describeTag({ outcome, before, after }: PublishedFacts['tags'][number], digest: string): string {
  if (outcome === 'kept') return after === undefined ? outcome : `${outcome} at ${shortDigest(after)}`;
  const from = outcome === 'moved' && before !== undefined ? ` from ${shortDigest(before)}` : '';
  if (after === undefined) return `${outcome}${from}, not to be seen by this login`;
  return after === digest
    ? `${outcome}${from}`
    : `${outcome}${from}, moved on to ${shortDigest(after)} by somebody else`;
}

function formatUpload({ uploadedBlobs, uploadedBytes }: PublishedFacts): string {
  if (uploadedBlobs === 0) return 'nothing to upload';
  return `${formatCount(uploadedBlobs, 'blob')} uploaded (${formatBytes(uploadedBytes)})`;
}
