// Outputs that are fine alone and wrong, or pointless, together with other settings.
import { addProblem, addWarning } from '../findings.ts';
import type { CrossInputs } from './cross-inputs.ts';

/** Checks outputs. */
export function checkOutputs(inputs: CrossInputs): void {
  checkFormat(inputs);
  checkPush(inputs);
}

function checkFormat({ values, given, findings }: CrossInputs): void {
  const { outputs = [], tar_path: tar, buildx_output_format: format, platform = [] } = values;
  if (given.has('buildx_output_format') && tar === undefined) {
    addWarning(findings, 'buildx_output_format', 'does nothing without tar_path');
  }
  if (platform.length < 2) return;
  const wrong = 'an archive of type docker holds one platform';
  if (tar !== undefined && format === 'docker') {
    addProblem(findings, 'tar_path', { wrong, right: 'must go with buildx_output_format: oci for several platforms' });
  }
  if (outputs.some(({ type }) => type === 'docker')) {
    addProblem(findings, 'outputs', { wrong, right: 'must be type=oci for several platforms' });
  }
}

function checkPush({ values, given, dryRun, findings }: CrossInputs): void {
  const wishes = (values.outputs ?? []).flatMap((spec) => (spec.type === 'image' ? [spec.push] : []));
  const wantsPush = wishes.includes(true);
  const wantsNone = wishes.includes(false);
  if (wantsPush && dryRun) {
    const other = wantsNone ? 'another of them' : given.has('push') ? 'push: false' : 'dry_run: true';
    addProblem(findings, 'outputs', {
      wrong: `it pushes, which ${other} forbids`,
      right: 'must agree about pushing',
    });
  } else if (wantsNone && given.has('push') && values.push) {
    addProblem(findings, 'outputs', { wrong: 'push=false and push: true contradict each other', right: 'must agree' });
  } else if (wantsNone && given.has('dry_run') && !values.dry_run) {
    addProblem(findings, 'outputs', {
      wrong: 'push=false and dry_run: false contradict each other',
      right: 'must agree',
    });
  }
}
