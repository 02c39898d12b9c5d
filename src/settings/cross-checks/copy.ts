// Settings of `push_only` that are fine alone and wrong, or pointless, together.
import { addProblem, addWarning } from '../findings.ts';
import { attestationRows } from '../table/attestations.ts';
import { buildSourceRows } from '../table/build-source.ts';
import { buildValueRows } from '../table/build-values.ts';
import { buildRows } from '../table/build.ts';
import { cacheRows } from '../table/cache.ts';
import { outputRows } from '../table/outputs.ts';
import type { Row } from '../table/row.ts';
import type { CrossInputs } from './cross-inputs.ts';

const copyOnly = ['source_image', 'source_from', 'source_tar_path', 'referrers'] as const;
/** Of a build, and of a copy as well. */
const alsoOfCopies: ReadonlySet<string> = new Set(['platform']);

const buildOnly: readonly (readonly [name: string, row: Row])[] = Object.entries<Row>({
  ...buildSourceRows,
  ...buildRows,
  ...buildValueRows,
  ...cacheRows,
  ...attestationRows,
  ...outputRows,
}).filter(([name, { status }]) => status === 'works' && !alsoOfCopies.has(name));

/** Checks what is published without a build. */
export function checkCopy(inputs: CrossInputs): void {
  const { values, given, dryRun, findings } = inputs;
  if (!values.push_only) {
    const pointless = copyOnly.filter((name) => given.has(name));
    for (const name of pointless) addWarning(findings, name, 'does nothing without push_only: true');
    return;
  }
  if (dryRun) {
    addProblem(findings, 'push_only', {
      wrong: 'it publishes without building, and dry_run builds without publishing',
      right: 'must not be combined with dry_run: true or push: false',
    });
  }
  checkSource(inputs);
  if ((values.platform ?? []).length > 1) {
    addProblem(findings, 'platform', {
      wrong: 'with push_only it picks one image of an index, and it names several',
      right: 'must be one platform, or be left out: the index is then published whole',
    });
  }
  const unused = buildOnly.map(([name]) => name).filter((name) => given.has(name));
  if (unused.length > 0) addWarning(findings, 'push_only', `nothing is built; not used: ${unused.join(', ')}`);
}

function checkSource({ values, given, findings }: CrossInputs): void {
  const { source_image: image, source_from: from } = values;
  if (given.has('source_tar_path')) {
    const pointless = (['source_image', 'source_from'] as const).filter((name) => given.has(name));
    for (const name of pointless) addWarning(findings, name, 'is not used: source_tar_path wins');
    return;
  }
  if (image?.kind === 'id' && from === 'registry') {
    addProblem(findings, 'source_image', {
      wrong: 'it is the id of an image in a daemon, and source_from is registry',
      right: 'must be a name, or source_from must be daemon',
    });
  }
}
