// Whoever comes from another plugin finds every name known: a setting, a fact about the build, or a name that is passed
// over on purpose and listed here with the reason.
import { describe, expect, it } from 'vitest';
import { table } from '../../../src/settings/table.ts';
import { peerNames } from './peer-names.ts';
import { readStep } from './step.ts';

/** Facts that the pipeline gives; settings/build-info.ts reads them. */
const buildFacts = ['DRONE_COMMIT_REF', 'DRONE_COMMIT_SHA', 'DRONE_REMOTE_URL', 'DRONE_REPO_BRANCH', 'CI_REMOTE_URL'];

/** Read by a peer for a purpose that does not exist here. */
const without: Readonly<Record<string, string>> = {
  AWS_WEB_IDENTITY_TOKEN_FILE: 'read by the default chain of the AWS SDK',
  DOCKER_EMAIL: 'no registry asks for it any more; heroku has HEROKU_EMAIL',
  DOCKER_CONFIG: 'the folder of a config.json: settings/read-logins.ts',
  HARNESS_: 'the beginning of a name: settings/read-build-args.ts',
};

const settingOf = new Map([...table].flatMap(([setting, { env }]) => env.map((name) => [name, setting] as const)));
const isKnown = (name: string): boolean => settingOf.has(name) || buildFacts.includes(name) || name in without;

describe('every name that is read by', () => {
  it.each(Object.entries(peerNames))('%s is known', (_, names) => {
    expect(names.length).toBeGreaterThan(3);
    expect(names.filter((name) => !isKnown(name))).toEqual([]);
  });
});

describe('no name of drone-docker and its registry variants', () => {
  const own = ['drone-docker', 'drone-ecr', 'drone-gcr', 'drone-gar', 'drone-acr', 'drone-heroku'];
  const names = [...new Set(own.flatMap((plugin) => peerNames[plugin] ?? []))];

  it('is refused', () => {
    const statuses = names.flatMap((name) => {
      const row = table.get(settingOf.get(name) ?? '');
      return row?.status === 'refused' ? [`${name}: ${row.status}`] : [];
    });
    expect(statuses).toEqual([]);
  });

  it('causes a warning that it is unknown', () => {
    const given = Object.fromEntries(names.filter((name) => name.startsWith('PLUGIN_')).map((name) => [name, 'x']));
    const { warnings } = readStep({ ...given, PLUGIN_REPO: 'example.com/app' });
    expect(warnings.filter((warning) => warning.includes('unknown'))).toEqual([]);
  });
});
