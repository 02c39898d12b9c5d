// The outputs of a step: those of `outputs`, `tar_path` and `oci_layout_path`, each with the place that it is written to.
// All places are checked before anything is connected.
import { addProblem, type Findings } from './findings.ts';
import type { ArchiveSpec, FilesSpec } from './output-kinds.ts';
import { findPlace, type OutputPlace } from './output-places.ts';
import { quote } from './reading.ts';
import type { Values } from './table.ts';
import { isBelow, type WorkspaceFiles } from './workspace-files.ts';

/** An output and its place. */
export interface PlacedOutput {
  readonly setting: 'outputs' | 'tar_path' | 'oci_layout_path';
  readonly spec: FilesSpec | ArchiveSpec;
  readonly place: OutputPlace;
}

/** Finds the places. Problems go to the findings; the outputs that have one are left out. */
export function readOutputs(values: Values, files: WorkspaceFiles, findings: Findings): readonly PlacedOutput[] {
  const placed = wished(values).flatMap(({ setting, spec }): readonly PlacedOutput[] => {
    const found = findPlace(files, spec.dest, isFolder(spec) ? 'folder' : 'file');
    if (found.ok) return [{ setting, spec, place: found.place }];
    const right = 'must be a path that this step may write, in the workspace or in a mounted volume';
    addProblem(findings, setting, { wrong: found.wrong, right });
    return [];
  });
  checkOverlap(placed, findings);
  return placed;
}

/** What is written is a folder. */
function isFolder(spec: PlacedOutput['spec']): boolean {
  return spec.type === 'local' || (spec.type === 'oci' && spec.layout === 'folder');
}

function wished(values: Values): readonly Pick<PlacedOutput, 'setting' | 'spec'>[] {
  const { outputs = [], tar_path: tar, oci_layout_path: folder, buildx_output_format: type } = values;
  const archive = { names: undefined, attrs: {} };
  return [
    ...outputs.flatMap((spec) => (spec.type === 'image' ? [] : [{ setting: 'outputs' as const, spec }])),
    ...(tar === undefined
      ? []
      : [{ setting: 'tar_path' as const, spec: { type, dest: tar, layout: 'file' as const, ...archive } }]),
    ...(folder === undefined
      ? []
      : [
          {
            setting: 'oci_layout_path' as const,
            spec: { type: 'oci' as const, dest: folder, layout: 'folder' as const, ...archive },
          },
        ]),
  ];
}

/** One output inside of another could be led astray by a link that the image holds. */
function checkOverlap(outputs: readonly PlacedOutput[], findings: Findings): void {
  for (const [index, one] of outputs.entries()) {
    for (const other of outputs.slice(index + 1)) {
      const isWithin =
        one.place.path === other.place.path ||
        (isFolder(one.spec) && isBelow(one.place.path, other.place.path)) ||
        (isFolder(other.spec) && isBelow(other.place.path, one.place.path));
      if (!isWithin) continue;
      addProblem(findings, other.setting, {
        wrong: `${quote(other.spec.dest)} and ${quote(one.spec.dest)} (${one.setting}) overlap`,
        right: 'must be places apart from one another',
      });
    }
  }
}
