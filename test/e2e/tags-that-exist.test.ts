// Tags that exist already: left alone, refused, kept, or moved forward only; and tags that are made of other tags.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { snapshotImages } from '../support/engine-observer.ts';
import { type MemoryRegistry, startMemoryRegistry } from '../support/memory-registry.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { expectExit, type PluginResult, type PluginStep, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags, readManifest } from '../support/skopeo.ts';
import { makeWorkspace } from '../support/workspace.ts';

let registry: TestRegistry;
let other: TestRegistry;

beforeAll(async () => {
  [registry, other] = await Promise.all([startRegistry({ auth: 'open' }), startRegistry({ auth: 'open' })]);
});
afterAll(() => Promise.all([registry.stop(), other.stop()]));

let builds = 0;
const workspace = (): string =>
  makeWorkspace({ Dockerfile: 'FROM scratch\nCOPY number /\n', number: `${(builds += 1)}\n` });
const digestOf = async (reference: string): Promise<string> => (await readManifest({ reference })).digest;

describe.each(['docker-26.1-graphdriver', 'docker-26.1-containerd'] as const)('%s', (kind) => {
  const engine = sharedEngine(kind);
  const repository = (name: string): string => `${registry.host}/${kind}/${name}`;

  async function publish(
    repo: string,
    settings: PluginStep['settings'],
    more: Partial<PluginStep> = {},
  ): Promise<PluginResult> {
    return runPlugin({
      cwd: workspace(),
      host: engine.host,
      settings: { repo, auto_label: false, ...settings },
      ...more,
    });
  }

  it('publishes the missing tags only, and builds nothing when none is missing', async () => {
    const repo = repository('missing-only');
    expectExit(await publish(repo, { tags: ['1', '2'] }), 0);
    const old = await digestOf(`${repo}:1`);

    const some = await publish(repo, { tags: ['1', '2', '3'], skip_push_if_tag_exists: true });
    expectExit(some, 0);
    expect(some.output).toContain(`${repo}:1 exists already (${old.slice(0, 19)}) and is left alone`);
    expect(await digestOf(`${repo}:1`)).toBe(old);
    expect(await digestOf(`${repo}:3`)).not.toBe(old);

    const none = await publish(
      repo,
      { tags: ['1', '3'], skip_push_if_tag_exists: true },
      { host: 'tcp://127.0.0.1:1' },
    );
    expectExit(none, 0);
    expect(none.output).toContain('nothing to do');
    expect(none.output).not.toContain('connected to docker');
  });

  it('judges each repository by itself', async () => {
    const repos = [repository('judged-a'), `${other.host}/${kind}/judged-b`] as const;
    expectExit(await publish(repos[0], { tags: '1' }), 0);
    const old = await digestOf(`${repos[0]}:1`);
    // The containerd store takes several registries in one list as well: both are loopback hosts.
    expectExit(await publish(repos.join(','), { tags: '1', skip_push_if_tag_exists: true }), 0);
    expect(await digestOf(`${repos[0]}:1`)).toBe(old);
    expect(await digestOf(`${repos[1]}:1`)).not.toBe(old);
  });

  it('refuses to move an immutable tag before any other has moved, and takes the same image again', async () => {
    const repo = repository('immutable');
    const cwd = workspace();
    const settings = { tags: ['1.0.0', 'latest'], immutable_tags: '1.*,v?' };
    expectExit(await publish(repo, settings, { cwd }), 0);
    const old = await digestOf(`${repo}:latest`);
    expectExit(await publish(repo, settings, { cwd }), 0);

    const images = await snapshotImages(engine);
    const refused = await publish(repo, settings);
    expectExit(refused, 4);
    expect(refused.output).toContain(`${repo}:1.0.0 would have to be moved to another image`);
    expect(await digestOf(`${repo}:latest`)).toBe(old);
    expect(await snapshotImages(engine)).toEqual(images);

    const kept = await publish(repo, { ...settings, ignore_immutable_tag_errors: true });
    expectExit(kept, 0);
    expect(kept.output).toContain(`${repo}:1.0.0 stays at ${old}: immutable_tags does not let it move`);
    expect(await digestOf(`${repo}:1.0.0`)).toBe(old);
    expect(await digestOf(`${repo}:latest`)).not.toBe(old);
    expectExit(await publish(repo, { tags: 'latest', immutable_tags: true }), 4);
  });

  it('moves tags forward only', async () => {
    const repo = repository('forward');
    const release = (version: string) =>
      publish(
        repo,
        { auto_tag: true, auto_tag_latest: 'release', auto_tag_forward_only: true },
        { env: { DRONE_COMMIT_REF: `refs/tags/${version}` } },
      );
    expectExit(await release('v1.12.0'), 0);
    const newer = await digestOf(`${repo}:1.12.0`);
    const fix = await release('v1.11.8');
    expectExit(fix, 0);
    expect(fix.output).toContain(`${repo}:1 stays where it is: the newer 1.12.0 is there`);
    expect(await listTags({ reference: repo })).toEqual(['1', '1.11', '1.11.8', '1.12', '1.12.0', 'latest']);
    expect(await digestOf(`${repo}:1`)).toBe(newer);
    expect(await digestOf(`${repo}:latest`)).toBe(newer);
    expect(await digestOf(`${repo}:1.11`)).not.toBe(newer);
  });

  it('expands versions, and publishes full references besides', async () => {
    const repo = repository('expanded');
    const cwd = workspace();
    const elsewhere = `${other.host}/${kind}/elsewhere`;
    const settings = { tags: ['v2.3.4', 'edge'], expand_tag: true, extra_tags: [`${elsewhere}:x`, `${repo}:also`] };
    const step = await publish(repo, settings, { cwd });
    expectExit(step, 0);
    expect(await listTags({ reference: repo })).toEqual(['2', '2.3', '2.3.4', 'also', 'edge']);
    expect(await digestOf(`${elsewhere}:x`)).toBe(await digestOf(`${repo}:2`));
  });

  it('puts the registry in front of a repository on request', async () => {
    const settings = { tags: '1', registry: `${registry.host}/prefix`, expand_repo: true };
    // A first part with a dot would be a host.
    const name = `team/${kind}`;
    expectExit(await publish(name, settings), 0);
    expect(await listTags({ reference: `${registry.host}/prefix/${name}` })).toEqual(['1']);
  });

  it('takes further references from a file that is named, and from no other', async () => {
    const repo = repository('from-file');
    const files = {
      Dockerfile: 'FROM scratch\nCOPY refs /\n',
      refs: `${repo}:one\n${repo}:two\n`,
      '.extratags': `${repo}:no\n`,
    };
    const step = await publish(repo, { tags: '1', extra_tags_file: 'refs' }, { cwd: makeWorkspace(files) });
    expectExit(step, 0);
    expect(await listTags({ reference: repo })).toEqual(['1', 'one', 'two']);
  });
});

describe('a registry that does not let a tag be moved', () => {
  const engine = sharedEngine('docker-26.1-graphdriver');
  let strict: MemoryRegistry;
  beforeAll(async () => {
    strict = await startMemoryRegistry();
  });
  afterAll(() => strict.stop());

  it('fails the step, unless that is to be a warning', async () => {
    const repo = `${strict.host}/app`;
    const publish = (more: PluginStep['settings'] = {}) =>
      runPlugin({ cwd: workspace(), host: engine.host, settings: { repo, tags: ['1.0', 'latest'], ...more } });
    expectExit(await publish(), 0);
    const body = JSON.stringify({ errors: [{ code: 'TAG_INVALID', message: 'The image tag is immutable' }] });
    strict.fail({ method: 'PUT', kind: 'manifest', path: /\/1\.0$/, answer: { status: 400, body } });
    const before = strict.repository('app').tags.get('1.0');

    expectExit(await publish(), 4);
    expect(strict.repository('app').tags.get('latest')).toBe(before);

    const kept = await publish({ ignore_immutable_tag_errors: true });
    expectExit(kept, 0);
    expect(kept.output).toContain('the registry does not let it move');
    expect(strict.repository('app').tags.get('1.0')).toBe(before);
    expect(strict.repository('app').tags.get('latest')).not.toBe(before);
  });
});

describe('an image without files', () => {
  const cwd = (): string => makeWorkspace({ Dockerfile: 'FROM scratch\nLABEL a=b\n' });

  it('is published from the containerd store', async () => {
    const repo = `${registry.host}/empty/image`;
    const { host } = sharedEngine('docker-26.1-containerd');
    expectExit(await runPlugin({ cwd: cwd(), host, settings: { repo, tags: '1' } }), 0);
    expect(await listTags({ reference: repo })).toEqual(['1']);
  });

  it('is refused in words from a graph-driver store, which cannot export it', async () => {
    const { host } = sharedEngine('docker-26.1-graphdriver');
    const step = await runPlugin({ cwd: cwd(), host, settings: { repo: `${registry.host}/empty/other`, tags: '1' } });
    expectExit(step, 2);
    expect(step.output).toContain('the image has no files at all');
  });
});
