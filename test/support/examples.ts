// The pipeline examples of the repository as tests see them: read from the files that people copy, with the facts of one build
// filled in. The system-container example is no pipeline and not in this list.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildFacts, type PluginSpec, readPluginSteps, type Runner } from './pipeline-env.ts';

/** All examples. */
export const examplesFolder = join(import.meta.dirname, '..', '..', 'examples');

export interface PipelineExample {
  /** Name of the folder, which is also the workspace of its steps. */
  readonly name: string;
  readonly file: string;
  readonly runner: Runner;
  /** What the runner says about a push to the default branch. */
  readonly facts: BuildFacts;
}

const drone: Omit<PipelineExample, 'name'> = {
  file: '.drone.yml',
  runner: 'drone',
  facts: {
    DRONE_REPO: 'team/project',
    DRONE_REPO_BRANCH: 'main',
    DRONE_COMMIT_REF: 'refs/heads/main',
    DRONE_COMMIT_SHA: '8f51ad7884c5eb69c11d260a31da7a745e6b78e2',
    DRONE_BUILD_EVENT: 'push',
    DRONE_BUILD_NUMBER: '7',
  },
};

const woodpecker: Omit<PipelineExample, 'name'> = {
  file: '.woodpecker.yml',
  runner: 'woodpecker',
  facts: {
    CI_REPO: 'team/project',
    CI_REPO_DEFAULT_BRANCH: 'main',
    CI_COMMIT_REF: 'refs/heads/main',
    CI_COMMIT_SHA: '8f51ad7884c5eb69c11d260a31da7a745e6b78e2',
    CI_PIPELINE_EVENT: 'push',
    CI_PIPELINE_NUMBER: '7',
  },
};

export const pipelineExamples: readonly PipelineExample[] = [
  { name: 'plain', ...drone },
  { name: 'auto-tag', ...drone },
  { name: 'promote', ...drone },
  { name: 'tcp-daemon', ...drone },
  { name: 'tls-daemon', ...drone },
  { name: 'woodpecker', ...woodpecker },
];

/** An example by its name. */
export function pipelineExample(name: string): PipelineExample {
  const example = pipelineExamples.find((candidate) => candidate.name === name);
  if (example === undefined) throw new Error(`no example ${name}`);
  return example;
}

/** The workspace of an example. */
export function folderOf(example: PipelineExample): string {
  return join(examplesFolder, example.name);
}

/** The plugin steps of an example. */
export function stepsOf(example: PipelineExample): readonly PluginSpec[] {
  return readPluginSteps(readFileSync(join(folderOf(example), example.file), 'utf8'), example.facts);
}
