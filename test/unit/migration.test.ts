// The pipelines of the migration page, read as a runner and this plugin would read them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { table } from '../../src/settings/table.ts';
import { type PluginSpec, readPluginSteps, stepEnvironment } from '../support/pipeline-env.ts';
import { goodStep, workspace } from './settings/step.ts';

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'migration.md'), 'utf8');

const googleKey = JSON.stringify({
  type: 'service_account',
  project_id: 'my-project',
  private_key_id: '1',
  private_key: 'a private key for reading only',
  client_email: 'builder@my-project.iam.gserviceaccount.com',
  client_id: '1',
  token_uri: 'https://oauth2.googleapis.com/token',
});
const secrets = {
  registry_username: 'builder',
  registry_password: 'pass-word-1',
  npm_token: 'npm-token-1',
  aws_access_key: 'ASIAIOSFODNN7EXAMPLE',
  aws_secret_key: 'a-secret-key-of-forty-characters-length-',
  google_key: googleKey,
  azure_secret: 'azure-secret-1',
  heroku_api_key: 'heroku-key-1',
};

/** What may be said about a step that is fine. */
const expectedWarnings: Readonly<Record<string, readonly RegExp[]>> = {
  'plugins/docker': [/not used: mtu;/],
  'plugins/buildx': [/settings\.builder: is not used/],
};

const blocks = [...page.matchAll(/^## (.+)\n(?:(?!^## )[^])*?```yaml\n([^]*?)```/gm)].flatMap(
  ([, title = '', text = '']) => readPluginSteps(text).map((step): [string, PluginSpec] => [title, step]),
);

describe('a pipeline of the migration page', () => {
  it('is found for each plugin', () => {
    expect(new Set(blocks.map(([title]) => title)).size).toBe(8);
  });

  it.each(blocks)('%s: is understood', (title, step) => {
    const env = stepEnvironment(step, title.startsWith('Woodpecker') ? 'woodpecker' : 'drone', secrets);
    const given = Object.fromEntries(
      Object.entries(env).map(([name, value]) => [name.replace(/^PLUGIN_/, '').toLowerCase(), value] as const),
    );
    const plain = Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('PLUGIN_')));
    const settings = Object.fromEntries(
      Object.entries(given).filter(([name]) => `PLUGIN_${name.toUpperCase()}` in env),
    );
    const { warnings } = goodStep({ repo: '', ...settings, ...plain }, workspace());
    const unexpected = warnings.filter(
      (warning) => !(expectedWarnings[title] ?? []).some((expected) => expected.test(warning)),
    );
    expect(unexpected).toEqual([]);
  });
});

it('the page names settings that are known', () => {
  const aliases = [...table.values()].flatMap(({ env }) =>
    env.map((name) => name.replace(/^PLUGIN_/, '').toLowerCase()),
  );
  const known = new Set([...table.keys(), ...aliases]);
  const named = [...page.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)].map(([, name = '']) => name);
  expect(named.length).toBeGreaterThan(30);
  expect([...new Set(named)].filter((name) => !known.has(name))).toEqual([]);
});
