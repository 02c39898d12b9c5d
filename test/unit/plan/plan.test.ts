// From settings and build facts to what the run will do.
import { describe, expect, it } from 'vitest';
import { makePlan, type Plan } from '../../../src/plan/plan.ts';
import { readBuildInfo, type BuildInfo } from '../../../src/settings/build-info.ts';
import { goodStep, workspace, type StepSettings } from '../settings/step.ts';

const now = new Date('2026-11-21T10:20:30Z');
const info: BuildInfo = {
  ref: 'refs/tags/v1.2.3',
  defaultBranch: 'main',
  commit: 'abc',
  repository: 'Octo/My_App',
  remoteUrl: 'https://git.example.com/octo/app.git',
  event: 'tag',
  number: '7',
};

const plan = (settings: StepSettings, more: Partial<BuildInfo> = {}, folder?: string): Plan =>
  makePlan(goodStep(settings, folder), { ...info, ...more }, now);

describe('the destination', () => {
  it('is each repository with all tags', () => {
    const { publish, action } = plan({ repo: 'octo/app,reg.example:5000/app', tags: '1,2' });
    expect(action).toEqual({ kind: 'build' });
    expect(publish?.targets.map(({ repository, tags }) => [repository.domain, repository.path, tags])).toEqual([
      ['docker.io', 'octo/app', ['1', '2']],
      ['reg.example:5000', 'app', ['1', '2']],
    ]);
  });

  it('is nowhere in a dry run', () => {
    expect(plan({ dry_run: 'true' })).not.toHaveProperty('publish');
    expect(plan({ push: 'false' })).not.toHaveProperty('publish');
    expect(plan({ dry_run: 'true' }).action).toEqual({ kind: 'build' });
  });

  it('has the tags of the git ref with auto_tag', () => {
    expect(plan({ auto_tag: 'true' }).publish?.targets[0]?.tags).toEqual(['1', '1.2', '1.2.3']);
    expect(plan({ auto_tag: 'true', auto_tag_suffix: 'alpine' }).publish?.targets[0]?.tags).toEqual([
      '1-alpine',
      '1.2-alpine',
      '1.2.3-alpine',
    ]);
    expect(plan({ auto_tag: 'true', auto_tag_with_tags: 'true', tags: 'x' }).publish?.targets[0]?.tags).toEqual([
      '1',
      '1.2',
      '1.2.3',
      'x',
    ]);
    expect(plan({ auto_tag: 'true' }, { ref: 'refs/tags/v1.2.3+b' }).warnings).toHaveLength(1);
  });

  it('ends the run, or its publishing, when auto_tag has no tags for the ref', () => {
    const elsewhere = { ref: 'refs/heads/develop' };
    const skipped = plan({ auto_tag: 'true' }, elsewhere);
    expect(skipped.action).toEqual({
      kind: 'nothing-to-do',
      reason: 'auto_tag: "refs/heads/develop" is neither a tag nor the default branch "main": nothing to do',
    });
    expect(skipped).not.toHaveProperty('publish');
    const built = plan({ auto_tag: 'true', auto_tag_fallback: 'build' }, elsewhere);
    expect(built.action).toEqual({ kind: 'build' });
    expect(built).not.toHaveProperty('publish');
    expect(built.notes).toEqual([expect.stringMatching(/: not published$/)]);
  });

  it('is an error when the git tag is no version', () => {
    expect(() => plan({ auto_tag: 'true' }, { ref: 'refs/tags/nightly' })).toThrow(
      expect.objectContaining({
        exitCode: 2,
        message: 'settings.auto_tag: git tag "nightly" is not a semantic version',
      }),
    );
  });
});

describe('the build', () => {
  it('is what the settings say', () => {
    const { build } = plan({
      target: 'final',
      platform: 'linux/amd64,linux/arm64',
      pull_image: 'false',
      no_cache: 'true',
      no_cache_filter: 'a,b',
      add_host: 'db:10.0.0.2',
      cache_from: 'octo/app:cache',
      build_args: 'A=1',
      custom_labels: 'team=a',
      secret: '{"npm":"hunter22"}',
    });
    expect(build).toMatchObject({
      target: 'final',
      platforms: ['linux/amd64', 'linux/arm64'],
      pull: false,
      noCache: true,
      noCacheFilter: ['a', 'b'],
      addHosts: [{ host: 'db', address: '10.0.0.2' }],
      cacheFrom: [{ type: 'registry', attrs: { ref: 'octo/app:cache' } }],
      buildArgs: new Map([['A', '1']]),
      secrets: new Map([['npm', Buffer.from('hunter22')]]),
      dockerfileName: 'Dockerfile',
      repositorySlug: 'octo/my-app',
    });
    expect(build.labels.get('team')).toBe('a');
    expect(build.labels.get('org.opencontainers.image.created')).toBe('2026-11-21T10:20:30Z');
    expect(build.ssh).toEqual([]);
    expect(build).not.toHaveProperty('sourceDateEpoch');
  });

  it('takes its creation time from source_date_epoch', () => {
    const { build } = plan({ source_date_epoch: '86400' });
    expect(build.sourceDateEpoch).toBe(86_400);
    expect(build.labels.get('org.opencontainers.image.created')).toBe('1970-01-02T00:00:00Z');
  });

  it('shares its context with later builds of the same project and trust, and with nobody else', () => {
    const folder = workspace({ 'app/Dockerfile': 'FROM scratch' });
    const key = (settings: StepSettings, more: Partial<BuildInfo> = {}) => plan(settings, more, folder).build.sharedKey;
    const usual = key({});
    expect(key({ tags: 'x', no_cache: 'true' }, { commit: 'def', ref: 'refs/heads/main', event: 'push' })).toBe(usual);
    expect(key({}, { remoteUrl: 'https://user:pw@git.example.com/octo/app.git' })).toBe(usual);
    expect(usual).toMatch(/^[0-9a-f]{64}$/);
    const others = [
      key({ context: 'app' }),
      key({}, { repository: 'octo/other' }),
      key({}, { remoteUrl: 'https://elsewhere/octo/app.git' }),
      key({}, { event: 'pull_request' }),
    ];
    expect(new Set([usual, ...others]).size).toBe(5);
  });

  it('asks for the host’s network when RUN is to have it', () => {
    expect(plan({ network: 'host', allow: 'security.insecure' }).build.sandbox).toEqual({
      network: 'host',
      limits: [],
      entitlements: ['security.insecure', 'network.host'],
    });
    expect(plan({ network: 'none', shm_size: '1k', ulimit: 'core=0', cgroup_parent: '/x' }).build.sandbox).toEqual({
      network: 'none',
      shmSizeBytes: 1024,
      limits: [{ name: 'core', soft: 0, hard: 0 }],
      controlGroup: '/x',
      entitlements: [],
    });
  });

  it.each<[StepSettings, Partial<BuildInfo>, string | undefined]>([
    [{}, {}, 'Octo/My_App/trusted'],
    [{}, { event: 'pull_request' }, 'Octo/My_App/pr'],
    [{}, { event: 'pull_request_closed' }, 'Octo/My_App/pr'],
    [{}, { repository: '' }, 'local/trusted'],
    [{ cache_mount_ns: 'team' }, { event: 'pull_request' }, 'team'],
    [{ cache_mount_ns: 'shared' }, {}, undefined],
  ])('with %j and %j shares cache mounts as %s', (settings, more, namespace) => {
    expect(plan(settings, more).build.cacheMountNamespace).toBe(namespace);
  });

  it('reads and writes the caches of every setting, and lets a cache that cannot be written not fail the build', () => {
    const written = { ref: 'octo/c:1', mode: 'max', 'image-manifest': 'true', 'oci-mediatypes': 'true' };
    const { build } = plan({ cache_from: 'octo/a', cache_images: 'octo/c:1', cache_to: 'type=inline' });
    expect(build.cacheFrom).toEqual([
      { type: 'registry', attrs: { ref: 'octo/a' } },
      { type: 'registry', attrs: { ref: 'octo/c:1' } },
    ]);
    expect(build.cacheTo).toEqual([
      { type: 'inline', attrs: {} },
      { type: 'registry', attrs: { ...written, 'ignore-error': 'true' } },
    ]);
    const strict = plan({ cache_to: 'type=registry,ref=octo/a,ignore-error=false' }).build.cacheTo;
    expect(strict).toEqual([{ type: 'registry', attrs: { ref: 'octo/a', 'ignore-error': 'false' } }]);
  });

  it('knows the cache of kaniko’s settings, where it is switched on', () => {
    const refs = (settings: StepSettings) => plan(settings).build.cacheFrom.map(({ attrs }) => attrs['ref']);
    expect(refs({ enable_cache: 'true', cache_repo: 'r.example/cache' })).toEqual(['r.example/cache:buildcache']);
    expect(refs({ cache_repo: 'r.example/cache' })).toEqual([]);
    expect(refs({ enable_cache: 'true' })).toEqual([]);
  });

  it('writes to no cache outside when nothing is published, and trusts caches like other repositories', () => {
    const dry = plan({ dry_run: 'true', cache_images: 'octo/c:1', cache_to: 'type=inline' });
    expect(dry.build.cacheTo).toEqual([{ type: 'inline', attrs: {} }]);
    expect(dry.build.cacheFrom).toHaveLength(1);
    expect(dry.warnings).toEqual([expect.stringContaining('settings.cache_to: ')]);
    const { build } = plan({ cache_from: 'r.example/a,s.example/a', insecure_registries: 'r.example' });
    expect(build.cacheFrom.map(({ attrs }) => attrs)).toEqual([
      { 'registry.insecure': 'true', ref: 'r.example/a' },
      { ref: 's.example/a' },
    ]);
  });

  it('is of the OCI kind where its manifest is made here and has annotations', () => {
    expect(plan({}).upload.format).toMatchObject({ family: 'docker' });
    expect(plan({ annotations: 'a=1;manifest[linux/amd64]:b=2;index:c=3' }).upload.format).toMatchObject({
      family: 'oci',
      annotations: { a: '1', b: '2' },
    });
  });

  it('leaves its temporary name on the daemon only when told so', () => {
    expect(plan({}).build.keepsTemporaryImage).toBe(false);
    expect(plan({ purge: 'false' }).build.keepsTemporaryImage).toBe(true);
  });

  it('has a name for its temporary image without a pipeline, too', () => {
    const nobody = readBuildInfo({});
    expect(makePlan(goodStep({ repo: 'reg.example/Team'.toLowerCase() }), nobody, now).build.repositorySlug).toBe(
      'team',
    );
    expect(makePlan(goodStep({ repo: '', dry_run: 'true' }), nobody, now).build.repositorySlug).toBe('local');
  });
});

describe('logins and trust', () => {
  it('are those of the settings, for their registry alone', () => {
    const { registries } = plan({
      registry: 'https://reg.example/v2/',
      repo: 'reg.example/a',
      username: 'u',
      password: 'hunter22',
    });
    expect(registries.logins).toMatchObject([
      { registry: 'reg.example', username: 'u', password: 'hunter22', source: 'settings username/password' },
    ]);
    expect(plan({ username: 'u' }).registries.logins).toEqual([]);
    expect(plan({ repo: 'a/b', username: 'u', password: 'hunter22' }).registries.logins[0]?.registry).toBe('docker.io');
  });

  it.each<[StepSettings, readonly string[]]>([
    [{}, []],
    [{ insecure: 'true', registry: 'r.example:5000' }, ['r.example:5000']],
    [{ insecure: 'true', repo: 'r.example/a,other.example:80/b,c/d' }, ['r.example', 'other.example:80']],
    [{ insecure: 'true', repo: 'c/d' }, []],
    [{ registry: 'http://r.example' }, ['r.example']],
    [{ insecure_registries: 'a.example,http://b.example:5000/' }, ['a.example', 'b.example:5000']],
  ])('%j trusts blindly: %j', (settings, hosts) => {
    expect([...plan(settings).registries.insecureHosts]).toEqual(hosts);
  });
});

describe('the daemon and the log', () => {
  it('are as usual when nothing is said', () => {
    expect(plan({})).toMatchObject({
      daemon: { tlsVerify: false, waitSeconds: 15 },
      upload: {
        retries: 5,
        maxConcurrentUploads: 6,
        uploadChunkBytes: 0,
        format: { family: 'docker', compression: 'gzip', level: 4 },
        verify: 'tags',
        onPartialPublish: 'restore',
      },
      quiet: false,
      debug: false,
    });
    expect(Object.keys(plan({}).daemon)).toEqual(['tlsVerify', 'waitSeconds']);
  });

  it('are found by the variables of docker’s own client', () => {
    expect(
      plan({
        DOCKER_HOST: 'tcp://d:2376',
        DOCKER_TLS_VERIFY: '1',
        DOCKER_CERT_PATH: '/certs',
        DOCKER_API_VERSION: '1.41',
      }).daemon,
    ).toEqual({ host: 'tcp://d:2376', tlsVerify: true, certPath: '/certs', apiVersion: '1.41', waitSeconds: 15 });
  });

  it('may have certificates without files', () => {
    const pem = '-----BEGIN X-----';
    expect(plan({ docker_tls_ca: pem, docker_tls_cert: pem, docker_tls_key: pem }).daemon.tls).toEqual({
      ca: pem,
      cert: pem,
      key: pem,
    });
  });

  it.each<[StepSettings, boolean, boolean]>([
    [{ quiet: 'true' }, true, false],
    [{ log_level: 'error' }, true, false],
    [{ debug: 'true' }, false, true],
    [{ log_level: 'TRACE' }, false, true],
    [{ log_level: 'warn' }, false, false],
  ])('%j: quiet %s, debug %s', (settings, quiet, debug) => {
    expect(plan(settings)).toMatchObject({ quiet, debug });
  });
});
