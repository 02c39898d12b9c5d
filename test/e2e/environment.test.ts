// Variables that are not in the step itself: what RUN sees of `environment` and of an env_file.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startRegistryWithBase } from '../support/base-image.ts';
import type { TestRegistry } from '../support/registry.ts';
import { expectExit, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags, unpackImage } from '../support/skopeo.ts';
import { makeTemporaryFolder, makeWorkspace } from '../support/workspace.ts';

let registry: TestRegistry;
let base: string;

beforeAll(async () => {
  ({ registry, base } = await startRegistryWithBase());
});

afterAll(async () => {
  await registry.stop();
});

describe('variables from elsewhere', () => {
  const engine = sharedEngine('docker-26.1-containerd');

  it('of environment reach bare build arguments, build_args_from_env and secrets_from_env, and nothing else', async () => {
    const dockerfile = [
      `FROM ${base}`,
      'ARG ONE',
      'ARG TWO',
      'RUN --mount=type=secret,id=s echo "$ONE $TWO $(wc -c </run/secrets/s)" >/seen',
      '',
    ].join('\n');
    const repo = `${registry.host}/environment`;
    const step = await runPlugin({
      cwd: makeWorkspace({ Dockerfile: dockerfile }),
      host: engine.host,
      settings: {
        repo,
        environment: JSON.stringify({ ONE: 'one', TWO: 'two', S: 'a-secret-value', PLUGIN_TAGS: 'wrong', ENV: 'lost' }),
        build_args: 'ONE',
        build_args_from_env: 'TWO',
        secrets_from_env: 's=S',
      },
      env: { ONE: 'of the step' },
    });
    expectExit(step, 0);
    expect(await listTags({ reference: repo })).toEqual(['latest']);
    const root = await unpackImage({ reference: `${repo}:latest` }, makeTemporaryFolder());
    expect(readFileSync(join(root, 'seen'), 'utf8')).toBe('of the step two 14\n');
    expect(step.output).not.toContain('a-secret-value');
  });

  it('of an env_file are settings and variables, and never override those of the step', async () => {
    const repo = `${registry.host}/env-file`;
    const step = await runPlugin({
      cwd: makeWorkspace({
        Dockerfile: `FROM ${base}\nARG GREETING\nRUN echo "$GREETING" >/seen\n`,
        'the.env': `PLUGIN_TAGS=from-file\nPLUGIN_BUILD_ARGS_FROM_ENV=GREETING\nGREETING="good morning"\nPLUGIN_DRY_RUN=true\n`,
      }),
      host: engine.host,
      settings: { repo, env_file: 'the.env', dry_run: false },
    });
    expectExit(step, 0);
    expect(await listTags({ reference: repo })).toEqual(['from-file']);
    const root = await unpackImage({ reference: `${repo}:from-file` }, makeTemporaryFolder());
    expect(readFileSync(join(root, 'seen'), 'utf8')).toBe('good morning\n');
  });

  it('of an env_file may not send the login elsewhere in a pull request: nothing is connected', async () => {
    registry.forget();
    const step = await runPlugin({
      cwd: makeWorkspace({ Dockerfile: 'FROM scratch\n', '.env': `PLUGIN_REGISTRY=${registry.host}\n` }),
      host: engine.host,
      settings: { repo: `${registry.host}/app`, env_file: '.env', username: 'u', password: 'the-password' },
      env: { DRONE_BUILD_EVENT: 'pull_request' },
    });
    expectExit(step, 2);
    expect(step.output).toContain('it sets PLUGIN_REGISTRY');
    expect(registry.requests()).toEqual([]);
  });
});
