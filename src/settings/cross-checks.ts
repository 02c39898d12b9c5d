// Settings that are fine alone and wrong, or pointless, together: the list of the checks, each topic in its own file.
import { checkAzure } from './cross-checks/azure.ts';
import { checkBuild } from './cross-checks/build.ts';
import { checkCache } from './cross-checks/cache.ts';
import { checkCloud } from './cross-checks/cloud.ts';
import { checkCopy } from './cross-checks/copy.ts';
import type { CrossInputs } from './cross-checks/cross-inputs.ts';
import { checkDaemon } from './cross-checks/daemon.ts';
import { checkDestination } from './cross-checks/destination.ts';
import { checkEcr } from './cross-checks/ecr.ts';
import { checkGoogle } from './cross-checks/google.ts';
import { checkHeroku } from './cross-checks/heroku.ts';
import { checkOutputs } from './cross-checks/outputs.ts';
import { checkPublishing } from './cross-checks/publishing.ts';
import { checkRegistries } from './cross-checks/registries.ts';
import { checkSigning } from './cross-checks/signing.ts';
import { addProblem } from './findings.ts';

const checks = [
  checkDestination,
  checkRegistries,
  checkDaemon,
  checkBuild,
  checkCache,
  checkEcr,
  checkCloud,
  checkGoogle,
  checkAzure,
  checkHeroku,
  checkSigning,
  checkOutputs,
  checkCopy,
  checkPublishing,
];

/** Runs all checks. */
export function crossCheck(inputs: CrossInputs): void {
  for (const check of checks) check(inputs);
}

/** `dry_run: true`, `push: false`, or an output that says `push=false`. */
export function isDryRun({ values, given, findings }: Pick<CrossInputs, 'values' | 'given' | 'findings'>): boolean {
  if (given.has('dry_run') && given.has('push') && values.dry_run === values.push) {
    addProblem(findings, 'push', {
      wrong: `push: ${values.push} and dry_run: ${values.dry_run} contradict each other`,
      right: 'must be left out, or agree with dry_run',
    });
  }
  const isOutputOnly = (values.outputs ?? []).some((spec) => spec.type === 'image' && spec.push === false);
  return values.dry_run || !values.push || isOutputOnly;
}
