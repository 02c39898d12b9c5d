// The section of docs/reliability.md that the bench writes: the measured faults side by side, one column per publisher, with all that
// is needed to judge the figures: versions, flags, number of trials.
import { readFileSync, writeFileSync } from 'node:fs';
import { leftBehind } from '../../test/faults/judge.ts';
import type { FaultRun } from '../../test/faults/run-fault.ts';
import { uploadPrefix } from '../../test/faults/snapshot.ts';

const begin =
  '<!-- faults: begin; written by `make faults ARGS="--only measured --peers --write-docs"`, do not edit -->';
const end = '<!-- faults: end -->';

/** Replaces the marked section of a document. Throws when it has none. */
export function writeDocs(path: string, runs: readonly FaultRun[], absent: readonly string[]): void {
  const text = readFileSync(path, 'utf8');
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} has no section of the fault bench`);
  writeFileSync(path, `${text.slice(0, from + begin.length)}\n\n${docsTable(runs, absent)}\n\n${text.slice(to)}`);
}

/** @param absent names of publishers that were not installed */
export function docsTable(runs: readonly FaultRun[], absent: readonly string[]): string {
  const drivers = distinct(runs.map(({ driver }) => driver));
  const faults = distinct(runs.map(({ fault }) => fault));
  const trials = Math.max(...faults.map((fault) => runsOf(runs, drivers[0] ?? '', fault).length));
  const head = ['Fault', ...drivers.map((_, index) => letterOf(index))];
  const rows = faults.map((fault) => [fault, ...drivers.map((driver) => cellOf(runsOf(runs, driver, fault)))]);
  const survived = drivers.map((driver) => {
    const passed = faults.map((fault) => runsOf(runs, driver, fault)).filter(isPassed);
    return `**${passed.length} of ${faults.length}**`;
  });
  const legend = drivers.map((driver, index) => {
    const version = runs.find((run) => run.driver === driver)?.version;
    return `- ${letterOf(index)}: ${describeDriver(driver, version ?? '')}`;
  });
  return [
    ...legend,
    '',
    `${trials === 1 ? 'One trial' : `${trials} trials`} of each. ${absent.length === 0 ? '' : `Not installed, and so not tried: ${absent.join(', ')}.`}`.trimEnd(),
    '',
    ...[head, head.map(() => '---'), ...rows, ['all of its trials survived', ...survived]].map(
      (cells) => `| ${cells.join(' | ')} |`,
    ),
  ].join('\n');
}

function runsOf(runs: readonly FaultRun[], driver: string, fault: string): readonly FaultRun[] {
  return runs.filter((run) => run.driver === driver && run.fault === fault);
}

/** A fault that no trial met was not survived. */
function isPassed(runs: readonly FaultRun[]): boolean {
  return runs.some(({ isMet }) => isMet) && runs.every(isSurvived);
}

/** The tags show the image and the exit code says so; an upload that was left open is not counted against anybody here. */
function isSurvived({ letter, exitCode, reasons }: FaultRun): boolean {
  const isUploadLeft = reasons.every((reason) => reason.startsWith(`${leftBehind}${uploadPrefix}`));
  return letter === 'survived' || (letter === 'dirty' && exitCode === 0 && isUploadLeft);
}

function cellOf(runs: readonly FaultRun[]): string {
  if (runs.every(({ isMet }) => !isMet)) return 'not met';
  const passed = runs.filter(isSurvived).length;
  if (passed === runs.length) return 'yes';
  if (passed > 0) return `${passed} of ${runs.length}`;
  const worst = ['hang', 'lie', 'dirty'].find((letter) => runs.some((run) => run.letter === letter));
  if (worst === 'dirty') return runs.some(movedTags) ? 'no, tag moved' : 'no';
  return worst === 'hang' ? 'hangs' : worst === 'lie' ? 'lies' : 'no';
}

function movedTags({ reasons }: FaultRun): boolean {
  return reasons.some((reason) => / went from /.test(reason));
}

function describeDriver(driver: string, version: string): string {
  if (driver.startsWith('docker push'))
    return `\`docker push\`, docker ${version}, ${driver.replace(/^docker push \((.*)\)$/, '$1')}; it has no flags for this`;
  if (driver === 'skopeo') return `skopeo ${version}, \`skopeo copy\` with its defaults`;
  if (driver.startsWith('skopeo')) return `skopeo ${version}, \`${driver.replace('skopeo', 'skopeo copy')}\``;
  if (driver === 'crane') return `crane ${version}, \`crane push\` with its defaults`;
  return `docker-build ${version}, ${driver}; \`request_timeout: 5s\`, otherwise its defaults`;
}

function letterOf(index: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + index);
}

function distinct(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
