// Faults as data: which request of a publish is to meet what, and which step of a publish a request is. The steps and kinds
// are those of the failure matrix of docs/reliability.md; fault-proxy.ts carries them out.

/**
 * A step of publishing: ping, token, HEAD of a manifest (by digest, or of a tag that was not written yet), HEAD of a blob,
 * POST of an upload, mount, PATCH, PUT of a blob, GET of an upload's status, PUT of a manifest by digest, PUT of a tag, HEAD
 * of a tag after it was written, GET of a manifest, GET of a blob, DELETE.
 */
export type Step =
  'pg' | 'tk' | 'hm' | 'hb' | 'po' | 'mo' | 'pa' | 'pb' | 'gs' | 'pm' | 'pt' | 'ht' | 'gm' | 'gb' | 'del';

export interface FaultMatch {
  readonly step?: Step;
  readonly method?: string;
  /** Tested against the path without the query. */
  readonly path?: RegExp;
  /** Only requests about this tag's manifest. */
  readonly tag?: string;
  /** Only requests whose body has so many bytes or more, by its Content-Length. */
  readonly minBodyBytes?: number;
  /** Only requests on a connection that has served one before. */
  readonly onReusedConnection?: boolean;
  /** Among the requests that match: 1 = first, the default; -1 = the last of an undisturbed run. */
  readonly nth?: number;
  /**
   * How many in a row, 1 by default; Infinity = for ever. A finite row stays with the manifest or blob that it began with;
   * requests about uploads bear no name, and count as they come.
   */
  readonly times?: number;
}

export interface FaultRule {
  readonly match: FaultMatch;
  readonly do: Fault;
}

/** Before anything of the body was read; within the body (as `before` where there is none); after it was passed on whole. */
export type FaultMoment = 'before' | 'body' | 'after';

export type AnswerHeaders = Readonly<Record<string, string>>;

/** How an answer is changed on its way; an undefined header is left out, a function makes it from what was there. */
export interface RewriteFault {
  readonly kind: 'rewrite';
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | undefined | ((value: string) => string)>>;
  readonly body?: (bytes: Buffer) => Buffer;
  /** Sent as HTTP/1.0 without a length, or in chunks with a trailer. */
  readonly framing?: 'http-1.0' | 'trailers';
}

export type Fault =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: AnswerHeaders;
      readonly body?: string | Buffer;
      /** Answers before the request's body was read. */
      readonly early?: boolean;
    }
  /** Passed on without its login: the registry itself refuses it, with its own challenge. */
  | { readonly kind: 'no-login' }
  /** RST. `after` does not wait for the server: what was passed on may or may not be stored yet. */
  | { readonly kind: 'reset'; readonly when: FaultMoment }
  /** The connection is closed in order, without an answer. */
  | { readonly kind: 'fin'; readonly when: FaultMoment }
  /** Passed on and done by the server, then RST instead of its answer. */
  | { readonly kind: 'lose-answer' }
  /** Silence; with `after` the server has done it. */
  | { readonly kind: 'hang'; readonly when: FaultMoment }
  | { readonly kind: 'drip'; readonly bytesPerSecond: number; readonly direction: 'request' | 'answer' }
  /** The answer ends after so many bytes of its body; an answer without one ends within its headers. */
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  | { readonly kind: 'delay'; readonly ms: number }
  | RewriteFault;

/** A fault that happened. */
export interface FiredFault {
  readonly step: Step | undefined;
  readonly method: string;
  readonly path: string;
  readonly fault: Fault;
}

/** What the rules need to know about a request. */
export interface StepRequest {
  readonly method: string;
  readonly path: string;
  /** With the question mark; empty when there is none. */
  readonly query: string;
  /** Content-Length; 0 without. */
  readonly bodyBytes: number;
  readonly isReusedConnection: boolean;
}

/** Where the proxy shows the token server. */
export const tokenPath = '/token';

const routes: readonly (readonly [RegExp, Readonly<Record<string, Step>>])[] = [
  [/^\/v2\/?$/, { GET: 'pg', HEAD: 'pg' }],
  [new RegExp(`^${tokenPath}$`), { GET: 'tk', POST: 'tk' }],
  [/^\/v2\/.+\/blobs\/uploads\//, { POST: 'po', PATCH: 'pa', PUT: 'pb', GET: 'gs', DELETE: 'del' }],
  [/^\/v2\/.+\/blobs\/uploads$/, { POST: 'po' }],
  [/^\/v2\/.+\/blobs\/[^/]+$/, { HEAD: 'hb', GET: 'gb', DELETE: 'del' }],
  [/^\/v2\/.+\/manifests\/sha256:[0-9a-f]+$/, { HEAD: 'hm', GET: 'gm', PUT: 'pm', DELETE: 'del' }],
  [/^\/v2\/.+\/manifests\/[^/]+$/, { HEAD: 'hm', GET: 'gm', PUT: 'pt', DELETE: 'del' }],
];

/**
 * The step that a request is.
 *
 * @param writtenTags paths of tags that were written before
 * @returns undefined for what is no step: lists of tags, referrers, others' paths
 */
export function stepOf(
  { method, path, query }: Pick<StepRequest, 'method' | 'path' | 'query'>,
  writtenTags: ReadonlySet<string>,
): Step | undefined {
  const step = routes.find(([pattern]) => pattern.test(path))?.[1][method];
  if (step === 'po' && new URLSearchParams(query).has('mount')) return 'mo';
  if (step === 'hm' && writtenTags.has(path)) return 'ht';
  return step;
}

/** The rules of one run, and how far each has come. */
export class FaultRules {
  readonly #rules: readonly RuleState[];
  readonly #counts = new Map<Step, number>();
  readonly #writtenTags = new Set<string>();

  /**
   * @param totals requests of each step in an undisturbed run, for rules about the last one
   * @throws Error when a rule asks for the last request of a step whose number is not given
   */
  constructor(rules: readonly FaultRule[], totals: ReadonlyMap<Step, number> = new Map()) {
    this.#rules = rules.map((rule) => ({ rule, nth: placeOf(rule.match, totals), seen: 0, fired: 0, path: undefined }));
  }

  /** Requests of each step so far. */
  counts(): ReadonlyMap<Step, number> {
    return new Map(this.#counts);
  }

  /** Counts a request, and tells what is to happen to it: the first rule that is due decides. */
  meet(request: StepRequest): { readonly step: Step | undefined; readonly fault: Fault | undefined } {
    const step = stepOf(request, this.#writtenTags);
    if (step === 'pt') this.#writtenTags.add(request.path);
    if (step !== undefined) this.#counts.set(step, (this.#counts.get(step) ?? 0) + 1);
    const due = this.#rules.filter((state) => isDue(state, request, step));
    const [first] = due;
    if (first === undefined) return { step, fault: undefined };
    first.fired += 1;
    first.path ??= request.path;
    return { step, fault: first.rule.do };
  }
}

interface RuleState {
  readonly rule: FaultRule;
  readonly nth: number;
  seen: number;
  fired: number;
  /** Of the request that the rule began with. */
  path: string | undefined;
}

function placeOf(match: FaultMatch, totals: ReadonlyMap<Step, number>): number {
  if (match.nth !== -1) return match.nth ?? 1;
  const total = match.step === undefined ? undefined : totals.get(match.step);
  if (total === undefined) throw new Error(`nobody said how many requests of step ${match.step} there are`);
  if (match.tag !== undefined || match.path !== undefined) throw new Error('the last request is known per step only');
  return total;
}

/** Counts a request that matches, and tells whether the rule applies to it. */
function isDue(state: RuleState, request: StepRequest, step: Step | undefined): boolean {
  const { match } = state.rule;
  if (match.step !== undefined && match.step !== step) return false;
  if (match.method !== undefined && match.method !== request.method) return false;
  if (match.path?.test(request.path) === false) return false;
  if (match.tag !== undefined && !request.path.endsWith(`/manifests/${match.tag}`)) return false;
  if (match.onReusedConnection === true && !request.isReusedConnection) return false;
  if (request.bodyBytes < (match.minBodyBytes ?? 0)) return false;
  state.seen += 1;
  const times = match.times ?? 1;
  if (state.seen < state.nth || state.fired >= times) return false;
  const staysWithPath = state.path !== undefined && times !== Infinity && !request.path.includes('/blobs/uploads');
  return !staysWithPath || state.path === request.path;
}

/**
 * Faults by chance: with the same seed the third upload, or the second look at the tag `1`, meets the same in each run. Names that
 * differ from run to run (repositories, digests, uploads) do not matter.
 */
export interface RandomFaults {
  /** Per request, 0 to 1. */
  readonly probability: number;
  readonly seed: number;
  /** Equally likely. */
  readonly kinds: readonly Fault[];
}

/** Draws the fate of requests; a request that comes again is drawn for again. */
export class FaultLottery {
  readonly #faults: RandomFaults;
  readonly #draws = new Map<string, number>();

  constructor(faults: RandomFaults) {
    this.#faults = faults;
  }

  draw(step: Step | undefined, { method, path }: Pick<StepRequest, 'method' | 'path'>): Fault | undefined {
    const { probability, seed, kinds } = this.#faults;
    const tag = /\/manifests\/([^/:]+)$/.exec(path)?.[1] ?? '';
    const name = `${step ?? method} ${tag}`;
    const draw = (this.#draws.get(name) ?? 0) + 1;
    this.#draws.set(name, draw);
    if (fractionOf(`${seed} hit ${draw} ${name}`) >= probability) return undefined;
    return kinds[Math.floor(fractionOf(`${seed} kind ${draw} ${name}`) * kinds.length)];
  }
}

/** An even spread over 0 (included) to 1 (excluded): FNV-1a, then the finisher of MurmurHash3. */
function fractionOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
