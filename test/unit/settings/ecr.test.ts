// Settings of Amazon ECR that are wrong, or mean nothing together.
import { describe, expect, it } from 'vitest';
import { readStep, workspace, type StepSettings } from './step.ts';

const host = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const keys = { access_key: 'AKIAEXAMPLE', secret_key: 'secret-example' };
const arn = 'arn:aws:iam::123456789012:role/pusher';

describe('a step for ECR', () => {
  it.each<[string, StepSettings, string]>([
    [
      'an access key alone',
      { access_key: 'AKIAEXAMPLE' },
      'settings.secret_key: it is missing, while access_key is given; access_key and secret_key must be given together, or both left out',
    ],
    [
      'a secret key alone',
      { aws_secret_access_key: 'x-secret', repo: `${host}/app` },
      'settings.access_key: it is missing, while secret_key is given; access_key and secret_key must be given together, or both left out',
    ],
    [
      'a region that is none',
      { ...keys, region: 'Ireland' },
      'settings.region: "Ireland" is not a region; must be an AWS region such as eu-west-1',
    ],
    [
      'a role that is none',
      { ...keys, assume_role: 'pusher' },
      'settings.assume_role: "pusher" is not a role; must be written arn:aws:iam::123456789012:role/name',
    ],
    [
      'an account that lost its zero',
      { ...keys, registry_ids: '12345678901' },
      'settings.registry_ids: "12345678901" is not an AWS account; must be twelve digits, in quotes when it begins with 0',
    ],
    [
      'a mutability that is none',
      { ...keys, create_repository: 'true', tag_mutability: 'yes' },
      'settings.tag_mutability: "yes" is not known here; must be mutable or immutable',
    ],
    ['a policy that is missing', { ...keys, lifecycle_policy: 'gone.json' }, 'settings.lifecycle_policy: '],
    [
      'a policy file that is no JSON',
      { ...keys, repository_policy: 'Dockerfile' },
      'settings.repository_policy: the file is not JSON',
    ],
    [
      'a policy that is no JSON',
      { ...keys, lifecycle_policy: '{"rules":' },
      'settings.lifecycle_policy: it is not JSON',
    ],
    [
      'user and password of no registry',
      { registry_type: 'ecr', username: 'AWS', password: 'pass-word', repo: 'team/app' },
      'settings.registry: it is missing, while username and password are given; must be the ECR registry',
    ],
    [
      'a registry_type that is none',
      { registry_type: 'quay' },
      'settings.registry_type: "quay" is not known here; must be ',
    ],
  ])('is refused for %s', (_, settings, start) => {
    const { problems } = readStep(settings);
    expect(problems).toEqual([expect.stringMatching(new RegExp(`^${start.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`))]);
  });

  it.each<[StepSettings, readonly (string | RegExp)[]]>([
    [{ ...keys, repo: 'app' }, []],
    [{ ...keys, session_token: 'x-session', repo: 'app' }, [/session_token: is not used.*AKIA/]],
    [{ ...keys, repo: 'app', external_id: 'x' }, [/external_id: is not used without assume_role/]],
    [{ ...keys, repo: 'app', oidc_token_id: 'x-token' }, [/oidc_token_id: is not used without assume_role/]],
    [
      { repo: 'app', assume_role: arn, oidc_token_id: 'x-token', external_id: 'x' },
      [/external_id: is not used, because/],
    ],
    [{ ...keys, repo: 'app', scan_on_push: 'true' }, [/scan_on_push: does nothing without create_repository/]],
    [{ ...keys, repo: 'app', tag_mutability: 'mutable' }, [/tag_mutability: does nothing without create_repository/]],
    [
      { ...keys, registry: 'public.ecr.aws', repo: 'a/b', create_repository: 'true', scan_on_push: 'true' },
      [/scan_on_push: is not used: public ECR/],
    ],
    [
      { ...keys, registry: host, region: 'us-east-1', repo: 'app' },
      [/region: is us-east-1, while .* is in eu-west-1; the host counts/],
    ],
    [{ ...keys, registry: host, AWS_REGION: 'us-east-1', repo: 'app' }, []],
    [
      { aws_access_key_id: 'AKIAEXAMPLE', aws_secret_access_key: 'x-secret', repo: 'reg.example/app' },
      [
        /access_key: \(PLUGIN_AWS_ACCESS_KEY_ID, PLUGIN_AWS_SECRET_ACCESS_KEY\) is not used: no registry of this step is at ECR/,
      ],
    ],
    [{ repo: `${host}/app`, AWS_ACCESS_KEY_ID: 'alone' }, []],
  ])('warns of what has no effect: %j', (settings, expected) => {
    const { problems, warnings } = readStep(settings);
    expect(problems).toEqual([]);
    expect(warnings).toEqual(expected.map((text) => expect.stringMatching(text)));
  });

  it('reads policies within the workspace only', () => {
    const folder = workspace();
    const { problems } = readStep({ ...keys, lifecycle_policy: '/proc/self/environ' }, folder);
    expect(problems).toHaveLength(1);
  });

  it('masks keys, session and token', () => {
    const { redacted } = readStep({ ...keys, session_token: 'session-example', oidc_token_id: 'token-example' });
    expect(redacted).toEqual(expect.arrayContaining(['secret-example', 'session-example', 'token-example']));
  });
});
