// The one place that reads meaning out of the daemon's words. BuildKit gives nearly every failure the same status code,
// so a missing image, a refused push and a full disk differ in their text only. Rows were collected from Docker Engine
// 20.10, 26.1 and 28.5; what no row knows is shown as it is.
import type { ExitCode } from '../base/plugin-error.ts';
import { isTransientStatus } from '../base/transient.ts';
import type { SolveErrorKind } from './solve-error.ts';

/** What a text means. */
export interface TextVerdict {
  readonly kind: SolveErrorKind;
  readonly exitCode: ExitCode;
  readonly message: string;
  readonly hint: string | undefined;
  readonly image: string | undefined;
  /** Of a push that failed. */
  readonly push?: PushFailure;
}

/** Why the daemon could not push. What no row knows is neither. */
export interface PushFailure {
  /** In the daemon's words. */
  readonly reason: string;
  /** It may pass by itself. */
  readonly isTransient: boolean;
  /** The daemon does not find, reach or trust the registry: somebody elsewhere may. */
  readonly isUnreachable: boolean;
}

/** A text without the wrappers that say nothing to the reader. */
export interface CleanText {
  /** One line without control characters. */
  readonly text: string;
  /** Exit code of a RUN command. */
  readonly runExitCode?: number;
  /** Line of a Dockerfile that could not be parsed. */
  readonly parseErrorLine?: number;
}

const maxTextLength = 500;

/** Wrappers of BuildKit and gRPC, outermost first; they may be nested. */
const wrappers: readonly RegExp[] = [
  /^failed to solve with frontend [\w.-]+: /,
  /^failed to solve: /,
  /^failed to create LLB definition: /,
  /^failed to load LLB: /,
  /^failed to compute cache key: /,
  /^failed to load cache key: /,
  /^failed to calculate checksum of ref \S+: /,
  // `name: failed to resolve source metadata for name: ...` says the name twice too often.
  /^\S+: (?=failed to resolve source metadata for )/,
];

/** Reads what a text says by its form. */
export function cleanText(raw: string): CleanText {
  let text = raw
    .replace(/[\x00-\x1f\x7f]+/g, ' ')
    .replace(/\brpc error: code = \w+ desc = /g, '')
    // Hundreds of characters of an upload's state, and what went wrong behind them.
    .replace(/(\bhttps?:\/\/[^\s"?]+)\?[^\s"]*?(?=:?(?:[\s"]|$))/g, '$1')
    .trim();
  for (let previous = ''; previous !== text;) {
    previous = text;
    for (const wrapper of wrappers) text = text.replace(wrapper, '');
  }
  // The two ways to say that COPY finds nothing.
  text = text.replace(/^"([^"]+)"(?: not found)?: not found$/, '"$1" not found in its context or stage, or ignored');
  const run = /^(?:process ".*" did not complete successfully|executor failed running \[.*\]): exit code: (\d+)$/.exec(
    text,
  );
  const parse = /^dockerfile parse error (?:on )?line (\d+): /.exec(text);
  return {
    text:
      text.length <= maxTextLength ? text : `${text.slice(0, maxTextLength / 2)}...${text.slice(-maxTextLength / 2)}`,
    ...(run === null ? {} : { runExitCode: Number(run[1]) }),
    ...(parse === null ? {} : { parseErrorLine: Number(parse[1]) }),
  };
}

/** Not a port: `dial tcp 10.0.0.1:403`. */
const denied =
  /(?<![:.\d])40[13]\b|unauthorized|denied|insufficient_scope|failed to authorize|authentication required/i;
const rateLimited = /\b429\b|toomanyrequests|rate limit/i;
const unreachable =
  /dial tcp|connection (?:refused|reset)|no such host|i\/o timeout|deadline exceeded|x509|tls:|HTTP response to HTTPS|\b50\d\b|\bEOF\b/i;

/**
 * What a cleaned text means; undefined when it is simply the build's own failure.
 * @param stepName name of the failed step: old engines name the image only there
 */
export function classifyText(text: string, stepName: string): TextVerdict | undefined {
  if (text.startsWith('dockerfile parse error')) return undefined;
  return (
    sessionLoss(text) ??
    missingFile(text) ??
    missingMount(text) ??
    pushFailure(text) ??
    imageFailure(text, stepName) ??
    cacheLoss(text) ??
    daemonFailure(text)
  );
}

/**
 * The daemon says so itself, or its gRPC client does, which has no other servers than sessions. Looked for before anything
 * else: a lost session also shows as a context that cannot be read, or a registry that gets no login.
 */
const sessionWords =
  /no active sessions?\b|session healthcheck failed|\berror reading from server\b|\b(?:transport|connection) is closing\b|\b(?:read|write) unix \S*->/;

function sessionLoss(text: string): TextVerdict | undefined {
  return sessionWords.test(text) ? row('session-lost', 5, `the daemon lost the build session: ${text}`) : undefined;
}

function missingFile(text: string): TextVerdict | undefined {
  const dockerfile = /^failed to read dockerfile: open (?:.*\/)?([^/]+): no such file or directory$/.exec(text)?.[1];
  if (dockerfile === undefined) return undefined;
  return row('build-failed', 1, `build failed: the Dockerfile (${dockerfile}) does not exist`);
}

function missingMount(text: string): TextVerdict | undefined {
  const secret = /^secret (\S+?)(?: not found)?: not found$/.exec(text)?.[1];
  if (secret !== undefined) {
    return row(
      'secret-missing',
      1,
      `build failed: a step requires the secret "${secret}", which this build was not given`,
    );
  }
  const key = /no SSH key "(.*)" forwarded from the client/.exec(text)?.[1];
  if (key !== undefined) {
    const name = key === '' || key === 'default' ? 'an SSH key' : `the SSH key "${key}"`;
    return row('ssh-missing', 1, `build failed: a step requires ${name}, which this build was not given`);
  }
  return undefined;
}

/** 404 to what only goes on with something: the registry has forgotten an upload, or a blob that it had. */
const forgetful = /\bfrom (?:PUT|PATCH) request to /;
const interrupted =
  /\bEOF\b|connection reset|connection refused|broken pipe|closed network connection|timeout|timed out|deadline exceeded|server closed|http2: |blob upload unknown|blob unknown|no route to host|network is unreachable/i;
const notFoundOrTrusted =
  /no such host|\bdial (?:tcp|udp)\b|proxyconnect|x509:|\btls: |HTTP response to HTTPS client|certificate/i;
/** Names that are wrong, and certificates that are: they stay so. */
const lasting = /no such host|x509:|\btls: |HTTP response to HTTPS client|certificate/i;

function pushFailure(text: string): TextVerdict | undefined {
  const match = /^failed to push (\S+): (.*)$/.exec(text);
  const [, repository, reason] = match ?? [];
  if (repository === undefined || reason === undefined) return undefined;
  // A path may hold any word.
  const said = reason.replace(/\bhttps?:\/\/[^\s"]+/g, '');
  const isDenied = denied.test(said);
  return {
    ...row('push-failed', isDenied ? 3 : 4, `push of ${repository} by the daemon failed: ${reason}`),
    image: repository,
    push: {
      reason,
      isTransient: !isDenied && isTransient(reason, said),
      isUnreachable: !isDenied && notFoundOrTrusted.test(said),
    },
  };
}

function isTransient(reason: string, said: string): boolean {
  const status = /\bunexpected status\b.*?: (\d{3})\b/.exec(reason)?.[1];
  if (status === undefined) return interrupted.test(said) && !lasting.test(said);
  return isTransientStatus(Number(status)) || (status === '404' && forgetful.test(reason));
}

function imageFailure(text: string, stepName: string): TextVerdict | undefined {
  const named = /^failed to resolve source metadata for (\S+): (.*)$/.exec(text);
  const step = /(?:^|\] )(?:load metadata for|resolve image config for|FROM) (?:docker-image:\/\/)?(\S+)/.exec(
    stepName,
  );
  const image = named?.[1] ?? step?.[1];
  if (image === undefined) return undefined;
  const reason = (named?.[2] ?? text).replace(new RegExp(`^${escapeRegExp(image)}: `), '');
  // Only a frontend is resolved outside of a Dockerfile's steps.
  const what = stepName.includes('resolve image config for')
    ? `Dockerfile frontend (syntax) ${image}`
    : `image ${image}`;
  const verdict = (kind: SolveErrorKind, exitCode: ExitCode, problem: string): TextVerdict => ({
    ...row(kind, exitCode, `build failed: ${what}: ${problem}`),
    image,
  });
  if (/no match for platform|no matching manifest for/.test(reason)) {
    return verdict('platform-missing', 1, 'not available for the platform that is built');
  }
  if (rateLimited.test(reason)) return verdict('registry-unavailable', 1, `the registry limits pulls (${reason})`);
  if (denied.test(reason))
    return verdict('image-denied', 3, `the registry refused it, or it does not exist (${reason})`);
  if (unreachable.test(reason)) {
    return verdict('registry-unavailable', 1, `the daemon could not get it from the registry (${reason})`);
  }
  if (/not found$|\b404\b/.test(reason)) return verdict('image-missing', 1, 'not found in the registry');
  return undefined;
}

/** What the daemon's stores say of parts that they had a moment ago. */
const vanished =
  /could not fetch content descriptor sha256:.*: not found$|content digest sha256:\w+: not found$|\bsnapshot \S+ does not exist|\blease\b.*: not found$|missing descriptor handlers for lazy blobs/;

function cacheLoss(text: string): TextVerdict | undefined {
  return vanished.test(text)
    ? row('cache-lost', 5, `the daemon no longer has a part of what it was building: ${text}`)
    : undefined;
}

function daemonFailure(text: string): TextVerdict | undefined {
  if (/no space left on device|disk quota exceeded/.test(text)) {
    return {
      ...row('daemon-disk-full', 5, `the daemon's disk is full: ${text}`),
      hint: 'free space where the daemon keeps its data; `docker system df` shows what uses it',
    };
  }
  const forbidden = /^(?:granting entitlement )?(\S+) is not allowed( by build daemon configuration)?$/.exec(text);
  if (forbidden?.[1] !== undefined) {
    const hint =
      forbidden[2] === undefined
        ? `the Dockerfile asks for it; set allow: ${forbidden[1]}`
        : `its administrator allows it in the daemon.json of the runner ("builder": {"entitlements": …})`;
    return { ...row('not-allowed', 1, `build failed: ${text}`), hint };
  }
  if (/^exporter ".*" could not be found$|^unknown cache exporter|currently unsupported$/.test(text)) {
    return row('daemon-cannot', 2, `this daemon cannot do what was asked: ${text}`);
  }
  return undefined;
}

function row(kind: SolveErrorKind, exitCode: ExitCode, message: string): TextVerdict {
  return { kind, exitCode, message, hint: undefined, image: undefined };
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}
