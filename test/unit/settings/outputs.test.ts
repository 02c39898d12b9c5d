// What is written to the workspace, and where it may not be.
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { goodStep, readStep, temporaryFolder, workspace } from './step.ts';

describe('outputs', () => {
  it.each<[string, string, object]>([
    ['a path alone is a local output', 'out', { type: 'local', dest: 'out', attrs: {} }],
    ['as buildx writes it', 'type=tar,dest=out.tar', { type: 'tar', dest: 'out.tar' }],
    [
      'the exporter’s own words',
      'type=local,dest=out,platform-split=False',
      { type: 'local', attrs: { 'platform-split': 'false' } },
    ],
    [
      'an archive',
      'type=oci,dest=a.tar,compression=zstd,annotation.org.x=y,name=acme/app:1',
      {
        type: 'oci',
        layout: 'file',
        names: ['docker.io/acme/app:1'],
        attrs: { compression: 'zstd', 'annotation.org.x': 'y' },
      },
    ],
    ['an archive as a folder', 'type=oci,dest=a,tar=false', { type: 'oci', layout: 'folder', attrs: {} }],
    [
      'two names in quotes',
      'type=docker,dest=a.tar,"name=app,reg.example:5000/b:2"',
      { names: ['docker.io/library/app:latest', 'reg.example:5000/b:2'] },
    ],
  ])('are read: %s', (_, outputs, spec) => {
    expect(goodStep({ outputs }).outputs.map((output) => output.spec)).toMatchObject([spec]);
  });

  it.each([
    ['lines', 'type=local,dest=a\ntype=tar,dest=b'],
    ['semicolons', 'type=local,dest=a;type=tar,dest=b'],
    ['commas', 'type=local,dest=a,type=tar,dest=b'],
    ['JSON', '["type=local,dest=a", {"type": "tar", "dest": "b"}]'],
  ])('may be several, by %s', (_, outputs) => {
    expect(goodStep({ outputs }).outputs.map(({ spec }) => [spec.type, spec.dest])).toEqual([
      ['local', 'a'],
      ['tar', 'b'],
    ]);
  });

  it.each([
    ['type=zip,dest=x', 'type "zip" is not known; must be a folder, or written type=…,dest=… with type local, tar,'],
    ['dest=x', 'it has no type; must be a folder'],
    ['type=local', 'it has no dest; must say where to write: type=local,dest=…'],
    ['type=docker', 'type=docker,dest=…; to keep the image on the daemon use load: true'],
    ['type=tar,dest=-', 'standard output is the log of the step; must name a path in dest'],
    ['-', 'standard output is the log of the step; must name a path in dest'],
    ['type=local,dest=x,mode=delete', '"mode" is not known for type=local; must be dest, platform-split'],
    ['type=oci,dest=x,compression=estargz', 'compression="estargz" is not taken; must be gzip, zstd or uncompressed'],
    ['type=docker,dest=x,tar=false', 'tar=false is not known for type=docker; must be type=oci to get a folder'],
    ['type=image,name=x', '"name" is not taken with type=image; must be left out; repo and tags say where'],
    ['type=registry,compression=zstd', 'must be left out; use the setting compression'],
    ['type=image,store=true', 'that nothing is stored is decided by this plugin'],
    ['type=image,push=maybe', 'push="maybe" is no boolean; must be true or false'],
  ])('are refused: %s', (outputs, says) => {
    const { problems } = readStep({ outputs });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`settings.outputs: ${says.startsWith('m') || says.startsWith('t') ? '' : says}`);
    expect(problems[0]).toContain(says);
  });

  it('say whether to push as type=image and type=registry', () => {
    expect(goodStep({ outputs: 'type=image,push=false' }).dryRun).toBe(true);
    expect(goodStep({ outputs: 'type=image' }).dryRun).toBe(false);
    expect(goodStep({ outputs: 'type=registry' }).dryRun).toBe(false);
    expect(goodStep({ outputs: 'type=image,push=true;type=local,dest=x' }).outputs).toHaveLength(1);
    const contradictions = [
      { outputs: 'type=registry', dry_run: 'true' },
      { outputs: 'type=image,push=true', push: 'false' },
      { outputs: 'type=image,push=false', push: 'true' },
      { outputs: 'type=image,push=false', dry_run: 'false' },
      { outputs: 'type=image,push=false;type=registry' },
    ];
    for (const settings of contradictions) {
      expect(readStep({ ...settings }).problems).toEqual([expect.stringMatching(/^settings\.outputs: .*must agree/)]);
    }
  });
});

describe('tar_path and oci_layout_path', () => {
  it('are an archive in the format that was asked for, and a folder', () => {
    const { outputs } = goodStep({ tar_path: 'a.tar', oci_layout_path: 'layout' });
    expect(outputs.map(({ setting, spec }) => [setting, spec.type])).toEqual([
      ['tar_path', 'docker'],
      ['oci_layout_path', 'oci'],
    ]);
    expect(goodStep({ tar_path: 'a.tar', buildx_output_format: 'oci' }).outputs[0]?.spec.type).toBe('oci');
    expect(readStep({ buildx_output_format: 'oci' }).warnings).toEqual([
      'settings.buildx_output_format: does nothing without tar_path',
    ]);
  });

  it('are not written when nothing is built', () => {
    const { warnings } = readStep({ push_only: 'true', source_image: 'app:1', tar_path: 'x', load: 'true' });
    expect(warnings).toEqual(['settings.push_only: nothing is built; not used: load, tar_path']);
  });

  it('say that an archive of type docker holds one platform', () => {
    const platform = 'linux/amd64,linux/arm64';
    expect(readStep({ tar_path: 'x', platform }).problems[0]).toMatch(
      /^settings\.tar_path: .*buildx_output_format: oci/,
    );
    expect(readStep({ outputs: 'type=docker,dest=x', platform }).problems[0]).toMatch(/^settings\.outputs: .*type=oci/);
    expect(readStep({ tar_path: 'x', platform, buildx_output_format: 'oci' }).problems).toEqual([]);
  });
});

describe('the place of an output', () => {
  const placeOf = (dest: string, folder: string) =>
    goodStep({ outputs: `type=local,dest=${dest}` }, folder).outputs[0]?.place;

  it('is real, and knows the folder on whose disk it lies', () => {
    const folder = workspace({ 'a/file': '' });
    symlinkSync('a', join(folder, 'to-a'));
    expect(placeOf('new/deep', folder)).toEqual({ path: join(folder, 'new/deep'), existing: 'nothing', base: folder });
    expect(placeOf('to-a/new', folder)).toEqual({
      path: join(folder, 'a/new'),
      existing: 'nothing',
      base: join(folder, 'a'),
    });
    expect(placeOf('to-a', folder)).toEqual({ path: join(folder, 'a'), existing: 'folder', base: join(folder, 'a') });
    expect(goodStep({ tar_path: 'a/file' }, folder).outputs[0]?.place).toEqual({
      path: join(folder, 'a/file'),
      existing: 'file',
      base: join(folder, 'a'),
    });
    const volume = temporaryFolder();
    expect(placeOf(join(volume, 'x'), folder)).toMatchObject({ path: join(volume, 'x') });
  });

  it.each<[string, string, RegExp]>([
    ['a link out of the workspace', 'leaf', /the link "leaf" leads out of the workspace/],
    ['a new file behind such a link', 'leaf/new/file', /the link "leaf" leads out of the workspace/],
    ['a new file behind a link further down', 'sub/mid/new', /the link "sub\/mid" leads out of the workspace/],
    ['a link that leads nowhere', 'dangling', /goes through a link that leads nowhere/],
    ['a new file behind one', 'dangling/x', /goes through a link that leads nowhere/],
    ['a circle', 'loop', /leads back to itself/],
    ['a file as folder', 'Dockerfile/x', /"[^"]*Dockerfile" is not a directory/],
    ['/proc', '/proc/x', /leads into \/proc/],
    ['/dev', '/dev/x', /leads into \/dev/],
    ['/sys', '/sys/x', /leads into \/sys/],
    ['the whole file system', '/', /whole file system|is a directory/],
  ])('is refused: %s', (_, dest, says) => {
    const outside = temporaryFolder();
    const folder = workspace();
    symlinkSync(outside, join(folder, 'leaf'));
    mkdirSync(join(folder, 'sub'));
    symlinkSync(outside, join(folder, 'sub/mid'));
    symlinkSync(join(outside, 'nothing'), join(folder, 'dangling'));
    symlinkSync('loop', join(folder, 'loop'));
    for (const settings of [{ tar_path: dest }, { oci_layout_path: dest }, { outputs: `type=tar,dest=${dest}` }]) {
      const { problems } = readStep(settings, folder);
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatch(says);
    }
  });

  it('must be of the right kind, and apart from the others', () => {
    const folder = workspace({ 'dir/file': '' });
    const problem = (settings: Readonly<Record<string, string>>) => readStep(settings, folder).problems[0];
    expect(problem({ tar_path: 'dir' })).toContain('settings.tar_path: "dir" is a directory');
    expect(problem({ oci_layout_path: 'dir/file' })).toContain('"dir/file" is a file, not a directory');
    expect(problem({ tar_path: 'x', outputs: 'type=tar,dest=x' })).toContain('"x" and "x" (outputs) overlap');
    expect(problem({ tar_path: 'out/x.tar', outputs: 'out' })).toContain('"out/x.tar" and "out" (outputs) overlap');
    expect(problem({ oci_layout_path: '.', outputs: 'type=local,dest=dir' })).toContain('overlap');
    expect(problem({ tar_path: 'out.tar', outputs: 'out' })).toBeUndefined();
  });
});
