// The table itself: names that cannot be confused, and everything that other plugins' users write is known.
import { describe, expect, it } from 'vitest';
import { pluginManifest, referencePage, usage } from '../../../src/settings/reference-table.ts';
import { table } from '../../../src/settings/table.ts';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '../../..');

/** All settings of plugins/docker, as its manual and its command line name them. */
const dronePluginDocker =
  `add_host artifact_file auto_label bip build_args build_args_from_env build_args_new cache_from compress
  config context cosign_params cosign_password cosign_private_key custom_dns custom_dns_search custom_labels daemon_off
  daemon_retry_count debug default_suffix default_tags dockerfile docker_password docker_registry docker_username dry_run email
  experimental insecure ipv6 label_schema mirror mtu multiple_build_args no_cache platform pull_image purge push_only quiet
  registry repo repo_link secret secrets_from_env secrets_from_file source_image squash ssh_agent_key storage_driver
  storage_path tag tags target username password access_token no_push registry_type source_tar_path tar_path`.split(
    /\s+/,
  );

describe('the table of settings', () => {
  it('gives no variable to two settings that work', () => {
    const owners = new Map<string, string[]>();
    for (const [name, row] of table) {
      if (row.status !== 'works') continue;
      for (const variable of row.env) owners.set(variable, [...(owners.get(variable) ?? []), name]);
    }
    expect([...owners].filter(([, names]) => names.length > 1)).toEqual([]);
  });

  it('finds each setting under its own name, unless that name means something else', () => {
    const variables = new Set([...table.values()].flatMap(({ env }) => env));
    const missing = [...table.keys()].filter((name) => !variables.has(`PLUGIN_${name.toUpperCase()}`));
    // link is DRONE_REPO_LINK's; the reports are found by variables of the runner.
    expect(missing).toEqual(['link', 'card_path', 'output_file']);
  });

  it('knows every setting of plugins/docker', () => {
    const variables = new Set([...table.values()].flatMap(({ env }) => env));
    expect(dronePluginDocker.filter((name) => !variables.has(`PLUGIN_${name.toUpperCase()}`))).toEqual([]);
  });

  it('calls secret what looks like one', () => {
    const open = [...table]
      .filter(
        ([name, row]) =>
          /password|secret_key|access_key|json_key|private_key|api_key|_token$|agent_key/.test(name) &&
          row.secret !== true,
      )
      .map(([name]) => name);
    expect(open).toEqual([]);
  });

  it('explains each setting in sentences', () => {
    const silent = [...table].filter(([, { help }]) => !/^[A-Z`].*\.$/s.test(help)).map(([name]) => name);
    expect(silent).toEqual([]);
  });
});

describe('what is generated from the table', () => {
  it('is in docs/settings.md (else: node scripts/settings-reference.js)', () => {
    expect(readFileSync(join(root, 'docs/settings.md'), 'utf8')).toBe(referencePage());
  });

  it('is in plugin.yml (else: node scripts/settings-reference.js)', () => {
    expect(readFileSync(join(root, 'plugin.yml'), 'utf8')).toBe(pluginManifest());
  });

  it('is a manifest with an image and all settings that work', () => {
    const manifest: unknown = parse(pluginManifest());
    const working = [...table].filter(([, { status }]) => status === 'works').map(([name]) => name);
    expect(manifest).toMatchObject({
      name: 'docker-build',
      run: { docker: { image: expect.stringMatching(/docker-build$/) } },
      settings: working.map((name) => ({ name, description: table.get(name)?.help })),
    });
  });

  it('names every setting on the page, and every flag in the help', () => {
    const page = referencePage();
    expect([...table.keys()].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
    expect(usage()).toContain('--build-args-from-env');
    expect(usage()).not.toContain('--password');
  });
});

describe('reading settings', () => {
  it('loads nothing but Node’s own modules and minimist: a bad setting must fail fast', () => {
    const folder = join(root, 'src/settings');
    const imports = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .flatMap((path) => [...readFileSync(join(folder, path), 'utf8').matchAll(/ from '([^.'][^']*)'/g)])
      .map(([, name]) => name);
    expect(new Set(imports.filter((name) => name?.startsWith('node:') === false))).toEqual(new Set(['minimist']));
  });
});
