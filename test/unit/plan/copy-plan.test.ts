import { describe, expect, it } from 'vitest';
import { type BuildInfo, readBuildInfo } from '../../../src/settings/build-info.ts';
import { makePlan, type Plan } from '../../../src/plan/plan.ts';
import { goodStep, type StepSettings, temporaryFolder } from '../settings/step.ts';

const info: BuildInfo = readBuildInfo({ DRONE_COMMIT_REF: 'refs/heads/feature', DRONE_REPO_BRANCH: 'main' });
/** No Dockerfile in there. */
const plan = (settings: StepSettings): Plan =>
  makePlan(goodStep({ push_only: 'true', ...settings }, temporaryFolder({ 'image.tar': 'x' })), info, new Date(0));

const published = ({ publish }: Plan): readonly string[] =>
  (publish?.targets ?? []).flatMap(({ repository, tags }) => tags.map((tag) => `${repository.familiar}:${tag}`));

const id = `sha256:${'a'.repeat(64)}`;

describe('the source of push_only', () => {
  it.each([
    ['example.com/app:1', 'registry', 'example.com/app:1'],
    ['example.com:5000/app', 'registry', 'example.com:5000/app:latest'],
    ['example.com:5000/app:', 'registry', 'example.com:5000/app:latest'],
    [`app@${id}`, 'registry', `app@${id}`],
    [`app:1@${id}`, 'registry', `app:1@${id}`],
    [id, 'daemon', `${id} of the daemon`],
    ['docker-build.invalid/kept/app:1', 'daemon', 'docker-build.invalid/kept/app:1 of the daemon'],
  ])('%s is in a %s: %s', (image, kind, display) => {
    expect(plan({ source_image: image }).copy?.source).toMatchObject({ kind, display });
  });

  it('is a name in the daemon only when the settings say so', () => {
    const settings = { source_image: 'app:1', source_from: 'daemon' };
    expect(plan(settings).copy?.source).toEqual({ kind: 'daemon', name: 'app:1', display: 'app:1 of the daemon' });
  });

  it('is an archive before it is anything else', () => {
    const { copy } = plan({ source_image: 'app:1', source_tar_path: 'image.tar' });
    expect(copy?.source).toMatchObject({ kind: 'archive', display: 'image.tar', isDirectory: false });
  });

  it('is the first repository and tag when nothing is said, which is then no target', () => {
    const made = plan({ repo: 'a.example.com/app,b.example.com/app', tags: '1,2' });
    expect(made.copy?.source.display).toBe('a.example.com/app:1');
    expect(published(made)).toEqual(['a.example.com/app:2', 'b.example.com/app:1', 'b.example.com/app:2']);
  });

  it('is that name in the daemon with source_from: daemon, which then is a target too', () => {
    const made = plan({ repo: 'a.example.com/app', tags: '1', source_from: 'daemon' });
    expect(made.copy?.source.display).toBe('a.example.com/app:1 of the daemon');
    expect(published(made)).toEqual(['a.example.com/app:1']);
  });

  it('may not be all that would be published', () => {
    expect(() => plan({ repo: 'a.example.com/app', tags: '1' })).toThrow(/there is no other one to publish it to/);
  });

  it('is not looked for when auto_tag has nothing to publish', () => {
    const settings = { source_image: 'app:1', auto_tag: 'true', auto_tag_fallback: 'build' };
    expect(plan(settings)).toMatchObject({ action: { kind: 'nothing-to-do' } });
  });
});

describe('what belongs to a build', () => {
  it('is named in one warning, and needs not exist', () => {
    const step = goodStep(
      { push_only: 'true', source_image: 'app:1', dockerfile: 'No/Such', context: 'nowhere', build_args: 'A=1' },
      temporaryFolder(),
    );
    expect(step.warnings).toEqual(['settings.push_only: nothing is built; not used: dockerfile, context, build_args']);
  });

  it('is not warned of where nothing else is published', () => {
    expect(goodStep({ source_image: 'app:1' }).warnings).toEqual([
      'settings.source_image: does nothing without push_only: true',
    ]);
  });
});

describe('what else is copied, and what not', () => {
  it('is one platform, and what refers to the image, when the settings say so', () => {
    const source_image = 'a.example.com/app:1';
    expect(plan({ source_image, platform: 'linux/arm64', referrers: 'true' }).copy).toMatchObject({
      platform: 'linux/arm64',
      referrers: true,
    });
    expect(plan({ source_image }).copy).toEqual({ source: expect.anything() as unknown, referrers: false });
  });

  it('is not several platforms: that would be another index', () => {
    const settings = { push_only: 'true', source_image: 'app:1', platform: 'linux/arm64,linux/amd64' };
    expect(() => goodStep(settings, temporaryFolder())).toThrow(/picks one image of an index, and it names several/);
  });
});
