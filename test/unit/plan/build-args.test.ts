// Who wins when a build argument comes from several places.
import { describe, expect, it } from 'vitest';
import { mergeBuildArgs } from '../../../src/plan/build-args.ts';

describe('build arguments', () => {
  it('named by build_args_from_env come under their name and in upper case', () => {
    const merged = mergeBuildArgs({
      explicit: new Map(),
      fromEnvironment: [
        { name: 'npm_tag', value: 'next' },
        { name: 'CI', value: '1' },
      ],
      proxies: new Map(),
    });
    expect([...merged]).toEqual([
      ['npm_tag', 'next'],
      ['NPM_TAG', 'next'],
      ['CI', '1'],
    ]);
  });

  it('that are explicit win over exactly the same name only', () => {
    const merged = mergeBuildArgs({
      explicit: new Map([
        ['FOO_BAR', '1'],
        ['HTTP_PROXY', 'mine'],
      ]),
      fromEnvironment: [{ name: 'FOO', value: '2' }],
      proxies: new Map([['http_proxy', 'http://proxy:3128']]),
    });
    expect(Object.fromEntries(merged)).toEqual({
      FOO_BAR: '1',
      FOO: '2',
      HTTP_PROXY: 'mine',
      http_proxy: 'http://proxy:3128',
    });
  });
});
