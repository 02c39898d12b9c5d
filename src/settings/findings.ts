// Collects what is wrong with the settings while they are read, so that a pipeline author sees everything at once, and
// turns it into the one error of this folder.
import { PluginError } from '../base/plugin-error.ts';
import { escapeControls, type Problem } from './reading.ts';

/** What was found so far; filled while reading. */
export interface Findings {
  readonly problems: string[];
  readonly warnings: string[];
}

/** Settings are wrong; `details` has one line for each problem. */
export class SettingsError extends PluginError {
  /** What was found beside; worth a line each before the error. */
  readonly warnings: readonly string[];

  constructor(problems: readonly string[], warnings: readonly string[]) {
    const count = new Set(problems.map((problem) => problem.split(':')[0])).size;
    super({
      code: 'settings',
      exitCode: 2,
      message: count === 1 ? '1 setting is wrong' : `${count} settings are wrong`,
      details: problems,
    });
    this.warnings = warnings;
  }
}

/** Enters a problem of a setting. */
export function addProblem(findings: Findings, setting: string, { wrong, right }: Problem): void {
  const line = escapeControls(`settings.${setting}: ${wrong}; ${right}`);
  if (!findings.problems.includes(line)) findings.problems.push(line);
}

/** Enters a warning about a setting. */
export function addWarning(findings: Findings, setting: string, warning: string): void {
  const line = escapeControls(`settings.${setting}: ${warning}`);
  if (!findings.warnings.includes(line)) findings.warnings.push(line);
}
