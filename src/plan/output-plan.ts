// What is written to the workspace and kept on the daemon, from the settings, and which names an archive carries.
import type { PlacedOutput } from '../settings/read-outputs.ts';
import type { Settings } from '../settings/settings.ts';
import type { PublishTargetPlan } from './destination-plan.ts';

/** What a build leaves beside what it publishes. */
export interface OutputPlan {
  readonly files: readonly FileOutputPlan[];
  /** Keep the image on the daemon. */
  readonly load: boolean;
}

/** One output in the workspace. */
export interface FileOutputPlan {
  readonly type: 'local' | 'tar' | 'oci' | 'docker';
  /** A tree of files, or one file. */
  readonly layout: 'file' | 'folder';
  readonly place: PlacedOutput['place'];
  /** As the pipeline author wrote it. */
  readonly display: string;
  readonly setting: PlacedOutput['setting'];
  /** Names of an archive, `host/path:tag` in full. */
  readonly names: readonly string[];
  /** What the author tells the exporter, in its own words. */
  readonly attrs: Readonly<Record<string, string>>;
}

/** @param targets where the image is published, or would be if this were no dry run */
export function outputPlan({ outputs, values }: Settings, targets: readonly PublishTargetPlan[]): OutputPlan {
  const names = targets.flatMap(({ repository: { domain, path }, tags }) =>
    tags.map((tag) => `${domain}/${path}:${tag}`),
  );
  return { files: outputs.map((output) => fileOutputPlan(output, names)), load: values.load };
}

/** The plan with names at `host` in the place of those at `unnamed`; without them when no host is known. */
export function namedAt(plan: OutputPlan, unnamed: string, host: string | undefined): OutputPlan {
  const placed = (name: string): readonly string[] => {
    if (!name.startsWith(`${unnamed}/`)) return [name];
    return host === undefined ? [] : [`${host}${name.slice(unnamed.length)}`];
  };
  return { ...plan, files: plan.files.map((file) => ({ ...file, names: file.names.flatMap(placed) })) };
}

function fileOutputPlan({ setting, spec, place }: PlacedOutput, names: readonly string[]): FileOutputPlan {
  const isArchive = spec.type === 'oci' || spec.type === 'docker';
  return {
    type: spec.type,
    layout: isArchive ? spec.layout : spec.type === 'local' ? 'folder' : 'file',
    place,
    display: spec.dest,
    setting,
    names: isArchive ? (spec.names ?? names) : [],
    attrs: spec.attrs,
  };
}
