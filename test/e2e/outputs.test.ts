// The image as files of the workspace: folders, tars and archives on each engine, read by skopeo and loaded by another
// engine, while the daemon stays as it was.
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRegistryWithBase } from '../support/base-image.ts';
import { docker } from '../support/docker.ts';
import { EventRecorder, imageNamesIn, snapshotImages } from '../support/engine-observer.ts';
import { type EngineKind, contrastingEngineKinds } from '../support/engines.ts';
import type { TestRegistry } from '../support/registry.ts';
import { expectExit, type PluginStep, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { copyFiles, inspectFiles, listTags, readConfig, readManifest } from '../support/skopeo.ts';
import { makeTemporaryFolder, makeWorkspace } from '../support/workspace.ts';

const neighbours: Readonly<Record<EngineKind, readonly EngineKind[]>> = {
  'docker-20.10': ['docker-26.1-containerd'],
  'docker-26.1-graphdriver': ['docker-20.10', 'docker-26.1-containerd'],
  'docker-26.1-containerd': ['docker-20.10', 'docker-26.1-graphdriver'],
};

let registry: TestRegistry;
let base: string;

beforeAll(async () => {
  ({ registry, base } = await startRegistryWithBase());
});

afterAll(async () => {
  await registry.stop();
});

/** A second layer, so that their order matters, and everything that a tree may hold. */
const dockerfile = (): string => `FROM ${base}
RUN mkdir -p /out/bin /out/empty /out/closed \\
 && echo hello >/out/bin/tool && chmod 4751 /out/bin/tool && ln -s tool /out/bin/link && ln /out/bin/tool /out/bin/twin \\
 && echo deep >/out/closed/file && chmod 444 /out/closed/file && chmod 555 /out/closed && chmod 1777 /out/empty \\
 && head -c 3000000 /dev/urandom >/out/data && : >/out/nothing && echo ü >"/out/ü" \\
 && ln -s /etc/passwd /out/absolute && touch -d '2020-01-02 03:04:05' /out/bin/tool /out/empty
RUN echo second >/out/second
CMD ["cat", "/out/second"]
`;

function settingsOf(settings: PluginStep['settings']): PluginStep['settings'] {
  return { auto_label: false, ...settings };
}

function everythingIn(folder: string): readonly string[] {
  return (readdirSync(folder, { recursive: true }) as string[]).sort();
}

describe.each(contrastingEngineKinds)('%s', (kind) => {
  const engine = sharedEngine(kind);
  const step = (cwd: string, settings: PluginStep['settings']): PluginStep => ({
    cwd,
    host: engine.host,
    settings: settingsOf(settings),
  });

  it('writes the files of the image to a folder, and to a tar, in a dry run', async () => {
    const cwd = makeWorkspace({ Dockerfile: dockerfile(), 'made/here/stays': 'old', 'made/here/out/second': 'old' });
    const before = await snapshotImages(engine);
    const outputs = 'type=local,dest=made/here;type=tar,dest=new/files.tar';
    const result = await runPlugin(step(cwd, { dry_run: true, outputs }));
    expectExit(result, 0);
    expect(await snapshotImages(engine)).toEqual(before);

    const at = (path: string): string => join(cwd, 'made/here', path);
    expect(readFileSync(at('stays'), 'utf8')).toBe('old');
    expect(readFileSync(at('out/second'), 'utf8')).toBe('second\n');
    expect(readFileSync(at('out/bin/tool'), 'utf8')).toBe('hello\n');
    // Without setuid: the owner is another one here.
    expect(statSync(at('out/bin/tool')).mode & 0o7777).toBe(0o751);
    expect(statSync(at('out/bin/twin')).ino).toBe(statSync(at('out/bin/tool')).ino);
    expect(readlinkSync(at('out/bin/link'))).toBe('tool');
    expect(readlinkSync(at('out/absolute'))).toBe('/etc/passwd');
    expect(statSync(at('out/closed')).mode & 0o7777).toBe(0o555);
    expect(statSync(at('out/closed/file')).mode & 0o7777).toBe(0o444);
    expect(statSync(at('out/empty')).mode & 0o7777).toBe(0o1777);
    expect(readdirSync(at('out/empty'))).toEqual([]);
    expect(statSync(at('out/empty')).mtime.toISOString()).toBe('2020-01-02T03:04:05.000Z');
    expect(statSync(at('out/bin/tool')).mtime.toISOString()).toBe('2020-01-02T03:04:05.000Z');
    expect(statSync(at('out/data')).size).toBe(3_000_000);
    expect(statSync(at('out/nothing')).size).toBe(0);
    expect(readFileSync(at('out/ü'), 'utf8')).toBe('ü\n');

    const unpacked = makeTemporaryFolder();
    execFileSync('tar', ['-xf', join(cwd, 'new/files.tar'), '-C', unpacked]);
    expect(readFileSync(join(unpacked, 'out/data')).equals(readFileSync(at('out/data')))).toBe(true);
    expect(everythingIn(cwd).filter((path) => path.includes('docker-build-partial'))).toEqual([]);
  });

  it('writes archives beside publishing, which skopeo reads and other engines load under their names', async () => {
    const cwd = makeWorkspace({ Dockerfile: dockerfile() });
    const repo = `${registry.host}/${kind}/archived`;
    const before = await snapshotImages(engine);
    const events = await EventRecorder.start(engine);
    const result = await runPlugin(
      step(cwd, {
        repo,
        tags: ['1', 'latest'],
        tar_path: 'out/docker.tar',
        oci_layout_path: 'out/layout',
        outputs: 'type=oci,dest=out/oci.tar;type=local,dest=out/files',
      }),
    );
    expectExit(result, 0);
    const names = imageNamesIn(await events.stop());
    expect(names.filter((name) => !name.startsWith('docker-build.invalid/'))).toEqual([]);
    expect(await snapshotImages(engine)).toEqual(before);
    expect(
      everythingIn(join(cwd, 'out'))
        .filter((path) => !path.includes('/'))
        .sort(),
    ).toEqual(['docker.tar', 'files', 'layout', 'oci.tar']);

    const published = await readConfig({ reference: `${repo}:1` });
    expect((await listTags({ reference: repo })).length).toBe(2);
    const sources = [
      `docker-archive:${join(cwd, 'out/docker.tar')}:${repo}:1`,
      `oci-archive:${join(cwd, 'out/oci.tar')}:1`,
      `oci:${join(cwd, 'out/layout')}:latest`,
    ];
    for (const source of sources) {
      expect((await inspectFiles(source)).config).toEqual(published);
      await copyFiles(source, join(makeTemporaryFolder(), 'copied'));
    }
    expect(readFileSync(join(cwd, 'out/files/out/second'), 'utf8')).toBe('second\n');
    for (const archive of ['out/docker.tar', 'out/oci.tar']) {
      expect(execFileSync('tar', ['-xOf', join(cwd, archive), 'index.json'], { encoding: 'utf8' })).not.toContain(
        'docker-build.invalid',
      );
    }

    for (const other of neighbours[kind].map(sharedEngine)) {
      const otherBefore = await snapshotImages(other);
      await docker(other, 'load', '--quiet', '--input', join(cwd, 'out/docker.tar'));
      try {
        expect(await docker(other, 'run', '--rm', '--network=none', `${repo}:latest`)).toBe('second\n');
      } finally {
        await docker(other, 'rmi', `${repo}:latest`, `${repo}:1`);
      }
      expect(await snapshotImages(other)).toEqual(otherBefore);
    }
  });

  it('writes archives in a dry run, with the names that the image would get, or without a name', async () => {
    const cwd = makeWorkspace({ Dockerfile: dockerfile() });
    const before = await snapshotImages(engine);
    const named = step(cwd, { dry_run: true, repo: 'acme/app', tags: '7', tar_path: 'named.tar' });
    expectExit(await runPlugin(named), 0);
    const nameless = step(cwd, { dry_run: true, tar_path: 'nameless.tar', buildx_output_format: 'oci' });
    expectExit(await runPlugin(nameless), 0);
    const own = step(cwd, { push: false, outputs: 'type=docker,dest=own.tar,name=mine' });
    expectExit(await runPlugin(own), 0);
    expect(await snapshotImages(engine)).toEqual(before);
    const read = (file: string, entry: string): unknown =>
      JSON.parse(execFileSync('tar', ['-xOf', join(cwd, file), entry], { encoding: 'utf8' }));
    expect(read('named.tar', 'manifest.json')).toMatchObject([{ RepoTags: ['acme/app:7'] }]);
    expect(read('own.tar', 'manifest.json')).toMatchObject([{ RepoTags: ['mine:latest'] }]);
    const { manifests } = read('nameless.tar', 'index.json') as { manifests: { annotations?: object }[] };
    expect(manifests).toHaveLength(1);
    expect(Object.keys(manifests[0]?.annotations ?? {}).filter((key) => /name/.test(key))).toEqual([]);
    expect((await inspectFiles(`oci-archive:${join(cwd, 'nameless.tar')}`)).config).toMatchObject({ os: 'linux' });
  });

  it('keeps the image on the daemon under a name of ours when asked', async () => {
    const cwd = makeWorkspace({ Dockerfile: dockerfile() });
    const before = await snapshotImages(engine);
    for (const destination of [{ dry_run: true }, { repo: `${registry.host}/${kind}/kept`, tags: '1' }]) {
      const settings = { ...destination, load: true, tar_path: 'image.tar' };
      const result = await runPlugin({ ...step(cwd, settings), env: { DRONE_OUTPUT: 'told' } });
      expectExit(result, 0);
      const name = /^kept on the daemon as (docker-build\.invalid\/kept\/\S+:\d+-[0-9a-f]{32})$/m.exec(
        result.output,
      )?.[1];
      expect(name).toBeDefined();
      try {
        expect(await docker(engine, 'run', '--rm', '--network=none', String(name))).toBe('second\n');
        const told = readFileSync(join(cwd, 'told'), 'utf8').split('\n');
        expect(told).toContain(`LOCAL_IMAGE="${name}"`);
        expect(told).toContain('IMAGE_TAR_PATH="image.tar"');
      } finally {
        await docker(engine, 'rmi', String(name));
      }
      expect(await snapshotImages(engine)).toEqual(before);
    }
  });

  it.each([
    ['a build that fails', 'RUN false\n', 'type=local,dest=out;type=tar,dest=out.tar', /exit code/],
    ['a place that the result does not fit', '', 'type=local,dest=there', /cannot write there: "out" is/],
  ])('leaves nothing behind and publishes nothing after %s', async (_, more, outputs, says) => {
    const cwd = makeWorkspace({
      Dockerfile: `${dockerfile()}${more}RUN rm -r /out && echo file >/out\n`,
      'there/out/x': '',
    });
    const before = await snapshotImages(engine);
    const was = everythingIn(cwd);
    const repo = `${registry.host}/${kind}/failed`;
    const settings = { repo, tags: '1', outputs, tar_path: 'new/image.tar', load: true };
    const result = await runPlugin(step(cwd, settings));
    expectExit(result, 1);
    expect(result.output).toMatch(says);
    expect(everythingIn(cwd)).toEqual(was);
    expect(await listTags({ reference: repo })).toEqual([]);
    expect(await snapshotImages(engine)).toEqual(before);
  });

  it.each([
    ['local', 'folder'],
    ['tar', 'file'],
    ['docker', 'file'],
  ])('says that the disk of a %s output is full, before anything is published', async (type, what) => {
    const cwd = makeWorkspace({ Dockerfile: dockerfile() });
    const small = join(cwd, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small]);
    try {
      const repo = `${registry.host}/${kind}/full`;
      const outputs = `type=${type},dest=small/${what}`;
      const result = await runPlugin(step(cwd, { repo, tags: '1', outputs }));
      expectExit(result, 1);
      expect(result.output).toContain(`cannot write small/${what}: no space is left on that disk`);
      expect(readdirSync(small)).toEqual([]);
      expect(await listTags({ reference: repo })).toEqual([]);
    } finally {
      execFileSync('umount', [small]);
    }
  });

  it('does not follow a link of the workspace out of it', async () => {
    const outside = makeTemporaryFolder();
    const cwd = makeWorkspace({
      Dockerfile: dockerfile(),
      out: { symlink: outside },
      'made/bin': { symlink: outside },
    });
    const refused = await runPlugin(
      step(cwd, { dry_run: true, outputs: 'type=local,dest=out/files', tar_path: 'out/x' }),
    );
    expectExit(refused, 2);
    expect(refused.output).toMatch(/settings\.outputs: the link "out" leads out of the workspace/);
    expect(refused.output).toMatch(/settings\.tar_path: the link "out" leads out of the workspace/);
    // A link inside of the destination is replaced by what the image has there.
    expectExit(await runPlugin(step(cwd, { dry_run: true, outputs: 'made' })), 0);
    expect(lstatSync(join(cwd, 'made/bin')).isDirectory()).toBe(true);
    expect(readdirSync(outside)).toEqual([]);
  });
});

describe('several platforms', () => {
  const files = {
    Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY ${TARGETARCH}.txt /which.txt\n',
    'amd64.txt': 'this is amd64\n',
    'arm64.txt': 'this is arm64\n',
  };
  const platform = ['linux/amd64', 'linux/arm64'];
  const engine = sharedEngine('docker-26.1-containerd');

  it('get a folder each, and one archive together, whose index is the published one where media types agree', async () => {
    const cwd = makeWorkspace(files);
    const repo = `${registry.host}/outputs/platforms`;
    const outputs = 'type=local,dest=split;type=local,dest=one,platform-split=false;type=oci,dest=both.tar';
    const single = await runPlugin({
      cwd,
      host: engine.host,
      settings: { dry_run: true, platform, outputs: outputs.replace(/type=local,dest=one[^;]*;/, '') },
    });
    expectExit(single, 0);
    expect(everythingIn(join(cwd, 'split'))).toEqual([
      'linux_amd64',
      'linux_amd64/which.txt',
      'linux_arm64',
      'linux_arm64/which.txt',
    ]);
    expect(readFileSync(join(cwd, 'split/linux_arm64/which.txt'), 'utf8')).toBe('this is arm64\n');
    const { manifest } = await inspectFiles(`oci-archive:${join(cwd, 'both.tar')}`);
    expect(manifest['manifests']).toHaveLength(2);

    // Both have the file: the daemon refuses to put them in one folder, and nothing is left.
    const clash = await runPlugin({ cwd, host: engine.host, settings: { repo, tags: '1', platform, outputs } });
    expectExit(clash, 1);
    expect(existsSync(join(cwd, 'one'))).toBe(false);
    expect(await listTags({ reference: repo })).toEqual([]);
  });

  it('are refused for an archive that holds one', async () => {
    const settings = { dry_run: true, platform, tar_path: 'x.tar' };
    const refused = await runPlugin({ cwd: makeWorkspace(files), host: engine.host, settings });
    expectExit(refused, 2);
    expect(refused.output).toContain('settings.tar_path: an archive of type docker holds one platform');
  });
});

it('the OCI archive of a containerd store has the digest of the published image when both have OCI media types', async () => {
  const engine = sharedEngine('docker-26.1-containerd');
  const cwd = makeWorkspace({ Dockerfile: dockerfile() });
  const repo = `${registry.host}/outputs/digest`;
  const outputs = 'type=oci,dest=x.tar';
  expectExit(
    await runPlugin({
      cwd,
      host: engine.host,
      settings: settingsOf({ repo, tags: '1', outputs, oci_mediatypes: true }),
    }),
    0,
  );
  const { digest } = await readManifest({ reference: `${repo}:1` });
  expect(execFileSync('tar', ['-tf', join(cwd, 'x.tar')], { encoding: 'utf8' })).toContain(digest.replace(':', '/'));
});
