// The main job on each engine: one Dockerfile with everything that pipelines use, three tags, and a daemon that is afterwards
// as it was. skopeo and another engine are the witnesses.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRegistryWithBase } from '../support/base-image.ts';
import { stepsIn, uploadedBlobsIn } from '../support/evidence.ts';
import { docker } from '../support/docker.ts';
import { EventRecorder, imageNamesIn, snapshotImages } from '../support/engine-observer.ts';
import { type EngineKind, engineKinds } from '../support/engines.ts';
import type { TestRegistry } from '../support/registry.ts';
import { expectExit, type PluginStep, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags, readConfig, readManifest, unpackImage } from '../support/skopeo.ts';
import { addFiles, makeTemporaryFolder, makeWorkspace } from '../support/workspace.ts';

const dockerfile = `
ARG BASE
FROM \${BASE} AS build
ARG GREETING
WORKDIR /work
COPY . .
RUN find . -type f | sort >/listing
RUN --mount=type=secret,id=token cp /run/secrets/token /tmp/t && sha256sum </tmp/t >/secret-sum && rm /tmp/t
RUN --mount=type=ssh ssh-add -L >/key.pub && echo hello >/message && ssh-keygen -q -Y sign -f /key.pub -n test /message
RUN echo "\${GREETING}" >/greeting

FROM \${BASE} AS result
LABEL made-by=test
COPY --from=build /listing /secret-sum /key.pub /message /message.sig /greeting /
CMD ["cat", "/greeting"]

FROM \${BASE} AS later
RUN echo this stage is not asked for && false
`;

const dockerignore = `
# everything but src, without its logs, but with one log
*
!src
src/**/*.log
!src/deep/wanted.log
`;

/** Who pulls what an engine has built. */
const neighbour: Readonly<Record<EngineKind, EngineKind>> = {
  'docker-20.10': 'docker-26.1-containerd',
  'docker-26.1-graphdriver': 'docker-20.10',
  'docker-26.1-containerd': 'docker-26.1-graphdriver',
};

const tags = ['1.2.3', '1.2', 'latest'];

let registry: TestRegistry;
let base: string;

beforeAll(async () => {
  ({ registry, base } = await startRegistryWithBase());
});

afterAll(async () => {
  await registry.stop();
});

function makeProject(): { readonly workspace: string; readonly secret: string; readonly key: string } {
  const keys = makeTemporaryFolder();
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test key', '-f', join(keys, 'key')]);
  const workspace = makeWorkspace({
    Dockerfile: dockerfile,
    '.dockerignore': dockerignore,
    'src/main.c': 'int main(void) { return 0; }\n',
    'src/build.log': 'noise\n',
    'src/deep/wanted.log': 'kept\n',
    'src/deep/other.log': 'noise\n',
    'secrets/password.txt': 'not for the image\n',
    // A real project has something to send: this file differs from run to run of the test.
    'src/data.bin': randomBytes(300_000),
  });
  return {
    workspace,
    secret: `s3cret-${randomBytes(8).toString('hex')}`,
    key: readFileSync(join(keys, 'key'), 'utf8'),
  };
}

describe.each(engineKinds)('%s', (kind) => {
  const engine = sharedEngine(kind);
  const repository = (): string => `${registry.host}/${kind}/app`;

  function stepFor(project: ReturnType<typeof makeProject>): PluginStep {
    return {
      cwd: project.workspace,
      host: engine.host,
      settings: {
        repo: repository(),
        tags,
        target: 'result',
        build_args: [`BASE=${base}`, 'GREETING=good morning'],
        secret: 'id=token,env=TOKEN',
        ssh_agent_key: project.key,
        auto_label: false,
      },
      env: { TOKEN: project.secret },
    };
  }

  it('builds and publishes three tags with one digest, and again from the cache with the same digest', async () => {
    const project = makeProject();
    const imagesBefore = await snapshotImages(engine);
    const events = await EventRecorder.start(engine);
    registry.forget();

    const first = await runPlugin(stepFor(project));
    expectExit(first, 0);
    expect(first.output).not.toContain(project.secret);
    expect(first.output).not.toContain('PRIVATE KEY');
    expect(uploadedBlobsIn(registry.requests()).length).toBeGreaterThan(0);

    const manifests = await Promise.all(tags.map((tag) => readManifest({ reference: `${repository()}:${tag}` })));
    expect(await listTags({ reference: repository() })).toEqual([...tags].sort());
    expect(new Set(manifests.map(({ digest }) => digest)).size).toBe(1);
    const digest = manifests[0]?.digest ?? '';
    expect(first.output).toContain(digest);

    await expectRightFiles(project);
    expect(await readConfig({ reference: `${repository()}:latest` })).toMatchObject({
      config: { Cmd: ['cat', '/greeting'], Labels: { 'made-by': 'test' } },
    });

    registry.forget();
    const second = await runPlugin(stepFor(project));
    expectExit(second, 0);
    expect(uploadedBlobsIn(registry.requests())).toEqual([]);
    const steps = stepsIn(second.output);
    expect(steps.length).toBeGreaterThanOrEqual(6);
    expect(steps.filter(({ cached }) => !cached)).toEqual([]);
    expect((await readManifest({ reference: `${repository()}:1.2.3` })).digest).toBe(digest);

    expect(await snapshotImages(engine)).toEqual(imagesBefore);
    const names = imageNamesIn(await events.stop());
    expect(names.filter((name) => !name.startsWith('docker-build.invalid/'))).toEqual([]);
  });

  async function expectRightFiles(project: ReturnType<typeof makeProject>): Promise<void> {
    const folder = makeTemporaryFolder();
    const root = await unpackImage({ reference: `${repository()}:1.2` }, folder);
    const read = (path: string): string => readFileSync(join(root, path), 'utf8');
    expect(read('listing').trim().split('\n')).toEqual(['./src/data.bin', './src/deep/wanted.log', './src/main.c']);
    expect(read('greeting')).toBe('good morning\n');
    const sum = execFileSync('sha256sum', { input: project.secret, encoding: 'utf8' });
    expect(read('secret-sum')).toBe(sum);
    expect(readdirSync(root)).not.toContain('work');

    // The signature was made inside the build by an agent that never let go of the key.
    writeFileSync(join(folder, 'signers'), `tester ${read('key.pub')}`);
    const verify = ['-Y', 'verify', '-f', join(folder, 'signers'), '-I', 'tester', '-n', 'test'];
    const verified = execFileSync('ssh-keygen', [...verify, '-s', join(root, 'message.sig')], {
      input: read('message'),
      encoding: 'utf8',
    });
    expect(verified).toContain('Good "test" signature');
  }

  it('publishes what another engine pulls and runs', async () => {
    const project = makeProject();
    const published = await runPlugin(stepFor(project));
    expectExit(published, 0);

    const other = sharedEngine(neighbour[kind]);
    const reference = `${repository()}:latest`;
    await docker(other, 'pull', '--quiet', reference);
    try {
      expect(await docker(other, 'run', '--rm', '--network=none', reference)).toBe('good morning\n');
    } finally {
      await docker(other, 'rmi', reference);
    }
  });

  it('sends only what changed when it builds the next commit', async () => {
    const project = makeProject();
    const first = await runPlugin(stepFor(project));
    expectExit(first, 0);
    addFiles(project.workspace, { 'src/main.c': 'int main(void) { return 1; }\n' });
    const second = await runPlugin(stepFor(project));
    expectExit(second, 0);
    const sent = /transferring context: ([\d.]+ ?[kMG]?B)/.exec(second.output)?.[1];
    expect(second.output).not.toMatch(/transferring context: [\d.]+ ?(?:[1-9]\d\d[kK]|M)B/);
    expect(sent).toBeDefined();
  });
});
