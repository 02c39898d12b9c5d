// What --check says.
import { describe, expect, it } from 'vitest';
import { formatPlan, type PlanFacts } from '../../../src/report/plan-preview.ts';

const plan: PlanFacts = {
  action: { kind: 'build' },
  build: {
    dockerfileDisplay: 'Dockerfile',
    contextDisplay: '.',
    platforms: ['linux/arm64'],
    buildArgs: new Map([['VERSION', 'hidden']]),
    secrets: new Map([['token', 'hidden']]),
  },
  output: { files: [{ type: 'docker', display: 'image.tar' }], load: true },
  publish: { targets: [{ repository: { domain: 'reg.example', path: 'app' }, tags: ['1'] }] },
};

describe('the preview of a plan', () => {
  it('tells what is built, written, kept and published, and no values', () => {
    expect(formatPlan(plan).split('\n')).toEqual([
      'the settings are fine; this step would',
      '  build   Dockerfile with context . for linux/arm64',
      '  args    VERSION',
      '  secrets token',
      '  write   image.tar (docker)',
      '  keep    the image on the daemon',
      '  publish reg.example/app:1',
    ]);
  });

  it('writes nothing where nothing is built', () => {
    expect(formatPlan({ ...plan, copy: { source: { display: 'app:1' }, referrers: false } })).not.toContain('write');
  });
});
