// Settings of the build that are fine alone and pointless together.
import { addWarning } from '../findings.ts';
import type { CrossInputs } from './cross-inputs.ts';

/** Checks labels and pulling. */
export function checkBuild(inputs: CrossInputs): void {
  checkLabels(inputs);
  checkPull(inputs);
}

function checkLabels({ values, given, findings }: CrossInputs): void {
  if (given.has('label_schema') && !values.auto_label)
    addWarning(findings, 'label_schema', 'does nothing without auto_label');
}

function checkPull({ values, findings }: CrossInputs): void {
  if (values.pull_image) return;
  addWarning(findings, 'pull_image', 'images that the daemon has under a name may decide what FROM means');
}
