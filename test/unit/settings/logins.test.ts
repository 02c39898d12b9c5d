// Logins as settings: `logins`, access_token and the login for base images.
import { describe, expect, it } from 'vitest';
import { goodStep, readStep, workspace } from './step.ts';
import { makePlan } from '../../../src/plan/plan.ts';
import { readBuildInfo } from '../../../src/settings/build-info.ts';
import type { StepSettings } from './step.ts';

const plan = (settings: StepSettings) => makePlan(goodStep(settings), readBuildInfo({}), new Date(0)).registries;
const logins = (...entries: readonly unknown[]): StepSettings => ({ logins: JSON.stringify(entries) });

describe('logins', () => {
  it.each<readonly [string, object, object]>([
    ['a host', { registry: 'R.io:5000', username: 'u', password: 'pass' }, { registry: 'r.io:5000' }],
    ['a URL', { registry: 'https://r.io/any', username: 'u', password: 'pass' }, { registry: 'r.io' }],
    [
      'Docker Hub',
      { registry: 'https://index.docker.io/v1/', username: 'u', password: 'pass' },
      { registry: 'docker.io' },
    ],
    ['no registry, which is Docker Hub', { username: 'u', password: 'pass' }, { registry: 'docker.io' }],
    ['a path', { registry: 'r.io/team/', username: 'u', password: 'pass' }, { registry: 'r.io', path: 'team' }],
    ['an address of the API', { registry: 'r.io/v2/', username: 'u', password: 'pass' }, { registry: 'r.io' }],
  ])('name their registry by %s', (_, entry, place) => {
    expect(plan(logins(entry)).logins).toEqual([
      { ...place, username: 'u', password: 'pass', source: 'settings logins' },
    ]);
  });

  it('come before the login of the other settings, and may be of every kind', () => {
    const config = '{"auths":{"c.io":{"username":"u","password":"in-config"}}}';
    const aws = { aws_access_key_id: 'AKIA1', aws_secret_access_key: 'secret-of-aws', aws_region: 'eu-west-1' };
    const ecr = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
    const { logins: given, ...rest } = plan({
      ...logins(
        { registry: 'a.io', username: 'u', password: 123456 },
        { registry: 'g.io', access_token: 'ya29.token' },
        { config },
        { registry: ecr, ...aws },
      ),
      registry: 'example.com',
      username: 'own',
      password: 'own-password',
    });
    expect(given).toEqual([
      { registry: 'a.io', username: 'u', password: '123456', source: 'settings logins' },
      { registry: 'g.io', username: 'oauth2accesstoken', password: 'ya29.token', source: 'settings logins' },
      {
        registry: 'example.com',
        username: 'own',
        password: 'own-password',
        source: 'settings username/password',
        hostSetting: 'registry',
      },
    ]);
    expect(rest.loginConfigs).toEqual([{ text: config, source: 'settings logins' }]);
    expect(rest.awsLogins).toEqual([
      {
        registry: ecr,
        region: 'eu-west-1',
        accessKeyId: 'AKIA1',
        secretAccessKey: 'secret-of-aws',
        source: 'settings logins',
      },
    ]);
  });

  const rule = 'must have username and password, access_token, config, or the aws_ keys';
  it.each<readonly [string, unknown, string]>([
    ['no password', { registry: 'r.io', username: 'u' }, `it has a username and no password; ${rule}`],
    ['an empty password', { username: 'u', password: '' }, `it has a username and no password; ${rule}`],
    ['no user', { registry: 'r.io', password: 'hunter22' }, `it has a password and no username; ${rule}`],
    ['a registry alone', { registry: 'r.io' }, `it has no login; ${rule}`],
    ['no map', 'hunter22', `it is no map; ${rule}`],
    ['a list as password', { username: 'u', password: ['hunter22'] }, 'its password is no text; must be text'],
    [
      'half an AWS key',
      { registry: 'public.ecr.aws', aws_access_key_id: 'hunter22' },
      'it has one half of an AWS key; must have aws_access_key_id and aws_secret_access_key, or neither of them',
    ],
    [
      'AWS elsewhere',
      { registry: 'r.io', aws_region: 'x' },
      `it has aws_ keys, and its registry is not at Amazon; ${rule}`,
    ],
    [
      'a login in the host',
      { registry: 'u:hunter22@r.io', username: 'u', password: 'p' },
      'its registry holds a login; must name the host alone as registry',
    ],
    [
      'a broken config',
      { config: '{"auths":{"r.io":{"auth":"hunter22"}}}' },
      'its config has a login that cannot be read; must hold the text of a docker config.json as config',
    ],
  ])('with %s are an error that names the entry and shows nothing', (_, entry, problem) => {
    const good = { registry: 'a.io', username: 'u', password: 'pass' };
    const outcome = readStep(logins(good, entry));
    expect(outcome.problems).toEqual([`settings.logins: item 2: ${problem}`]);
    expect(outcome.problems.join()).not.toContain('hunter22');
  });

  it.each(['{"registry":"r.io"}', 'u:hunter22', '{"a":"hunter22"'])('%s is no list, and is masked', (text) => {
    const { problems, redacted } = readStep({ logins: text });
    expect(problems).toEqual([expect.stringMatching(/^settings\.logins: it is not a JSON array; must be a list/)]);
    expect(redacted).toContain(text);
  });

  it('with a secret that Drone does not fill in are an error', () => {
    const { problems } = readStep(logins({ username: 'u', password: { from_secret: 'x' } }));
    expect(problems).toEqual([
      expect.stringContaining('{"from_secret": …}, which Drone resolves only as the whole value'),
    ]);
  });

  it('have every secret masked, also behind a key with a typing error', () => {
    const { redacted, warnings } = readStep(
      logins({
        registry: 'r.io',
        username: 'user',
        password: 'password1',
        pasword: 'password2',
        access_token: 'token3',
      }),
    );
    expect(redacted).toEqual(expect.arrayContaining(['password1', 'password2', 'token3', 'user:password1']));
    expect(warnings).toEqual(['settings.logins: item 1: key "pasword" is not known and not used']);
  });

  it('leave mirrors to the daemon, and say nothing about email', () => {
    const entry = { username: 'u', password: 'pass', email: 'a@b.c', mirrors: ['m.io'] };
    expect(readStep(logins(entry)).warnings).toEqual([
      'settings.logins: item 1: mirrors are not used: an administrator sets registry-mirrors in the daemon.json',
    ]);
    expect(readStep(logins({ mirrors: ['m.io'] })).problems).toEqual([]);
  });

  it('may not be build arguments', () => {
    const { problems } = readStep({
      ...logins({ username: 'u', password: 'password1' }),
      access_token: 'token-of-mine',
      docker_registry: 'b.io',
      docker_username: 'u',
      docker_password: 'base-password',
      build_args: 'A=password1,B=token-of-mine,C=base-password',
    });
    expect(problems).toHaveLength(3);
  });
});

describe('access_token', () => {
  it('is the password of Google’s user at registry', () => {
    expect(plan({ registry: 'gcr.io/project', access_token: 'ya29.x' }).logins).toEqual([
      {
        registry: 'gcr.io',
        username: 'oauth2accesstoken',
        password: 'ya29.x',
        source: 'settings access_token',
        hostSetting: 'registry',
      },
    ]);
    expect(plan({ registry: 'gcr.io', ACCESS_TOKEN: 'ya29.x' }).logins).toHaveLength(1);
  });

  it('gives way to a password, with a warning when it is a setting', () => {
    const password = { registry: 'example.com', username: 'u', password: 'password1' };
    expect(plan({ ...password, access_token: 'ya29.x' }).logins).toMatchObject([{ username: 'u' }]);
    expect(readStep({ ...password, access_token: 'ya29.x' }).warnings).toEqual([
      'settings.access_token: is not used, because password is given',
    ]);
    expect(readStep({ ...password, ACCESS_TOKEN: 'ya29.x' }).warnings).toEqual([]);
  });

  it('is masked, also as the runner would see it in a header', () => {
    expect(readStep({ access_token: 'ya29.x' }).redacted).toEqual(
      expect.arrayContaining(['ya29.x', 'oauth2accesstoken:ya29.x']),
    );
  });
});

describe('the login for base images', () => {
  const whole = { registry: 'b.io', username: 'u', password: 'password1' };

  it.each([
    ['the settings of plugins/docker', 'docker_'],
    ['their own names', 'base_image_'],
    ['variables', 'DOCKER_BASE_IMAGE_'],
  ])('is read from %s', (_, prefix) => {
    const isVariable = prefix === prefix.toUpperCase();
    const settings = Object.fromEntries(
      Object.entries(whole).map(([key, text]) => [`${prefix}${isVariable ? key.toUpperCase() : key}`, text]),
    );
    expect(plan(settings).baseImageLogins).toEqual([{ ...whole, source: 'settings base_image_username/password' }]);
    expect(plan(settings).logins).toEqual([]);
    expect(readStep(settings).redacted).toEqual(expect.arrayContaining(['password1', 'u:password1']));
  });

  it('is not the variables of the login for pushing', () => {
    const { logins: own, baseImageLogins } = plan({
      DOCKER_REGISTRY: 'p.io',
      DOCKER_USERNAME: 'pusher',
      DOCKER_PASSWORD: 'password2',
      docker_registry: 'b.io',
      docker_username: 'u',
      docker_password: 'password1',
    });
    expect(own).toMatchObject([{ registry: 'p.io', username: 'pusher', password: 'password2' }]);
    expect(baseImageLogins).toMatchObject([whole]);
  });

  it('must be whole once its registry is given', () => {
    expect(readStep({ docker_registry: 'b.io', docker_username: 'u' }).problems).toEqual([
      'settings.base_image_password: it is missing, while base_image_registry is given; base_image_registry, base_image_username and base_image_password must be given together',
    ]);
    expect(readStep({ base_image_registry: 'b.io' }).problems).toHaveLength(2);
  });

  it('is not used without a registry, which is said in the words of the author', () => {
    expect(readStep({ docker_username: 'u', docker_password: 'password1' }).warnings).toEqual([
      'settings.base_image_registry: is not given, so docker_username and docker_password are not used; the login for pushing is username and password',
    ]);
    expect(plan({ docker_username: 'u', docker_password: 'password1' }).baseImageLogins).toEqual([]);
  });

  it('may name its registry as a URL, without a word about TLS', () => {
    const { warnings, settings } = readStep(
      { base_image_registry: 'http://b.io/x', base_image_username: 'u', base_image_password: 'password1' },
      workspace(),
    );
    expect(warnings).toEqual([]);
    expect(settings?.values.base_image_registry).toBe('b.io');
  });
});

describe('credential programs in a config', () => {
  const ecr = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
  const config = JSON.stringify({
    auths: {},
    credHelpers: {
      [ecr]: 'ecr-login',
      'gcr.io': 'gcloud',
      'eu.gcr.io': 'gcr',
      'me.azurecr.io': 'acr-env',
      'x.io': 'pass',
    },
  });

  it('of clouds are taken over by the clouds, others are named in a warning', () => {
    const { settings, warnings } = readStep({ config });
    expect(settings?.dockerConfigs[0]?.helperHosts).toEqual([
      { host: ecr, cloud: 'aws' },
      { host: 'gcr.io', cloud: 'google' },
      { host: 'eu.gcr.io', cloud: 'google' },
      { host: 'me.azurecr.io', cloud: 'azure' },
    ]);
    expect(warnings).toEqual([
      'settings.config: names the credential program pass, which is not in this image; its logins are not available',
    ]);
  });

  it('make a step speak to these clouds', () => {
    const settings = { config, GOOGLE_APPLICATION_CREDENTIALS: '/key.json', repo: 'example.com/app' };
    const { clouds, registries } = makePlan(goodStep(settings), readBuildInfo({}), new Date(0));
    expect(registries.awsLogins).toEqual([{ registry: ecr, source: 'settings config' }]);
    expect(clouds).toEqual([
      expect.objectContaining({ variant: 'ecr', onlyHost: ecr, region: 'eu-west-1', soft: false }),
      expect.objectContaining({ variant: 'gcr', hosts: ['gcr.io', 'eu.gcr.io'], soft: true }),
    ]);
  });
});
