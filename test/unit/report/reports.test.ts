// Every file that a run writes about itself, from the same facts.
import { describe, expect, it } from 'vitest';
import { formatArtifacts } from '../../../src/report/artifact-file.ts';
import { formatCacheMetrics } from '../../../src/report/cache-metrics.ts';
import { cardForLog, formatCard } from '../../../src/report/card.ts';
import { formatMetadata } from '../../../src/report/metadata-file.ts';
import { appendPlain, mergeDotenv, stepOutputs } from '../../../src/report/output-file.ts';
import { registryLink } from '../../../src/report/registry-link.ts';
import type { RunReport } from '../../../src/report/run-report.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const older = `sha256:${'b'.repeat(64)}`;
const id = `sha256:${'c'.repeat(64)}` as const;

const facts: RunReport = {
  version: '1.0.0',
  finishedAt: new Date('2026-11-21T10:20:30.000Z'),
  seconds: 12.3,
  steps: 5,
  cachedSteps: 4,
  tags: [
    { repository: 'docker.io/library/app', tag: '1', digest, state: 'published' },
    { repository: 'docker.io/library/app', tag: '1.2', digest: older, state: 'skipped' },
    { repository: 'reg.example:5000/team/app', tag: '1', digest, state: 'unchanged' },
  ],
  digest,
  image: {
    mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    sizeBytes: 500,
    configDigest: id,
    id,
    created: '2026-11-20T00:00:00Z',
    author: 'me',
    comment: '',
    dockerVersion: '',
    architecture: 'amd64',
    os: 'linux',
    contentBytes: 14_050_918,
  },
  registryType: 'Docker',
  registryUrl: 'https://index.docker.io/v1/',
};
const skippedRun: RunReport = { ...facts, tags: [], notPublished: 'every tag is left alone' };

describe('the card', () => {
  const card: unknown = JSON.parse(formatCard(facts));

  it('has the keys of drone-docker, with what was published', () => {
    expect(card).toEqual({
      schema: 'https://drone-plugins.github.io/drone-docker/card.json',
      data: {
        Id: id,
        RepoTags: ['app:1', 'reg.example:5000/team/app:1'],
        ParsedRepoTags: [{ Tag: 'app:1' }, { Tag: 'reg.example:5000/team/app:1' }],
        RepoDigests: [`app@${digest}`, `reg.example:5000/team/app@${digest}`],
        Parent: '',
        Comment: '',
        Created: '2026-11-20T00:00:00Z',
        Container: '',
        DockerVersion: '',
        Author: 'me',
        Architecture: 'amd64',
        Os: 'linux',
        Size: 14_050_918,
        VirtualSize: 14_050_918,
        Metadata: { LastTagTime: '2026-11-21T10:20:30.000Z' },
        SizeString: '13.40MB',
        VirtualSizeString: '13.40MB',
        Time: '2026-11-21T10:20:30.000Z',
        URL: 'https://hub.docker.com/_/app',
        url: 'https://hub.docker.com/_/app',
      },
    });
  });

  it('fills the template that Drone publishes for it', () => {
    const template = ['RepoTags', 'ParsedRepoTags', 'SizeString', 'Architecture', 'Os', 'Id', 'url', 'Time'];
    const data = (card as { data: Record<string, unknown> }).data;
    expect(template.filter((name) => data[name] === undefined || data[name] === '')).toEqual([]);
  });

  it('is one escape sequence in a log', () => {
    const text = cardForLog('{"a":"ü"}');
    expect(text).toMatch(/^\u001b\]1338;[A-Za-z0-9+/=]+\u001b\]0m\n$/);
    expect(Buffer.from(text.slice(7, -5), 'base64').toString('utf8')).toBe('{"a":"ü"}');
  });

  it('names what was intended when nothing was published', () => {
    const tags = [{ repository: 'docker.io/octo/app', tag: 'x', state: 'intended' as const }];
    const { digest: _, image: __, ...rest } = facts;
    const dry: unknown = JSON.parse(formatCard({ ...rest, tags, notPublished: 'dry_run' }));
    expect(dry).toMatchObject({ data: { RepoTags: ['octo/app:x'], RepoDigests: [], Id: '', SizeString: '0.00B' } });
  });
});

describe('the link to a repository', () => {
  it.each([
    ['docker.io/octo/app', 'https://hub.docker.com/r/octo/app'],
    ['docker.io/library/app', 'https://hub.docker.com/_/app'],
    [
      '123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app',
      'https://eu-west-1.console.aws.amazon.com/ecr/repositories/private/123456789012/team/app',
    ],
    ['public.ecr.aws/x1/app', 'https://gallery.ecr.aws/x1/app'],
    ['eu.gcr.io/project/app', 'https://console.cloud.google.com/gcr/images/project/app'],
    [
      'europe-west1-docker.pkg.dev/project/repo/app',
      'https://console.cloud.google.com/artifacts/docker/project/europe-west1/repo/app',
    ],
    ['mine.azurecr.io/app', 'https://portal.example/'],
    ['reg.example:5000/team/app', 'https://reg.example:5000/team/app'],
  ])('%s is %s', (repository, link) => {
    expect(registryLink(repository, 'https://portal.example/')).toBe(link);
  });
});

describe('the artifact file', () => {
  it('has the layout of the plugins, byte for byte', () => {
    expect(formatArtifacts(facts)).toBe(
      `{\n\t"kind": "docker/v1",\n\t"data": {\n\t\t"registryType": "Docker",\n\t\t"registryUrl": "https://index.docker.io/v1/",\n\t\t"images": [\n\t\t\t{\n\t\t\t\t"image": "app:1",\n\t\t\t\t"digest": "${digest}"\n\t\t\t},\n\t\t\t{\n\t\t\t\t"image": "app:1.2",\n\t\t\t\t"digest": "${older}"\n\t\t\t},\n\t\t\t{\n\t\t\t\t"image": "reg.example:5000/team/app:1",\n\t\t\t\t"digest": "${digest}"\n\t\t\t}\n\t\t]\n\t}\n}`,
    );
  });

  it('is nothing without images', () => {
    expect(formatArtifacts(skippedRun)).toBeUndefined();
  });
});

describe('the outputs of a step', () => {
  it('name what was published', () => {
    expect(Object.fromEntries(stepOutputs(facts))).toEqual({
      digest,
      image: 'app:1',
      image_ref: `app@${digest}`,
      images: 'app:1,reg.example:5000/team/app:1',
      tags: '1',
      published: 'true',
    });
    const { digest: _, ...rest } = skippedRun;
    expect(Object.fromEntries(stepOutputs(rest))).toEqual({ published: 'false', skipped: 'every tag is left alone' });
  });

  it('join what other steps have written, sorted and quoted', () => {
    const existing = new Map([
      ['b', 'old'],
      ['digest', 'old'],
    ]);
    const outputs = new Map([
      ['digest', 'sha256:1'],
      ['a', 'x "y" $z `c` \\ !\nnext'],
      ['n', '42'],
    ]);
    expect(mergeDotenv(existing, outputs)).toBe(
      'a="x \\"y\\" \\$z \\`c\\` \\\\ \\!\\nnext"\nb="old"\ndigest="sha256:1"\nn=42\n',
    );
    expect(appendPlain('x=1', new Map([['a', 'two\nlines']]))).toBe('x=1\na=two lines\n');
  });
});

it('the metadata file has the keys of buildx', () => {
  expect(JSON.parse(formatMetadata(facts))).toEqual({
    'containerimage.config.digest': id,
    'containerimage.descriptor': {
      mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
      digest,
      size: 500,
    },
    'containerimage.digest': digest,
    'image.name': 'docker.io/library/app:1,reg.example:5000/team/app:1',
    'docker-build': {
      version: '1.0.0',
      images: [
        { name: 'app:1', digest, state: 'published' },
        { name: 'app:1.2', digest: older, state: 'skipped' },
        { name: 'reg.example:5000/team/app:1', digest, state: 'unchanged' },
      ],
      cachedSteps: 4,
      totalSteps: 5,
      seconds: 12.3,
    },
  });
});

it('the cache metrics count steps by their end', () => {
  const text = formatCacheMetrics([
    { number: 1, status: 'DONE', milliseconds: 1234 },
    { number: 2, status: 'CACHED', milliseconds: 0 },
    { number: 3, status: 'ERROR', milliseconds: 10 },
    { number: 4, status: 'CANCELED', milliseconds: 0 },
  ]);
  expect(text).toMatch(/^\{\n\t"total_layers": 4,/);
  expect(JSON.parse(text)).toEqual({
    total_layers: 4,
    done: 1,
    cached: 1,
    error: 1,
    canceled: 1,
    layers: {
      1: { status: 'DONE', time: 1.23 },
      2: { status: 'CACHED', time: 0 },
      3: { status: 'ERROR', time: 0.01 },
      4: { status: 'CANCELED', time: 0 },
    },
  });
});
