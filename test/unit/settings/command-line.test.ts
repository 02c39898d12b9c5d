// Flags: every setting by its name, over the environment; never a secret.
import { describe, expect, it } from 'vitest';
import { readCommandLine } from '../../../src/settings/command-line.ts';
import { readStep, workspace } from './step.ts';

function read(...argv: readonly string[]) {
  const findings = { problems: [], warnings: [] };
  const { mode, flags } = readCommandLine(argv, findings);
  return { mode, flags: Object.fromEntries(flags), ...findings };
}

describe('flags', () => {
  it.each<[readonly string[], Record<string, string>]>([
    [['--dry-run'], { dry_run: 'true' }],
    [['--dry_run'], { dry_run: 'true' }],
    [['--dry-run', 'false'], { dry_run: 'false' }],
    [['--dry-run=no'], { dry_run: 'no' }],
    [['--dry-run', '--repo', 'a/b'], { dry_run: 'true', repo: 'a/b' }],
    [['--repo=a/b', '--tags', 'a,b'], { repo: 'a/b', tags: 'a,b' }],
    [['--tags', 'a', '--tags=b'], { tags: 'a\nb' }],
    [['--tag', 'a'], { tags: 'a' }],
    [['--no-cache'], { no_cache: 'true' }],
    [['--no-push'], { dry_run: 'true' }],
    [['--no-cache-filter', 'base'], { no_cache_filter: 'base' }],
    [['--build-args', 'A=-x'], { build_args: 'A=-x' }],
    [['--target', '-x'], { target: '-x' }],
    [['--retries', '0x3'], { retries: '0x3' }],
    [['--mtu', '1400'], { mtu: '1400' }],
  ])('%j', (argv, flags) => expect(read(...argv)).toEqual({ mode: 'run', flags, problems: [], warnings: [] }));

  it.each(['help', 'version', 'check'])('--%s asks for something else than a run', (mode) => {
    expect(read('--repo', 'a', `--${mode}`)).toMatchObject({ mode, problems: [] });
  });

  it.each<[readonly string[], RegExp]>([
    [['--docker.registry=x'], /^flag "--docker.registry": is not known/],
    [['--nonsense'], /^flag "--nonsense": is not known/],
    [['-v'], /^flag "-v": is not known/],
    [['--__proto__=x'], /is not known/],
    [['--constructor', 'x'], /is not known/],
    [['hunter22'], /^an argument that is not a flag/],
    [['--password', 'hunter22'], /^settings.password: it is given as a flag.*PLUGIN_PASSWORD/],
    [['--password=hunter22'], /^settings.password: it is given as a flag/],
    [['--json-key=hunter22'], /^settings.json_key: it is given as a flag/],
    [['--target', 'a', '--target', 'b'], /^settings.target: its flag is given 2 times/],
  ])('%j is refused', (argv, problem) => {
    const { problems } = read(...argv);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems[0]).toMatch(problem);
    expect(problems.join()).not.toContain('hunter22');
  });

  it('win over the environment', () => {
    const { settings, warnings } = readStep({ tags: 'a', TAG: 'b' }, workspace(), ['--tags', 'c']);
    expect(settings?.tags.list).toEqual(['c']);
    expect(warnings).toEqual([]);
  });
});
