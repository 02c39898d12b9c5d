// The verdict on one publish, from what was there before and after: a letter, and why it is not a better one. Pure, so that the
// judge can be judged (test/unit/faults/judge.test.ts). The rules are those of docs/reliability.md.

/**
 * survived: exit 0, and every wanted tag shows the right, complete image. clean: a failure that changed nothing and left nothing,
 * or that says exactly what it changed. dirty: a failure that did. lie: exit 0, and it is not so. hang: outlived its limit.
 */
export type Letter = 'survived' | 'clean' | 'dirty' | 'lie' | 'hang';

/** What a tag shows. */
export interface ShownImage {
  readonly digest: string;
  /** Every manifest and blob below it is there, with the bytes that its digest says. */
  readonly isComplete: boolean;
  /** It is the image that was to be published. */
  readonly isWanted: boolean;
}

/** Tags by `host/name:tag`; one that does not exist is not in it. */
export type ShownTags = ReadonlyMap<string, ShownImage>;

export interface Observation {
  /** undefined: ended by a signal. */
  readonly exitCode: number | undefined;
  readonly output: string;
  readonly outlivedLimit: boolean;
  /** The publisher is held to the exit codes and `state:` lines of docs/reliability.md. Others only promise an exit code. */
  readonly isPlugin: boolean;
  /** The fault was a signal that nobody can handle. */
  readonly isKilled: boolean;
  /** Nobody read the log to its end: what it names cannot be asked of it. */
  readonly isLogLost?: boolean;
  /** The fault was a bug, put into the publisher: exit 70 is right then. */
  readonly hasBug?: boolean;
  /** `host/name:tag` as in `before` and `after`. */
  readonly wanted: readonly string[];
  readonly before: ShownTags;
  readonly after: ShownTags;
  /** What is there after the run and was not before, in words. */
  readonly left: readonly string[];
  /** Further demands of the case that were not met, in words. */
  readonly broken: readonly string[];
}

export interface Verdict {
  readonly letter: Letter;
  /** What is wrong; empty for `survived` and `clean`. */
  readonly reasons: readonly string[];
}

const documentedCodes: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 7, 8, 130, 143]);
/** A bug of the publisher. */
const bugCode = 70;
const firstCodeWithState = 4;
const integrityCode = 7;
const partialCode = 8;
/** A run that is being stopped may finish what it has begun: then all tags have moved. */
const stopCodes: ReadonlySet<number> = new Set([6, bugCode, 130, 143]);

/** Judges one run. */
export function judge(seen: Observation): Verdict {
  if (seen.outlivedLimit) return { letter: 'hang', reasons: ['outlived its limit', ...judgeFailure(seen)] };
  if (seen.exitCode === 0) return judgeSuccess(seen);
  const reasons = judgeFailure(seen);
  return { letter: reasons.length === 0 ? 'clean' : 'dirty', reasons };
}

function judgeSuccess(seen: Observation): Verdict {
  const lies = seen.wanted.flatMap((name) => {
    const shown = seen.after.get(name);
    if (shown === undefined) return [`exit 0, and ${name} does not exist`];
    if (!shown.isWanted) return [`exit 0, and ${name} shows ${short(shown.digest)}, which is another image`];
    return shown.isComplete ? [] : [`exit 0, and ${name} is incomplete`];
  });
  if (lies.length > 0) return { letter: 'lie', reasons: lies };
  const untold = seen.isPlugin ? untoldDigests(seen) : [];
  if (untold.length > 0) return { letter: 'lie', reasons: untold };
  const reasons = [...strangeChanges(seen), ...seen.left.map(describeLeft), ...seen.broken];
  return { letter: reasons.length === 0 ? 'survived' : 'dirty', reasons };
}

/** The summary names one digest, and that is what every wanted tag shows. */
function untoldDigests({ wanted, after, output, isLogLost }: Observation): readonly string[] {
  const digests = [...new Set(wanted.map((name) => digestOf(after, name) ?? absent))];
  if (digests.length > 1) return [`exit 0, and the tags show ${digests.map(short).join(' and ')}`];
  if (isLogLost === true) return [];
  return digests
    .filter((digest) => !output.includes(digest))
    .map((digest) => `exit 0, and the log does not name ${short(digest)}`);
}

function judgeFailure(seen: Observation): readonly string[] {
  const incomplete = [...seen.after].filter(([, shown]) => !shown.isComplete).map(([name]) => `${name} is incomplete`);
  if (seen.isKilled && seen.exitCode === undefined)
    return [...incomplete, ...foreignChanges(seen), ...strangeChanges(seen)];
  return [
    ...judgeCode(seen),
    ...incomplete,
    ...judgeTags(seen),
    ...strangeChanges(seen),
    ...seen.left.map(describeLeft),
    ...seen.broken,
  ];
}

function judgeCode({ exitCode, isPlugin, outlivedLimit, hasBug, output }: Observation): readonly string[] {
  if (!isPlugin || outlivedLimit) return [];
  if (exitCode === undefined) return ['ended by a signal'];
  if (!documentedCodes.has(exitCode) && !(exitCode === bugCode && hasBug === true))
    return [`exit ${exitCode} is not documented as an end`];
  return exitCode >= firstCodeWithState && !/^\s*state: /m.test(output) ? [`exit ${exitCode} without a state`] : [];
}

/** As before; or, for the codes that say so, as the log has it. */
function judgeTags(seen: Observation): readonly string[] {
  const changed = seen.wanted.filter((name) => digestOf(seen.before, name) !== digestOf(seen.after, name));
  const mayChange = seen.isPlugin && (seen.exitCode === partialCode || seen.exitCode === integrityCode);
  const isFinished =
    seen.isPlugin && stopCodes.has(seen.exitCode ?? 0) && seen.wanted.every((name) => seen.after.get(name)?.isWanted);
  if (!mayChange && !isFinished)
    return changed.map((name) => `exit ${seen.exitCode}, and ${describeChange(seen, name)}`);
  if (changed.length === 0) return seen.exitCode === partialCode ? [`exit ${partialCode}, and no tag moved`] : [];
  const told = readStates(seen.output);
  return seen.wanted.flatMap((name) => {
    const real = digestOf(seen.after, name)?.slice(0, toldLength) ?? absent;
    const said = told.get(name);
    return said === real ? [] : [`the log says that ${name} is ${said ?? 'nothing at all'}, and it is ${real}`];
  });
}

/** A step that is killed may have moved some of its tags, yet only to its own image. */
function foreignChanges(seen: Observation): readonly string[] {
  const { wanted, before, after } = seen;
  return wanted
    .filter((name) => digestOf(before, name) !== digestOf(after, name) && after.get(name)?.isWanted !== true)
    .map((name) => describeChange(seen, name));
}

/** Tags that nobody asked for. */
function strangeChanges(seen: Observation): readonly string[] {
  const names = new Set([...seen.before.keys(), ...seen.after.keys()]);
  return [...names]
    .filter((name) => !seen.wanted.includes(name) && digestOf(seen.before, name) !== digestOf(seen.after, name))
    .map((name) => describeChange(seen, name));
}

const absent = 'absent';
/** `sha256:` and twelve digits. */
const toldLength = 19;

/** Lines such as `state: host/app:1 sha256:0123456789ab → absent, restored`: the state after, by name. */
export function readStates(output: string): ReadonlyMap<string, string> {
  const lines = output.matchAll(/^\s*state: (\S+:\S+) \S+ → ([^\s,]+)/gm);
  return new Map([...lines].map(([, name = '', after = '']): [string, string] => [name, after]));
}

/** How a reason begins that tells of something that was left; its name follows. */
export const leftBehind = 'left behind: ';

function describeLeft(what: string): string {
  return `${leftBehind}${what}`;
}

function describeChange({ before, after }: Observation, name: string): string {
  return `${name} went from ${short(digestOf(before, name))} to ${short(digestOf(after, name))}`;
}

function digestOf(tags: ShownTags, name: string): string | undefined {
  return tags.get(name)?.digest;
}

function short(digest: string | undefined): string {
  return digest?.slice(0, toldLength) ?? absent;
}
