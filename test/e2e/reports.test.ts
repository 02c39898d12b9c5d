// What a run writes about itself, as the steps behind it find it.
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { expectExit, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { readManifest } from '../support/skopeo.ts';
import { makeTemporaryFolder, makeWorkspace } from '../support/workspace.ts';

let registry: TestRegistry;

beforeAll(async () => {
  registry = await startRegistry({ auth: 'open' });
});
afterAll(() => registry.stop());

const workspace = (name: string): string => makeWorkspace({ Dockerfile: 'FROM scratch\nCOPY name /\n', name });

/** The cards that a runner would cut out of a log. */
const cardsIn = (output: string): readonly unknown[] =>
  [...output.matchAll(/\u001b\]1338;([A-Za-z0-9+/=]+)\u001b\]0m/g)].map(([, base64]): unknown =>
    JSON.parse(Buffer.from(base64 ?? '', 'base64').toString('utf8')),
  );

describe.each(['docker-20.10', 'docker-26.1-graphdriver', 'docker-26.1-containerd'] as const)('%s', (kind) => {
  const engine = sharedEngine(kind);

  it('writes every file that is asked for, and one card at the very end', async () => {
    const repo = `${registry.host}/${kind}/reported`;
    const cwd = workspace(`reported by ${kind}`);
    const outside = makeTemporaryFolder();
    writeFileSync(join(outside, 'outputs.env'), 'EARLIER="kept"\n');
    const step = await runPlugin({
      cwd,
      host: engine.host,
      settings: {
        repo,
        tags: ['1', '2'],
        artifact_file: 'out/artifact.json',
        metadata_file: 'metadata.json',
        digest_file: 'digest',
        iid_file: 'iid',
        image_name_with_digest_file: 'names',
        image_name_tag_with_digest_file: 'tags-file',
        cache_metrics_file: 'metrics.json',
      },
      env: {
        DRONE_CARD_PATH: '/dev/stdout',
        DRONE_OUTPUT: join(outside, 'outputs.env'),
        HARNESS_OUTPUT_FILE: join(outside, 'harness.out'),
      },
    });
    expectExit(step, 0);
    const read = (name: string): string => readFileSync(join(cwd, name), 'utf8');
    const { digest, document } = await readManifest({ reference: `${repo}:1` });

    expect(read('digest')).toBe(digest);
    expect(read('names')).toBe(`${repo}@${digest}\n`);
    expect(read('tags-file')).toBe(`${repo}:1@${digest}\n${repo}:2@${digest}\n`);
    const config = (document as unknown as { config: { digest: string } }).config.digest;
    expect(read('iid')).toBe(config);
    expect(JSON.parse(read('out/artifact.json'))).toEqual({
      kind: 'docker/v1',
      data: {
        registryType: 'Docker',
        registryUrl: expect.any(String),
        images: [
          { image: `${repo}:1`, digest },
          { image: `${repo}:2`, digest },
        ],
      },
    });
    expect(JSON.parse(read('metadata.json'))).toMatchObject({
      'containerimage.digest': digest,
      'containerimage.config.digest': config,
      'image.name': `${repo}:1,${repo}:2`,
      'docker-build': { images: [{ state: 'published' }, { state: 'published' }], totalSteps: 1 },
    });
    expect(JSON.parse(read('metrics.json'))).toMatchObject({ error: 0, canceled: 0 });
    expect(readFileSync(join(outside, 'outputs.env'), 'utf8')).toBe(
      `EARLIER="kept"\ndigest="${digest}"\nimage="${repo}:1"\nimage_ref="${repo}@${digest}"\nimages="${repo}:1,${repo}:2"\npublished="true"\ntags="1,2"\n`,
    );
    expect(readFileSync(join(outside, 'harness.out'), 'utf8')).toContain(`digest=${digest}\n`);
    expect(statSync(join(cwd, 'digest')).mode & 0o777).toBe(0o644);

    const cards = cardsIn(step.output);
    expect(cards).toHaveLength(1);
    expect(step.output).toMatch(/\n\u001b\]1338;[^\n]*\n$/);
    expect(cards[0]).toMatchObject({
      data: {
        Id: config,
        RepoTags: [`${repo}:1`, `${repo}:2`],
        RepoDigests: [`${repo}@${digest}`],
        Architecture: 'amd64',
        Os: 'linux',
        url: `https://${repo}`,
      },
    });
  });

  it('writes the steps of a build that fails', async () => {
    const cwd = makeWorkspace({ Dockerfile: 'FROM scratch\nCOPY missing /\n' });
    const settings = { repo: `${registry.host}/x`, cache_metrics_file: 'metrics.json', digest_file: 'digest' };
    const step = await runPlugin({ cwd, host: engine.host, settings, env: { DRONE_CARD_PATH: '/dev/stdout' } });
    expectExit(step, 1);
    const metrics = JSON.parse(readFileSync(join(cwd, 'metrics.json'), 'utf8')) as { total_layers: number };
    expect(metrics.total_layers).toBeGreaterThan(0);
    expect(existsSync(join(cwd, 'digest'))).toBe(false);
    expect(cardsIn(step.output)).toEqual([]);
  });
});

describe('a step that publishes nothing', () => {
  const engine = sharedEngine('docker-26.1-graphdriver');

  it('says so in its outputs, and writes no artifacts', async () => {
    const cwd = workspace('dry');
    const env = { DRONE_OUTPUT: join(cwd, 'outputs'), DRONE_CARD_PATH: join(cwd, 'card.json') };
    const settings = { repo: `${registry.host}/dry`, tags: '1', dry_run: true, artifact_file: 'artifact.json' };
    expectExit(await runPlugin({ cwd, host: engine.host, settings, env }), 0);
    expect(readFileSync(join(cwd, 'outputs'), 'utf8')).toBe('published="false"\nskipped="dry_run"\n');
    expect(existsSync(join(cwd, 'artifact.json'))).toBe(false);
    const card: unknown = JSON.parse(readFileSync(join(cwd, 'card.json'), 'utf8'));
    expect(card).toMatchObject({ data: { RepoTags: [`${registry.host}/dry:1`] } });
  });

  it('says why when auto_tag has no tag for the ref', async () => {
    const cwd = workspace('skipped');
    const env = {
      DRONE_OUTPUT: join(cwd, 'outputs'),
      DRONE_COMMIT_REF: 'refs/heads/other',
      DRONE_REPO_BRANCH: 'main',
    };
    const settings = { repo: `${registry.host}/skipped`, auto_tag: true };
    expectExit(await runPlugin({ cwd, host: engine.host, settings, env }), 0);
    expect(readFileSync(join(cwd, 'outputs'), 'utf8')).toContain('skipped="auto_tag: ');
  });
});

describe('the log', () => {
  const engine = sharedEngine('docker-26.1-containerd');
  const jsonIn = (output: string): readonly unknown[] =>
    output.split('\n').flatMap((line): unknown[] => (line.startsWith('{') ? [JSON.parse(line)] : []));

  it('has progress as JSON lines with rawjson, secrets masked', async () => {
    const cwd = makeWorkspace({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' });
    const settings = { repo: `${registry.host}/raw`, tags: '1', progress: 'rawjson' };
    const step = await runPlugin({ cwd, host: engine.host, settings });
    expectExit(step, 0);
    const lines = jsonIn(step.output) as { vertexes?: { name: string }[] }[];
    expect(lines.flatMap(({ vertexes = [] }) => vertexes.map(({ name }) => name))).toContain('[1/1] COPY Dockerfile /');
    expect(step.output).not.toMatch(/^#\d/m);
  });

  it('has results alone with quiet', async () => {
    const cwd = workspace('quiet');
    const settings = { repo: `${registry.host}/quiet`, tags: '1', progress: 'quiet' };
    const step = await runPlugin({ cwd, host: engine.host, settings });
    expectExit(step, 0);
    expect(step.output).not.toMatch(/^#\d/m);
    expect(step.output).toContain('published ');
  });
});

describe('a report that cannot be written', () => {
  it('is an error before anything is connected, and a warning where the runner asked for it', async () => {
    const cwd = workspace('unwritable');
    mkdirSync(join(cwd, 'folder'));
    symlinkSync('/etc', join(cwd, 'link'));
    const settings = { repo: 'example.com/app', digest_file: 'folder', iid_file: 'link/iid' };
    const env = { DRONE_OUTPUT: '/proc/1/environ' };
    const step = await runPlugin({ cwd, host: 'tcp://127.0.0.1:1', settings, env });
    expectExit(step, 2);
    expect(step.output).toContain('settings.digest_file: "folder" is a directory');
    expect(step.output).toMatch(/settings\.iid_file: .*leads out of the workspace/);
    expect(step.output).toMatch(/warning: settings\.output_file: is not written: it leads into \/proc/);
  });
});
