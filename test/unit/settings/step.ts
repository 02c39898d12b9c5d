// A pipeline step in a workspace of its own, for tests of what reading its settings says.
import { realpathSync } from 'node:fs';
import { SettingsError } from '../../../src/settings/findings.ts';
import { readSettings } from '../../../src/settings/read-settings.ts';
import type { Settings } from '../../../src/settings/settings.ts';
import { workspaceFiles } from '../../../src/settings/workspace-files.ts';
import { makeWorkspace } from '../../support/workspace.ts';

/** A folder that is removed after the test, with these files in it. */
export function temporaryFolder(files: Readonly<Record<string, string | Buffer>> = {}): string {
  return realpathSync(makeWorkspace(files));
}

/** A workspace with a Dockerfile. */
export function workspace(files: Readonly<Record<string, string | Buffer>> = {}): string {
  return temporaryFolder({ Dockerfile: 'FROM scratch\n', ...files });
}

export interface Outcome {
  readonly settings: Settings | undefined;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  /** Everything that was registered for masking. */
  readonly redacted: readonly string[];
}

/** Names as in YAML, texts as the runner makes them; variables in capitals are passed as they are. */
export type StepSettings = Readonly<Record<string, string>>;

/** Reads the settings of a step. `repo` is given unless the settings say otherwise. */
export function readStep(settings: StepSettings, folder: string = workspace(), argv: readonly string[] = []): Outcome {
  const env = Object.fromEntries(
    Object.entries({ repo: 'example.com/app', ...settings }).map(([name, text]) => [
      /^[A-Z]/.test(name) || /^(?:http|https|no)_proxy$/.test(name) ? name : `PLUGIN_${name.toUpperCase()}`,
      text,
    ]),
  );
  const redacted: string[] = [];
  const redact = (secret: string) => {
    redacted.push(secret);
    return secret.length >= 4;
  };
  try {
    const request = readSettings({ env, argv, files: workspaceFiles(folder), redact });
    if (request.mode === 'help' || request.mode === 'version') throw new Error('the step asked for a text');
    return { settings: request.settings, problems: [], warnings: request.warnings, redacted };
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return { settings: undefined, problems: error.details, warnings: error.warnings, redacted };
  }
}

/** The settings of a step that has no problems. */
export function goodStep(settings: StepSettings, folder?: string): Settings & { readonly warnings: readonly string[] } {
  const outcome = readStep(settings, folder);
  if (outcome.settings === undefined) throw new Error(outcome.problems.join('\n'));
  return { ...outcome.settings, warnings: outcome.warnings };
}
