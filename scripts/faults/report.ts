// What `make faults` shows: a letter for each fault and driver, why the bad ones are bad, and what that makes in all.
import type { Letter } from '../../test/faults/judge.ts';
import type { FaultRun } from '../../test/faults/run-fault.ts';

/** A run, or why there was none. */
export type FaultResult =
  | ({ readonly outcome: 'judged' } & FaultRun)
  | { readonly outcome: 'does not occur'; readonly fault: string; readonly driver: string }
  | { readonly outcome: 'bench failed'; readonly fault: string; readonly driver: string; readonly error: string };

const signs: Readonly<Record<Letter, string>> = { survived: 'S', clean: 'C', dirty: 'D', lie: 'L', hang: 'H' };
/** No request of the publish met the fault. */
const notMet = '·';
const doesNotOccur = '-';
const benchFailed = '?';
/** Of a log; all of it is in the results. */
const shownLines = 12;

/** Nothing ended as it must not. */
export function isGood(result: FaultResult): boolean {
  if (result.outcome === 'judged') return result.isAllowed;
  return result.outcome !== 'bench failed';
}

/** One column per driver, one row per fault; storms are counted only. */
export function letterTable(all: readonly FaultResult[]): string {
  const results = all.filter((result) => result.outcome !== 'judged' || result.group !== 'storm');
  const drivers = [...new Set(results.map(({ driver }) => driver))];
  const faults = [...new Set(results.map(({ fault }) => fault))];
  const width = Math.max(0, ...faults.map((fault) => fault.length));
  const legend = drivers.map((driver, index) => `  ${columnName(index)} = ${driver}`);
  const head = `${''.padEnd(width)}  ${drivers.map((_, index) => columnName(index)).join(' ')}`;
  const rows = faults.map((fault) => {
    const cells = drivers.map((driver) =>
      signOf(results.filter((result) => result.fault === fault && result.driver === driver)),
    );
    return `${fault.padEnd(width)}  ${cells.join(' ')}`;
  });
  return [...legend, '', head, ...rows].join('\n');
}

/** The worst of several trials. */
function signOf(results: readonly FaultResult[]): string {
  const found = results.map((result) => {
    if (result.outcome === 'does not occur') return doesNotOccur;
    if (result.outcome === 'bench failed') return benchFailed;
    return isMet(result) ? signs[result.letter] : notMet;
  });
  return [benchFailed, 'H', 'L', 'D', 'C', 'S', notMet, doesNotOccur].find((sign) => found.includes(sign)) ?? ' ';
}

/** What went wrong without a fault counts as well. */
function isMet(run: FaultRun): boolean {
  return run.isMet || run.letter !== 'survived';
}

function columnName(index: number): string {
  return String.fromCharCode('a'.charCodeAt(0) + index);
}

/** What a bad run did, with the end of its log. */
export function describeBad(result: FaultResult): string {
  const head = `${result.driver}: ${result.fault}`;
  if (result.outcome !== 'judged') return `${head}: ${result.outcome === 'bench failed' ? result.error : ''}`;
  const log = result.output.trimEnd().split('\n').slice(-shownLines);
  const reasons = result.reasons.map((reason) => `  ${reason}`);
  const ended = `${head}: ${result.letter}, exit ${result.exitCode} after ${seconds(result.ms)}, ${result.hits} faults`;
  return [ended, ...reasons, ...log.map((line) => `    | ${line}`)].join('\n');
}

/** Per driver and group: how many of each letter, and of the faults that pass by themselves how many were survived. */
export function totals(results: readonly FaultResult[]): readonly string[] {
  const judged = results.flatMap((result) => (result.outcome === 'judged' ? [result] : []));
  const pairs = new Set(judged.map(({ driver, group }) => `${driver}: ${group}`));
  const parts = [...pairs].map((pair) => {
    const runs = judged.filter(({ driver, group }) => `${driver}: ${group}` === pair);
    return `${pair}: ${countLetters(runs)}`;
  });
  return [...parts, `in all: ${countLetters(judged)}`];
}

function countLetters(runs: readonly FaultRun[]): string {
  const met = runs.filter(isMet);
  const counts = Object.keys(signs).map((letter) => `${met.filter((run) => run.letter === letter).length} ${letter}`);
  const transient = met.filter(({ isTransient }) => isTransient);
  const passed = transient.filter(({ letter }) => letter === 'survived').length;
  const share = transient.length === 0 ? '' : `; of ${transient.length} transient ones ${passed} survived`;
  return `${met.length} (${counts.join(', ')})${share}; ${runs.length - met.length} not met`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
