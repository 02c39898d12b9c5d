// What the kind of registry means: where repositories are, who gets the login, what reports say.
import { describe, expect, it } from 'vitest';
import { withClouds, makePlan, type Plan } from '../../../src/plan/plan.ts';
import { readBuildInfo } from '../../../src/settings/build-info.ts';
import { goodStep, type StepSettings } from '../settings/step.ts';

const plan = (settings: StepSettings): Plan => makePlan(goodStep(settings), readBuildInfo({}), new Date(0));
const targets = ({ publish }: Plan) =>
  (publish?.targets ?? []).map(({ repository }) => `${repository.domain}/${repository.path}`);

const ecrHost = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const keys = { access_key: 'AKIAEXAMPLE', secret_key: 'secret-example' };

describe('repositories', () => {
  it.each<[string, StepSettings, readonly string[]]>([
    ['stay as written at ordinary registries', { registry: 'reg.example', repo: 'team/app' }, ['docker.io/team/app']],
    ['get the registry of their cloud', { ...keys, registry: ecrHost, repo: 'team/app' }, [`${ecrHost}/team/app`]],
    ['keep the registry that they have', { ...keys, registry: ecrHost, repo: `${ecrHost}/app` }, [`${ecrHost}/app`]],
    [
      'of another account keep their own',
      { ...keys, registry: ecrHost, repo: 'app,999999999999.dkr.ecr.us-east-1.amazonaws.com/app' },
      [`${ecrHost}/app`, '999999999999.dkr.ecr.us-east-1.amazonaws.com/app'],
    ],
    [
      'that only begin like the registry get it in front',
      { ...keys, registry: ecrHost, repo: `${ecrHost}.example/app` },
      [`${ecrHost}/${ecrHost}.example/app`],
    ],
    ['without a host get a cloud registry', { registry: 'gcr.io/project', repo: 'app' }, ['gcr.io/project/app']],
    ['with a host do not', { registry: 'gcr.io/project', repo: 'docker.io/team/app' }, ['docker.io/team/app']],
    ['at a cloud host stay', { registry: 'gcr.io', repo: 'gcr.io/project/app' }, ['gcr.io/project/app']],
    [
      'wait for the name of the registry when the account decides it',
      { ...keys, region: 'eu-west-1', repo: 'team/app' },
      ['registry-of-the-account.invalid/team/app'],
    ],
  ])('%s', (_, settings, expected) => expect(targets(plan(settings))).toEqual(expected));

  it('come to the registry that the cloud has named', () => {
    const planned = plan({ ...keys, region: 'eu-west-1', repo: `team/app,${ecrHost}/other` });
    const placed = withClouds(planned, { registry: ecrHost });
    expect(targets(placed)).toEqual([`${ecrHost}/team/app`, `${ecrHost}/other`]);
    expect(placed.registryFacts).toEqual({ registryType: 'ECR', registryUrl: ecrHost });
  });
});

describe('the plan', () => {
  it.each<[StepSettings, Plan['registryFacts']]>([
    [{}, { registryType: 'Docker', registryUrl: 'https://index.docker.io/v1/' }],
    [{ registry: 'https://Reg.example/x' }, { registryType: 'Docker', registryUrl: 'https://Reg.example/x' }],
    [{ registry: 'eu.gcr.io' }, { registryType: 'GCR', registryUrl: 'eu.gcr.io' }],
    [
      { registry: 'r.example', daemon_registry: 'https://p' },
      { registryType: 'Docker', registryUrl: 'https://p' },
    ],
    [
      { daemon_registry: 'https://p', artifact_registry: 'https://a' },
      { registryType: 'Docker', registryUrl: 'https://a' },
    ],
  ])('names the registry for reports: %j', (settings, facts) => {
    expect(plan(settings).registryFacts).toEqual(facts);
  });

  it('says why a kind of registry was chosen, and nothing about an ordinary one', () => {
    expect(plan({ repo: `${ecrHost}/app` }).notes).toEqual([
      `registry type ecr, because of the host of repo (${ecrHost})`,
    ]);
    expect(plan({ repo: 'reg.example/app' }).notes).toEqual([]);
  });
});
