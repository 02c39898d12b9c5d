// The last block of a failed run: what failed, why, in which state things are, what to do. At most 12 lines, so that it
// is seen whole at the end of a log; a list of wrong settings may be longer, because each line of it is an own problem.
import { PluginError, type ExitCode } from '../base/plugin-error.ts';

const maxLines = 12;
/** From this exit code on the log must say in which state tags and daemon were left. */
const firstCodeWithState = 4;

/** What run.ts knows about the state it leaves. */
export interface FailureContext {
  /** Names on the daemon that could not be removed. */
  readonly leftOnDaemon: readonly string[];
  /** True from the moment on in which tags may move. A PluginError of that time tells the state of each tag itself. */
  readonly publishing: boolean;
  /** Last lines of the failed step, oldest first. */
  readonly stepTail?: { readonly name: string; readonly lines: readonly string[] } | undefined;
}

export interface Failure {
  readonly exitCode: ExitCode;
  /** Lines without line ends. */
  readonly lines: readonly string[];
}

/**
 * What to report when a run ended while it was being stopped: the stop itself, with the state that the interrupted work
 * reported. A partial publish or an integrity error is worse news than the stop and is reported instead.
 */
export function failureOfRun(error: unknown, signal: AbortSignal, phase: string): unknown {
  if (!signal.aborted) return error;
  const reason: unknown = signal.reason;
  if (error instanceof PluginError && (error.exitCode === 7 || error.exitCode === 8)) return error;
  const state = error instanceof PluginError ? error.details.filter((line) => line.startsWith('state: ')) : [];
  if (!(reason instanceof PluginError)) return new InterruptingBug(reason, state);
  const { code, exitCode, message, hint } = reason;
  return new PluginError({ code, exitCode, message: `${message} during ${phase}`, hint, details: state, cause: error });
}

/** A bug that ended a run, and the state that the interrupted work reported. */
class InterruptingBug extends Error {
  readonly state: readonly string[];

  constructor(cause: unknown, state: readonly string[]) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.state = state;
  }
}

/** Words any thrown thing. What is not a PluginError is a bug of ours: exit code 70 with the place in the code. */
export function formatFailure(error: unknown, context: FailureContext): Failure {
  if (!(error instanceof PluginError)) return formatBug(error, context);
  const head = [`error: ${error.message}`];
  const details = error.details.filter((line) => !line.startsWith('state: '));
  const tail = error.hint === undefined ? [] : [`  try: ${error.hint}`];
  const stateRoom = maxLines - head.length - tail.length;
  const state = collapse(stateLines(error, context), stateRoom).map(indent);
  if (error.exitCode === 2) {
    return { exitCode: 2, lines: [...warningsOf(error), ...head, ...details.map(indent), ...tail] };
  }
  const room = maxLines - head.length - state.length - tail.length;
  return { exitCode: error.exitCode, lines: [...head, ...fill(details, context, room), ...state, ...tail] };
}

/** What else was noticed about wrong settings: it may be the cause, as a misspelt name is of a missing one. */
function warningsOf(error: PluginError): readonly string[] {
  const warnings: unknown = 'warnings' in error ? error.warnings : undefined;
  return Array.isArray(warnings) ? warnings.map((warning: unknown) => `warning: ${String(warning)}`) : [];
}

/** Details first, then as many last lines of the failed step as there is room for. */
function fill(details: readonly string[], context: FailureContext, room: number): readonly string[] {
  const shown = details.slice(0, Math.max(0, room)).map(indent);
  const left = room - shown.length - 1;
  const tail = context.stepTail;
  if (tail === undefined || tail.lines.length === 0 || left < 1) return shown;
  return [...shown, `  last output of ${tail.name}:`, ...tail.lines.slice(-left).map((line) => `    ${line}`)];
}

function stateLines(error: PluginError, context: FailureContext): readonly string[] {
  const own = error.details.filter((line) => line.startsWith('state: '));
  const daemon = stateOfDaemon(context);
  if (own.length > 0) return context.leftOnDaemon.length === 0 ? own : [...own, `state: ${daemon}`];
  if (error.exitCode < firstCodeWithState && context.leftOnDaemon.length === 0) return [];
  return [`state: no tag was touched; ${daemon}`];
}

/** Tags of a repository that went the same way share a line, where there are more lines than room. */
function collapse(lines: readonly string[], room: number): readonly string[] {
  if (lines.length <= room) return lines;
  const groups = new Map<string, { readonly repository: string; readonly tags: string[]; readonly rest: string }>();
  for (const line of lines) {
    const [, repository = '', tag = '', rest = ''] = /^state: (\S+):([^\s:/]+) (.*)$/.exec(line) ?? [];
    const key = repository === '' ? line : `${repository} ${rest}`;
    const group = groups.get(key) ?? { repository, tags: [], rest: repository === '' ? line : rest };
    group.tags.push(tag);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ repository, tags, rest }) => {
    if (repository === '') return rest;
    return tags.length === 1
      ? `state: ${repository}:${tags.join('')} ${rest}`
      : `state: ${repository}: ${tags.join(', ')} ${rest}`;
  });
}

function stateOfDaemon({ leftOnDaemon }: FailureContext): string {
  return leftOnDaemon.length === 0
    ? 'nothing left on the daemon'
    : `left on the daemon: ${leftOnDaemon.join(', ')} (remove with docker rmi)`;
}

function formatBug(error: unknown, context: FailureContext): Failure {
  const { cause: bug, state } = error instanceof InterruptingBug ? error : { cause: error, state: [] };
  const text = bug instanceof Error ? (bug.stack ?? bug.message) : String(bug);
  const lines = text.split('\n').slice(0, Math.max(1, maxLines - 3 - state.length));
  const tags = context.publishing ? 'tags may have moved' : 'no tag was touched';
  return {
    exitCode: 70,
    lines: [
      `error: bug in docker-build: ${lines[0] ?? ''}`,
      ...lines.slice(1),
      ...state.map(indent),
      `  state: ${state.length > 0 ? '' : `${tags}; `}${stateOfDaemon(context)}`,
      '  try: report this block to the maintainers',
    ],
  };
}

function indent(line: string): string {
  return `  ${line}`;
}
