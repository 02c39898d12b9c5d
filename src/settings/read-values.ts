// Given texts -> typed values, by the readers of the table. Also says what becomes of settings that are only known.
import { joinWithFlags } from './buildx-options.ts';
import { addProblem, addWarning, type Findings } from './findings.ts';
import type { Given } from './given.ts';
import type { Environment, Problem, ReadContext, Reading, Redact } from './reading.ts';
import { table, type Values } from './table.ts';
import type { KnownRow, WorkingRow } from './table/row.ts';

/** No setting of a person is longer; the kernel's own limit for a variable is 128 KiB. */
const maxValueBytes = 1024 * 1024;

/** Reads every setting. Where one is wrong, its default stands in, so that the others can be checked too. */
export function readValues(
  given: ReadonlyMap<string, Given>,
  environment: Environment,
  redact: Redact,
  findings: Findings,
  fromFlags: ReadonlyMap<string, Given> = new Map(),
): Values {
  const values: Record<string, unknown> = Object.create(null);
  for (const [name, row] of table) {
    if (row.status !== 'works') continue;
    const value = readRow(name, row, given.get(name), environment, redact, findings);
    const flags = fromFlags.get(name);
    const other = flags === given.get(name) ? undefined : flags;
    values[name] =
      other === undefined
        ? value
        : joinWithFlags(name, value, readRow(name, row, other, environment, redact, findings), findings);
  }
  reportKnown(given, findings);
  // The type of each entry is that of its row by construction (ValueOf): the loop above is all that makes them.
  return values as Values;
}

function readRow(
  name: string,
  row: WorkingRow<unknown, unknown>,
  given: Given | undefined,
  environment: Environment,
  redact: Redact,
  findings: Findings,
): unknown {
  if (given === undefined) return row.fallback;
  const context = { from: given.from, secret: row.secret === true, environment, redact };
  const reading = readChecked(row, given.text, context);
  for (const warning of reading.warnings) addWarning(findings, name, warning);
  if (reading.ok) return reading.value;
  for (const problem of reading.problems) addProblem(findings, name, withOrigin(problem, name, given));
  return row.fallback;
}

function readChecked(row: WorkingRow<unknown, unknown>, text: string, context: ReadContext): Reading<unknown> {
  const problem = textProblem(text);
  return problem === undefined ? row.kind.read(text, context) : { ok: false, problems: [problem], warnings: [] };
}

function textProblem(text: string): Problem | undefined {
  if (text.length > maxValueBytes || Buffer.byteLength(text, 'utf8') > maxValueBytes) {
    return { wrong: 'it is longer than 1 MiB', right: 'must be shorter' };
  }
  if (text.includes('\0')) return { wrong: 'it holds a NUL byte', right: 'must be text' };
  // Node turns bytes that are not UTF-8 into this character.
  if (text.includes('\u{fffd}')) return { wrong: 'it is not valid UTF-8', right: 'must be text' };
  return undefined;
}

/** A name that differs from the setting's is mentioned, since it is what the author has in front of them. */
function withOrigin(problem: Problem, name: string, { from }: Given): Problem {
  const isUsual = from === `PLUGIN_${name.toUpperCase()}` || from.startsWith('--');
  return isUsual ? problem : { ...problem, wrong: `(${from}) ${problem.wrong}` };
}

function reportKnown(given: ReadonlyMap<string, Given>, findings: Findings): void {
  const accepted: string[] = [];
  for (const [name, { text }] of given) {
    const row = table.get(name);
    if (row === undefined || row.status === 'works' || isInert(row, text)) continue;
    switch (row.status) {
      case 'accepted':
        accepted.push(name);
        break;
      case 'declined':
        addWarning(findings, name, `is not used: ${row.help.replaceAll('`', '')}`);
        break;
      case 'refused':
        addProblem(findings, name, {
          wrong: 'it is not available in this version',
          right: `must be left out (${row.help})`,
        });
        break;
      case 'ignored':
        break;
    }
  }
  if (accepted.length > 0) {
    findings.warnings.push(
      `not used: ${accepted.join(', ')}; the runner's daemon is used, an administrator sets these in its daemon.json`,
    );
  }
}

function isInert(row: KnownRow, text: string): boolean {
  return row.inert.includes(text.trim().toLowerCase());
}
