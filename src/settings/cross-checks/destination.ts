// Settings of repositories and tags that are fine alone and wrong, or pointless, together.
import { addProblem, addWarning } from '../findings.ts';
import type { CrossInputs } from './cross-inputs.ts';

/** Checks repositories and tags. */
export function checkDestination(inputs: CrossInputs): void {
  checkRepo(inputs);
  checkAutoTag(inputs);
}

function checkRepo({ given, variant, dryRun, findings }: CrossInputs): void {
  // There the repository follows from the app.
  const isHeroku = variant.name === 'heroku' && !variant.soft;
  if (given.has('repo') || dryRun || isHeroku) return;
  addProblem(findings, 'repo', {
    wrong: 'it is required and missing',
    right: 'must be the repository to publish to, or set dry_run: true',
  });
}

const autoTagOnly = [
  'auto_tag_suffix',
  'auto_tag_with_tags',
  'auto_tag_latest',
  'auto_tag_depth',
  'auto_tag_prefix',
  'auto_tag_non_semver',
  'auto_tag_fallback',
  'auto_tag_forward_only',
  'default_tag',
] as const;

function checkAutoTag({ values, given, findings }: CrossInputs): void {
  if (!values.auto_tag) {
    const pointless = autoTagOnly.filter((name) => given.has(name));
    for (const name of pointless) addWarning(findings, name, 'does nothing without auto_tag: true');
    return;
  }
  if (values.expand_tag) {
    addProblem(findings, 'expand_tag', {
      wrong: 'it expands tags, while auto_tag makes them from the git ref',
      right: 'must be left out, or auto_tag be switched off',
    });
  }
  const tags = values.tags ?? [];
  const isJustLatest = tags.length === 1 && tags[0] === 'latest';
  const source = given.has('tags_file') ? 'tags_file' : 'tags';
  if (values.auto_tag_with_tags || !given.has(source) || (source === 'tags' && isJustLatest)) return;
  addWarning(findings, source, 'is not used, because auto_tag makes the tags; auto_tag_with_tags: true publishes both');
}
