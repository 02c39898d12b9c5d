// Which labels the image gets.
import { describe, expect, it } from 'vitest';
import { imageLabels, withoutLogin } from '../../../src/plan/labels.ts';
import type { BuildInfo } from '../../../src/settings/build-info.ts';

const info: BuildInfo = {
  ref: 'refs/heads/main',
  defaultBranch: 'main',
  commit: 'abc123',
  repository: 'octo/app',
  remoteUrl: 'https://git:s3cret@git.example.com/octo/app.git',
  event: 'push',
  number: '7',
};
const settings = {
  auto_label: true,
  label_schema: undefined,
  custom_labels: undefined,
  link: 'https://git.example.com/octo/app',
};
const created = new Date('2026-11-21T10:20:30.456Z');

describe('labels', () => {
  it('are the four that drone-docker sets, without logins', () => {
    expect(Object.fromEntries(imageLabels(settings, info, created))).toEqual({
      'org.opencontainers.image.created': '2026-11-21T10:20:30Z',
      'org.opencontainers.image.revision': 'abc123',
      'org.opencontainers.image.source': 'https://git.example.com/octo/app.git',
      'org.opencontainers.image.url': 'https://git.example.com/octo/app',
    });
  });

  it('are set empty when nothing is known, so that those of a base image do not shine through', () => {
    const labels = imageLabels({ ...settings, link: undefined }, { ...info, commit: '', remoteUrl: '' }, created);
    expect(labels.get('org.opencontainers.image.revision')).toBe('00000000');
    expect(labels.get('org.opencontainers.image.source')).toBe('');
    expect(labels.get('org.opencontainers.image.url')).toBe('');
  });

  it('are taken from label_schema under the OCI prefix, and custom ones win', () => {
    const labels = imageLabels(
      {
        ...settings,
        label_schema: new Map([['vendor', 'Octo']]),
        custom_labels: new Map([
          ['org.opencontainers.image.vendor', 'Cat'],
          ['team', 'a'],
        ]),
      },
      info,
      created,
    );
    expect(labels.get('org.opencontainers.image.vendor')).toBe('Cat');
    expect(labels.get('team')).toBe('a');
  });

  it('are custom ones alone without auto_label', () => {
    const labels = imageLabels(
      { ...settings, auto_label: false, label_schema: new Map([['vendor', 'x']]), custom_labels: new Map([['a', '']]) },
      info,
      created,
    );
    expect([...labels]).toEqual([['a', '']]);
  });

  it.each([
    ['https://user:pw@host/path', 'https://host/path'],
    ['https://token@host/path@x', 'https://host/path@x'],
    ['ssh://git@host/path', 'ssh://host/path'],
    ['git@host:path', 'git@host:path'],
    ['', ''],
  ])('removes the login from %s', (url, expected) => {
    expect(withoutLogin(url)).toBe(expected);
  });
});
