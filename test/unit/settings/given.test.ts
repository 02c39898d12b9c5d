// By which names a setting is found, and what is said about names that nobody knows.
import { describe, expect, it } from 'vitest';
import { findGiven } from '../../../src/settings/given.ts';
import { editDistance, nearestName } from '../../../src/settings/nearest-name.ts';

function find(environment: Readonly<Record<string, string>>) {
  const findings = { problems: [], warnings: [] };
  const redacted: string[] = [];
  const { given } = findGiven(environment, new Map(), (secret) => void redacted.push(secret), findings);
  return { ...findings, redacted, given: Object.fromEntries([...given].map(([name, { text }]) => [name, text])) };
}

describe('a setting', () => {
  it.each<[Record<string, string>, Record<string, string>]>([
    [{ PLUGIN_TAG: 'a', PLUGIN_TAGS: '' }, { tags: 'a' }],
    [{ PLUGIN_TAG: ' ', PLUGIN_TAGS: 'b' }, { tags: 'b' }],
    [{ 'PLUGIN_SSH-AGENT-KEY': 'k' }, { ssh_agent_key: 'k' }],
    [{ 'PLUGIN_BUILD.ARGS': 'k' }, { build_args: 'k' }],
    [{ plugin_repo: 'a' }, { repo: 'a' }],
    [{ DOCKER_USERNAME: 'u', PLUGIN_USERNAME: 'v' }, { username: 'v' }],
    [{ DOCKER_USERNAME: 'u' }, { username: 'u' }],
    [{ AWS_ACCESS_KEY_ID: 'x', TOKEN: 'y', CLIENT_ID: 'z', DRONE_CARD_PATH: '/dev/stdout' }, {}],
    [{ HTTP_PROXY: 'big', http_proxy: 'small' }, { http_proxy: 'small' }],
  ])('is found: %j', (environment, given) => {
    expect(find(environment)).toMatchObject({ given, warnings: [] });
  });

  it('given by two names with different values causes a warning that shows neither value', () => {
    expect(find({ PLUGIN_DRY_RUN: 'true', PLUGIN_NO_PUSH: 'false' }).warnings).toEqual([
      'settings.dry_run: PLUGIN_DRY_RUN and PLUGIN_NO_PUSH differ; PLUGIN_DRY_RUN counts',
    ]);
    expect(find({ PLUGIN_DRY_RUN: 'true', PLUGIN_NO_PUSH: 'true' }).warnings).toEqual([]);
  });

  it('in two spellings: the exact one counts', () => {
    const environment = { 'PLUGIN_BUILD-ARGS': 'A=1', PLUGIN_BUILD_ARGS: 'A=2' };
    expect(find(environment)).toMatchObject({
      given: { build_args: 'A=2' },
      warnings: ['PLUGIN_BUILD-ARGS and PLUGIN_BUILD_ARGS differ; PLUGIN_BUILD_ARGS counts'],
    });
  });

  it('that is secret is registered under every name', () => {
    expect(find({ PLUGIN_PASSWORD: 'one', DOCKER_PASSWORD: 'two', PLUGIN_JSON_KEY: 'three' }).redacted).toEqual([
      'one',
      'two',
      'three',
    ]);
  });

  it.each([
    ['PLUGIN_REPOO', 'setting repoo is not known and not used; did you mean repo?'],
    ['PLUGIN_DOCKER_FILE', 'setting docker_file is not known and not used; did you mean dockerfile?'],
    ['PLUGIN_USRENAME', 'setting usrename is not known and not used; did you mean username?'],
    ['PLUGIN_FLUX_CAPACITOR', 'setting flux_capacitor is not known and not used'],
    ['PLUGIN_\u001b[2J', String.raw`setting \u001b[2j is not known and not used`],
  ])('that nobody knows (%j) causes a warning', (name, warning) => {
    expect(find({ [name]: 'hunter22' }).warnings).toEqual([warning]);
  });

  it('that nobody knows but is empty is passed over', () => {
    expect(find({ PLUGIN_REPOO: '' }).warnings).toEqual([]);
  });
});

describe('the nearest name', () => {
  it.each([
    ['kitten', 'sitting', 3],
    ['abc', 'acb', 1],
    ['', 'abc', 3],
    ['same', 'same', 0],
  ])('%s to %s takes %d edits', (from, to, edits) => {
    expect(editDistance(from, to)).toBe(edits);
    expect(editDistance(to, from)).toBe(edits);
  });

  it('is the closest of several', () => {
    expect(nearestName('TARGTE', ['TAGS', 'TARGETS', 'TARGET'])).toBe('TARGET');
    expect(nearestName('X'.repeat(100), ['X'.repeat(99)])).toBeUndefined();
  });
});
