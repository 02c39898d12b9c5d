// What good settings become: values, files that were read, and what the run will know of the step.
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readBuildInfo } from '../../../src/settings/build-info.ts';
import { readSettings } from '../../../src/settings/read-settings.ts';
import { workspaceFiles } from '../../../src/settings/workspace-files.ts';
import { goodStep, readStep, temporaryFolder, workspace } from './step.ts';

const text = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes).toString());

describe('a step without settings', () => {
  it('publishes latest, built from the Dockerfile of the workspace', () => {
    const folder = workspace();
    const settings = goodStep({}, folder);
    expect(settings.tags).toEqual({ list: ['latest'], chosen: false });
    expect(settings.source).toEqual({
      kind: 'local',
      contextDirectory: folder,
      contextName: '.',
      dockerfileDirectory: folder,
      dockerfileName: 'Dockerfile',
      dockerfileDisplay: 'Dockerfile',
    });
    expect(settings.warnings).toEqual([]);
    expect(settings.values).toMatchObject({
      auto_label: true,
      pull_image: true,
      no_cache: false,
      retries: 5,
      max_concurrent_uploads: 6,
      compression_level: undefined,
      compression: 'gzip',
      daemon_retry_count: 15,
      registry: { host: 'docker.io' },
    });
  });

  it('needs no repo in a dry run', () => {
    expect(readStep({ repo: '', dry_run: 'true' })).toMatchObject({ problems: [], settings: { dryRun: true } });
    expect(readStep({ repo: '', push: 'false' })).toMatchObject({ problems: [], settings: { dryRun: true } });
  });
});

describe('tags', () => {
  it('come from the file .tags, split at commas and line ends, and the log says so', () => {
    const settings = goodStep({}, workspace({ '.tags': '1.2.3,1.2\r\n1\n\nlatest,\n' }));
    expect(settings.tags).toEqual({ list: ['1.2.3', '1.2', '1', 'latest'], chosen: true });
    expect(settings.notes).toEqual(['tags come from the file .tags']);
    expect(settings.warnings).toEqual([]);
  });

  it('of the setting win over .tags, and those of tags_file over both', () => {
    const folder = workspace({ '.tags': 'a', 'my-tags': 'b' });
    expect(goodStep({ tags: 'c' }, folder).tags.list).toEqual(['c']);
    expect(goodStep({ tags: 'c', tags_file: 'my-tags' }, folder).tags.list).toEqual(['b']);
  });

  it('do not come from .tags when auto_tag makes them', () => {
    const folder = workspace({ '.tags': '-bad' });
    expect(goodStep({ auto_tag: 'true' }, folder).tags.list).toEqual(['latest']);
    expect(readStep({ auto_tag: 'true', auto_tag_with_tags: 'true' }, folder).problems).toHaveLength(1);
  });
});

describe('context and Dockerfile', () => {
  it('may be apart: the Dockerfile is relative to the workspace, not to the context', () => {
    const folder = workspace({ 'docker/app.Dockerfile': 'FROM scratch', 'app/sub/x': '' });
    expect(
      goodStep({ dockerfile: 'docker/app.Dockerfile', context: 'app', context_sub_path: 'sub' }, folder).source,
    ).toEqual({
      kind: 'local',
      contextDirectory: join(folder, 'app/sub'),
      contextName: 'app/sub',
      dockerfileDirectory: join(folder, 'docker'),
      dockerfileName: 'app.Dockerfile',
      dockerfileDisplay: 'docker/app.Dockerfile',
    });
  });

  it('a Containerfile stands in for a Dockerfile that is missing', () => {
    const folder = temporaryFolder({ 'app/Containerfile': 'FROM scratch' });
    const settings = goodStep({ dockerfile: 'app/Dockerfile' }, folder);
    expect(settings.source).toMatchObject({ dockerfileName: 'Containerfile', dockerfileDisplay: 'app/Containerfile' });
    expect(settings.notes).toEqual(['app/Dockerfile does not exist; app/Containerfile is used']);
  });

  it('a Dockerfile that is a link inside the workspace is the file that it leads to', () => {
    const folder = workspace({ 'docker/prod': 'FROM scratch' });
    symlinkSync('docker/prod', join(folder, 'link'));
    expect(goodStep({ dockerfile: 'link' }, folder).source).toMatchObject({
      dockerfileDirectory: join(folder, 'docker'),
      dockerfileName: 'prod',
      dockerfileDisplay: 'link',
    });
  });
});

describe('build arguments', () => {
  it('come from the setting, from variables and from proxies', () => {
    const { buildArgs, warnings } = goodStep({
      build_args: 'A=1,HOME_DIR',
      build_args_from_env: 'Release,COMMIT,other',
      HOME_DIR: '/root',
      Release: 'r',
      COMMIT: '',
      HARNESS_COMMIT: 'c',
      OTHER: 'o',
      http_proxy: 'http://p:1',
      HTTP_PROXY: 'http://q:1',
      NO_PROXY: 'localhost',
    });
    expect(Object.fromEntries(buildArgs.explicit)).toEqual({ A: '1', HOME_DIR: '/root' });
    expect(buildArgs.fromEnvironment).toEqual([
      { name: 'Release', value: 'r' },
      { name: 'COMMIT', value: 'c' },
      { name: 'other', value: 'o' },
    ]);
    expect(Object.fromEntries(buildArgs.proxies)).toEqual({ http_proxy: 'http://p:1', no_proxy: 'localhost' });
    expect(warnings).toEqual([]);
  });

  it('of build_args_new replace those of build_args when that is asked for', () => {
    const step = { build_args: 'A=1', build_args_new: 'A=1,2;B=3' };
    expect(Object.fromEntries(goodStep({ ...step, multiple_build_args: 'true' }).buildArgs.explicit)).toEqual({
      A: '1,2',
      B: '3',
    });
    expect(Object.fromEntries(goodStep(step).buildArgs.explicit)).toEqual({ A: '1' });
  });
});

describe('build secrets', () => {
  it('come from variables, files and the setting, and are all registered', () => {
    const folder = workspace({ 'token.txt': 'from-file\n', EITHER: 'file-either' });
    const { settings, redacted, warnings } = readStep(
      {
        secret: '["id=one,env=ONE",{"id":"two","src":"token.txt"},"id=EITHER"]',
        secrets_from_env: 'three=THREE,four=NOT_SET',
        secrets_from_file: 'five=token.txt',
        ONE: 'first-value',
        THREE: 'third-value',
      },
      folder,
    );
    const secrets = [...(settings?.secrets ?? [])].map(([id, bytes]) => [id, text(bytes)]);
    expect(Object.fromEntries(secrets)).toEqual({
      one: 'first-value',
      two: 'from-file\n',
      EITHER: 'file-either',
      three: 'third-value',
      four: '',
      five: 'from-file\n',
    });
    expect(redacted).toEqual(expect.arrayContaining(['first-value', 'from-file\n', 'third-value', 'file-either']));
    expect(warnings).toEqual(['settings.secrets_from_env: item 2: its variable is not set; the secret is empty']);
  });

  it('may be given as a map of ids and values', () => {
    const { settings, redacted } = readStep({ secret: '{"npm":"hunter22","empty":""}' });
    expect(text(settings?.secrets.get('npm'))).toBe('hunter22');
    expect(text(settings?.secrets.get('empty'))).toBe('');
    expect(redacted).toContain('hunter22');
  });
});

describe('logins', () => {
  const auth = Buffer.from('me:hunter22').toString('base64');
  const config = JSON.stringify({ auths: { 'a.example': { auth } } });

  it('of username and password are registered together, as a Basic header shows them', () => {
    expect(readStep({ username: 'me', password: 'pw12' }).redacted).toContain('me:pw12');
  });

  it('too short to be masked cause one warning', () => {
    const { warnings } = readStep({ username: 'me', password: 'pw1', registry: 'example.com' });
    expect(warnings).toEqual(['settings.password: is too short to be masked in the log']);
    const secrets = readStep({ secret: 'id=a,env=A;id=b,env=B', A: 'abc', B: 'long enough' });
    expect(secrets.warnings).toEqual(['settings.secret: item 1: its value is too short to be masked in the log']);
    const shortAuth = Buffer.from('me:pw1').toString('base64');
    const inConfig = readStep({ config: JSON.stringify({ auths: { a: { auth: shortAuth }, b: { password: 'x' } } }) });
    expect(inConfig.warnings).toEqual(['settings.config: holds a secret that is too short to be masked in the log']);
  });

  it('that are broken in a config of the machine leave the others usable, and are registered all the same', () => {
    const text = JSON.stringify({ auths: { 'a.example': { auth }, 'b.example': { auth: 'hunter33!' } } });
    const { settings, problems, warnings, redacted } = readStep({ DOCKER_AUTH_CONFIG: text });
    expect({ problems, warnings }).toEqual({ problems: [], warnings: [] });
    expect(settings?.dockerConfigs).toEqual([{ text, source: 'DOCKER_AUTH_CONFIG' }]);
    expect(redacted).toEqual(expect.arrayContaining([auth, 'hunter22', 'hunter33!']));
  });

  it.each([
    ['{', 'is not JSON: no key in double quotes at byte 1'],
    ['{"auths":7}', 'has an "auths" that is no object'],
  ])('of a config of the machine such as %s are not used, with a warning', (text, wrong) => {
    const { settings, warnings } = readStep({ DOCKER_AUTH_CONFIG: text });
    expect(settings?.dockerConfigs).toEqual([]);
    expect(warnings).toEqual([`DOCKER_AUTH_CONFIG is not used: it ${wrong}`]);
  });

  it('of a config are read from its text or a file, and registered', () => {
    const folder = workspace({ 'config.json': config });
    for (const written of [config, 'config.json', join(folder, 'config.json')]) {
      const { settings, redacted } = readStep({ config: written }, folder);
      expect(settings?.dockerConfigs).toEqual([{ text: config, source: 'settings config' }]);
      expect(redacted).toEqual(expect.arrayContaining([auth, 'me:hunter22', 'hunter22']));
    }
  });

  it('of the machine come after those of the setting', () => {
    const home = temporaryFolder({ '.docker/config.json': config });
    const { settings } = readStep({ config, DOCKER_AUTH_CONFIG: config, HOME: home });
    expect(settings?.dockerConfigs.map(({ source }) => source)).toEqual([
      'settings config',
      'DOCKER_AUTH_CONFIG',
      '~/.docker/config.json',
    ]);
    const other = temporaryFolder({ 'config.json': config });
    expect(readStep({ DOCKER_CONFIG: other, HOME: home }).settings?.dockerConfigs.map(({ source }) => source)).toEqual([
      '$DOCKER_CONFIG/config.json',
    ]);
  });

  it('of the machine that are broken cause a warning, empty ones nothing', () => {
    const home = temporaryFolder({ '.docker/config.json': '{"currentContext":"x"}' });
    const outcome = readStep({ DOCKER_AUTH_CONFIG: '{hunter22', HOME: home });
    expect(outcome).toMatchObject({ problems: [], settings: { dockerConfigs: [] } });
    expect(outcome.warnings).toEqual([
      'DOCKER_AUTH_CONFIG is not used: it is not JSON: no key in double quotes at byte 1',
    ]);
  });
});

describe('facts about the build', () => {
  it('come from Drone, else from Woodpecker', () => {
    const woodpecker = {
      CI_COMMIT_REF: 'refs/tags/v1',
      CI_REPO_DEFAULT_BRANCH: 'main',
      CI_COMMIT_SHA: 'b',
      CI_REPO: 'o/b',
      CI_REPO_CLONE_URL: 'https://b',
      CI_PIPELINE_EVENT: 'tag',
      CI_PIPELINE_NUMBER: '7',
    };
    const drone = {
      DRONE_COMMIT_REF: 'refs/heads/x',
      DRONE_REPO_BRANCH: 'master',
      DRONE_COMMIT_SHA: 'a',
      DRONE_REPO: 'o/a',
      DRONE_REMOTE_URL: 'https://a',
      DRONE_BUILD_EVENT: 'push',
      DRONE_BUILD_NUMBER: '42',
    };
    const expected = {
      ref: 'refs/heads/x',
      defaultBranch: 'master',
      commit: 'a',
      repository: 'o/a',
      remoteUrl: 'https://a',
      event: 'push',
      number: '42',
    };
    expect(readBuildInfo({ ...woodpecker, ...drone })).toEqual(expected);
    expect(readBuildInfo(woodpecker)).toMatchObject({ ref: 'refs/tags/v1', repository: 'o/b', event: 'tag' });
    expect(readBuildInfo({ DRONE_COMMIT_REF: '', CI_COMMIT_REF: 'x' }).ref).toBe('x');
    expect(readBuildInfo({})).toMatchObject({ ref: '', commit: '' });
  });
});

describe('asking for something else', () => {
  it.each(['help', 'version'])('--%s looks at no setting', (mode) => {
    const request = readSettings({
      env: { PLUGIN_RETRIES: 'x' },
      argv: [`--${mode}`],
      files: workspaceFiles(workspace()),
      redact: () => undefined,
    });
    expect(request).toEqual({ mode });
  });

  it('--check reads the settings', () => {
    const request = readSettings({
      env: { PLUGIN_REPO: 'a/b' },
      argv: ['--check'],
      files: workspaceFiles(workspace()),
      redact: () => undefined,
    });
    expect(request).toMatchObject({ mode: 'check', warnings: [] });
  });
});
