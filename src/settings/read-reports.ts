// The files that a run writes about itself. Their places are found and checked before anything is connected: those that the
// author asked for must be writable; those that a runner sets everywhere only cause a warning.
import { addProblem, addWarning, type Findings } from './findings.ts';
import type { Given } from './given.ts';
import { findPlace } from './output-places.ts';
import type { Environment } from './reading.ts';
import type { Values } from './table.ts';
import type { WorkspaceFiles } from './workspace-files.ts';

/** The reports that have a file each. */
const names = [
  'card_path',
  'artifact_file',
  'metadata_file',
  'digest_file',
  'iid_file',
  'image_name_with_digest_file',
  'image_name_tag_with_digest_file',
  'cache_metrics_file',
] as const;

export type ReportName = (typeof names)[number];

/** Where a report goes: into the log of the step, or to an absolute path. */
export type ReportPlace = { readonly kind: 'log' } | { readonly kind: 'file'; readonly path: string };

export interface Reports {
  readonly places: ReadonlyMap<ReportName, ReportPlace>;
  /** Absolute paths; several where runners name several. */
  readonly outputFiles: readonly string[];
}

/** Harness sets these in each step, whether anybody wants them or not. */
const setByRunners: ReadonlySet<string> = new Set(['card_path', 'artifact_file', 'output_file']);
const logDevices: ReadonlySet<string> = new Set(['/dev/stdout', '/dev/stderr']);

export interface ReportInputs {
  readonly values: Values;
  readonly given: ReadonlyMap<string, Given>;
  readonly environment: Environment;
  readonly files: WorkspaceFiles;
  readonly findings: Findings;
}

/** Finds the places. Problems go to the findings; the reports that have one are left out. */
export function readReports(inputs: ReportInputs): Reports {
  const places = names.flatMap((name) => {
    const written = inputs.values[name];
    const place = written === undefined ? undefined : placeOf(name, written, inputs);
    return place === undefined ? [] : [[name, place] as const];
  });
  return { places: new Map(places), outputFiles: outputFiles(inputs) };
}

function placeOf(name: string, written: string, { files, findings }: ReportInputs): ReportPlace | undefined {
  if (logDevices.has(written)) return { kind: 'log' };
  const placed = findPlace(files, written, 'file');
  if (placed.ok) return { kind: 'file', path: placed.place.path };
  if (setByRunners.has(name)) addWarning(findings, name, `is not written: ${placed.wrong}`);
  else addProblem(findings, name, { wrong: placed.wrong, right: 'must be a file that this step may write' });
  return undefined;
}

/** Drone and Harness have a variable each; one file that both name is one file. */
function outputFiles(inputs: ReportInputs): readonly string[] {
  const { values, environment } = inputs;
  const written = [values.output_file, environment['HARNESS_OUTPUT_FILE']?.trim()];
  const places = [...new Set(written)].flatMap((path) =>
    path === undefined || path === '' ? [] : (placeOf('output_file', path, inputs) ?? []),
  );
  return [...new Set(places.flatMap((place) => (place.kind === 'file' ? [place.path] : [])))];
}
