// Flags of `docker buildx build` and the settings that they stand for.
import { describe, expect, it } from 'vitest';
import { goodStep, readStep, type StepSettings, workspace } from './step.ts';

const values = (settings: StepSettings) => goodStep(settings).values;

describe('buildx_options', () => {
  it.each<[string, StepSettings, Record<string, unknown>]>([
    ['one value', { buildx_options: '--target=stage' }, { target: 'stage' }],
    ['a value behind a space', { buildx_options: '--target stage' }, { target: 'stage' }],
    ['a value in the next item', { buildx_options: '["--target","stage"]' }, { target: 'stage' }],
    ['a quoted value', { buildx_options: `--target="stage"` }, { target: 'stage' }],
    ['several flags in one item', { buildx_options: '--no-cache --target=x' }, { no_cache: true, target: 'x' }],
    ['a switch with a value', { buildx_options: '--pull=false' }, { pull_image: false }],
    [
      'a list whose commas are data',
      { buildx_options: '--platform=linux/amd64,linux/arm64,--no-cache' },
      { platform: ['linux/amd64', 'linux/arm64'], no_cache: true },
    ],
    [
      'repeated flags',
      { buildx_options_semicolon: '--build-arg=A=1,2;--build-arg B=3' },
      {
        build_args: new Map([
          ['A', '1,2'],
          ['B', '3'],
        ]),
      },
    ],
    [
      'flags beside a setting that is a list',
      { buildx_options: '--build-arg=B=2', build_args: 'A=1' },
      {
        build_args: new Map([
          ['B', '2'],
          ['A', '1'],
        ]),
      },
    ],
    ['-f', { buildx_options: '-f other.Dockerfile' }, { dockerfile: 'other.Dockerfile' }],
  ])('reads %s', (_, settings, expected) => {
    const folder = workspace({ 'other.Dockerfile': 'FROM scratch\n' });
    expect(goodStep(settings, folder).values).toMatchObject(expected);
  });

  it('lets the setting win over a flag, with a warning', () => {
    const { values: read, warnings } = goodStep({ buildx_options: '--target=flag', target: 'setting' });
    expect(read.target).toBe('setting');
    expect(warnings).toEqual([expect.stringMatching(/^settings\.target: what buildx_options says is not used/)]);
    const both = goodStep({ buildx_options: '--build-arg=A=flag', build_args: 'A=setting' });
    expect(both.values.build_args).toEqual(new Map([['A', 'setting']]));
    expect(both.warnings).toEqual([expect.stringMatching(/^settings\.build_args: A of buildx_options is not used/)]);
  });

  it.each(['--load', '--push', '--builder=mine', '--builder mine'])('drops %s with a warning', (flag) => {
    const { warnings } = goodStep({ buildx_options: flag });
    expect(warnings).toEqual([expect.stringContaining(`${flag.split(/[= ]/)[0]} is not used`)]);
  });

  it.each([
    ['--resource=cpu-period=5', 'the flag "--resource" has no setting here'],
    ['--squash', 'the flag "--squash" has no setting here'],
    ['.', 'item 1 is no flag'],
    ['--target', 'the flag "--target" has no value'],
  ])('refuses %s', (flag, wrong) => {
    expect(readStep({ buildx_options: flag }).problems).toEqual([expect.stringContaining(wrong)]);
  });

  it('does not take a flag for a setting that is not available, but says so', () => {
    expect(readStep({ buildx_options: '--call=check' }).problems).toEqual([expect.stringContaining('settings.call')]);
  });

  it('leaves everything else as it is', () => {
    expect(values({ buildx_options: '--no-cache' }).pull_image).toBe(true);
  });
});
