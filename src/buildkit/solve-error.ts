// Words the end of a build that did not succeed. What the daemon says in details (exit code, place, step) is preferred;
// its texts are looked at only in failure-text.ts, because they change between versions.
import { PluginError, type ExitCode } from '../base/plugin-error.ts';
import { readErrorDetails, type ErrorDetails, type SourcePlace } from './error-details.ts';
import { classifyText, cleanText, type PushFailure, type TextVerdict } from './failure-text.ts';
import { grpcCodes } from './grpc.ts';
import type { CallError } from './grpc-connection.ts';
import { locateStep } from './locate-step.ts';

/** What kept a build from succeeding. */
export type SolveErrorKind =
  /** The Dockerfile's or context's fault: a RUN that failed, a syntax error, a file that is not there. */
  | 'build-failed'
  | 'secret-missing'
  | 'ssh-missing'
  /** The registry has no such image or tag. */
  | 'image-missing'
  /** The registry refused it to us; registries also say so of images that do not exist. */
  | 'image-denied'
  /** The image exists, but not for the platform. */
  | 'platform-missing'
  /** The daemon could not reach the registry, or was sent away by it. */
  | 'registry-unavailable'
  /** The daemon built, and could not push. */
  | 'push-failed'
  /** The build asks for an entitlement (network of the host, no sandbox) that the step or the daemon does not give. */
  | 'not-allowed'
  /** This daemon lacks an exporter. */
  | 'daemon-cannot'
  | 'daemon-disk-full'
  /** A message was larger than the daemon takes. */
  | 'limit-exceeded'
  /** The daemon stopped the build by itself. */
  | 'cancelled'
  /** The daemon is gone or silent: nobody knows how the build ended. */
  | 'connection-lost'
  /** The daemon lost our session, and with it the context, logins and secrets. */
  | 'session-lost'
  /** Somebody removed from the daemon's stores what the build was using. */
  | 'cache-lost';

/** A build that failed, was lost, or was stopped by the daemon. */
export class SolveError extends PluginError {
  readonly kind: SolveErrorKind;
  readonly grpcCode: number;
  /** The failed step, as in the progress messages. */
  readonly vertexDigest: string | undefined;
  readonly runExitCode: number | undefined;
  readonly source: SourcePlace | undefined;
  /** The image that a registry did not give, or the repository that it did not take. */
  readonly image: string | undefined;
  /** Present when the daemon built and could not push. */
  readonly push: PushFailure | undefined;

  constructor(
    verdict: TextVerdict,
    facts: { readonly error: CallError; readonly details: ErrorDetails; readonly vertexDigest?: string | undefined },
  ) {
    super({
      code: verdict.kind,
      exitCode: verdict.exitCode,
      message: verdict.message,
      hint: verdict.hint,
      details: sourceLines(facts.details.source),
      cause: facts.error,
    });
    this.kind = verdict.kind;
    this.grpcCode = facts.error.grpcCode;
    this.vertexDigest = facts.details.vertexDigest ?? facts.vertexDigest;
    this.runExitCode = facts.details.runExitCode;
    this.source = facts.details.source;
    this.image = verdict.image;
    this.push = verdict.push;
  }
}

/** What else is known about the failed build. */
export interface FailureFacts {
  /** Why the session ended during the build, if it did. */
  readonly sessionLoss?: string | undefined;
  /** Failures of our own answers to the daemon, in words for people. */
  readonly capabilityFailures: readonly PluginError[];
  /** The step that reported an error in the progress. */
  readonly failedVertex?: { readonly digest: string; readonly name: string } | undefined;
  /** For engines that do not say which line failed. */
  readonly dockerfile?: { readonly filename: string; readonly text: string } | undefined;
}

/** Kill signal 9 plus 128; in a container nearly always the kernel's memory limit. */
const killedExitCode = 137;
const maxStepNameLength = 100;
const maxSourceLines = 5;

const lineNumberWidth = 4;

/**
 * The error to throw for a solve that rejected. When the daemon only repeats what one of our own capabilities said (a
 * refused login, an unreadable file), that original is returned.
 */
export function explainSolveFailure(error: CallError, facts: FailureFacts): PluginError {
  const own = facts.capabilityFailures.find(({ message }) => message !== '' && error.message.includes(message));
  if (own !== undefined) return own;
  const details = completeDetails(readErrorDetails(error.details), error, facts);
  return new SolveError(judge(error, details, facts), { error, details, vertexDigest: facts.failedVertex?.digest });
}

/** 20.10 sends no details: its text has the exit code, and the Dockerfile the line. */
function completeDetails(details: ErrorDetails, error: CallError, facts: FailureFacts): ErrorDetails {
  const { runExitCode, parseErrorLine } = cleanText(error.message);
  const { dockerfile, failedVertex } = facts;
  const located =
    details.source !== undefined || dockerfile === undefined
      ? undefined
      : locateStep(dockerfile, parseErrorLine ?? failedVertex?.name ?? '');
  return {
    ...(runExitCode === undefined ? {} : { runExitCode }),
    ...(located === undefined ? {} : { source: located }),
    ...details,
  };
}

function judge(error: CallError, details: ErrorDetails, facts: FailureFacts): TextVerdict {
  const { text } = cleanText(error.message);
  if (error.lost) return verdict('connection-lost', 5, `connection to the daemon lost during the build: ${text}`);
  if (details.runExitCode !== undefined) return runFailure(details.runExitCode, details, facts);
  if (facts.sessionLoss !== undefined) {
    return verdict('session-lost', 5, `the daemon lost the build session (${facts.sessionLoss}): ${text}`);
  }
  if (error.grpcCode === grpcCodes.cancelled) {
    return verdict('cancelled', 5, `the daemon stopped the build: ${text}`);
  }
  const known = classifyText(text, facts.failedVertex?.name ?? '');
  if (known !== undefined) return known;
  if (error.grpcCode === grpcCodes.resourceExhausted) {
    return verdict('limit-exceeded', 5, `the daemon refused a message: ${text}`);
  }
  return verdict('build-failed', 1, `build failed${stepOf(facts)}${placeOf(details)}: ${text}`);
}

function runFailure(exitCode: number, details: ErrorDetails, facts: FailureFacts): TextVerdict {
  return {
    ...verdict('build-failed', 1, `build failed${stepOf(facts)}${placeOf(details)}: exit code ${String(exitCode)}`),
    hint:
      exitCode === killedExitCode ? 'the command was killed, most likely for lack of memory on the runner' : undefined,
  };
}

function verdict(kind: SolveErrorKind, exitCode: ExitCode, message: string): TextVerdict {
  return { kind, exitCode, message, hint: undefined, image: undefined };
}

/** BuildKit's own housekeeping means nothing to the reader. */
function stepOf({ failedVertex }: FailureFacts): string {
  const name = failedVertex?.name ?? '';
  return name === '' || name.startsWith('[internal]') ? '' : ` in step ${shorten(name)}`;
}

function placeOf({ source }: ErrorDetails): string {
  return source === undefined ? '' : ` (${source.filename} line ${String(source.startLine)})`;
}

function sourceLines(source: SourcePlace | undefined): readonly string[] {
  if (source === undefined) return [];
  const lines = source.text.split('\n');
  const shown = lines
    .slice(0, maxSourceLines)
    .map((line, i) => `${String(source.startLine + i).padStart(lineNumberWidth)} | ${line.trimEnd()}`);
  return lines.length > maxSourceLines ? [...shown, `${' '.repeat(lineNumberWidth)} | ...`] : shown;
}

function shorten(name: string): string {
  const flat = name.replace(/\s+/g, ' ');
  return flat.length <= maxStepNameLength ? flat : `${flat.slice(0, maxStepNameLength)}...`;
}
