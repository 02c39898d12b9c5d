// Whatever is written into settings: no secret in any message, and no error but SettingsError.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SettingsError } from '../../../src/settings/findings.ts';
import { readSettings } from '../../../src/settings/read-settings.ts';
import { table } from '../../../src/settings/table.ts';
import { workspaceFiles } from '../../../src/settings/workspace-files.ts';
import { workspace } from './step.ts';

function messagesOf(env: Readonly<Record<string, string>>, argv: readonly string[], folder: string): readonly string[] {
  try {
    const request = readSettings({ env, argv, files: workspaceFiles(folder), redact: () => undefined });
    return 'warnings' in request ? [...request.warnings, ...request.settings.notes] : [];
  } catch (error) {
    if (error instanceof SettingsError) return [error.message, error.hint ?? '', ...error.details, ...error.warnings];
    throw error;
  }
}

const names = [...table.values()].flatMap(({ env }) => env);
const secretNames = [...table.values()].filter(({ secret }) => secret === true).flatMap(({ env }) => env);

/** Text as people and attackers write it. */
const pieces = fc.constantFrom(
  'a',
  'A=1',
  '=',
  ',',
  ';',
  '\n',
  '\\,',
  '{',
  '}',
  '[',
  ']',
  '"',
  '"a"',
  ':',
  '//',
  'https://',
  '@',
  'id=',
  'env=',
  'src=',
  'id=a,src=',
  'id=a,env=',
  '{"auths":{"',
  'type=registry',
  'ref=',
  'true',
  '0',
  '-1',
  '1e9',
  '..',
  '/',
  '/proc/self/environ',
  '${X}',
  'linux/amd64',
  '\u001b[31m',
  '\u{fffd}',
  '-----BEGIN OPENSSH PRIVATE KEY-----\n',
  '-----END OPENSSH PRIVATE KEY-----',
  '-----BEGIN CERTIFICATE-----',
  '__proto__',
  'null',
);
const value = fc.oneof(
  fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.json({ maxDepth: 3 }),
);

describe('any settings', () => {
  it('are read, or refused with SettingsError: one line for each problem, free of control characters', () => {
    const folder = workspace();
    const env = fc.dictionary(fc.constantFrom(...names, 'PLUGIN_-x', 'plugin_repo', 'PLUGIN_BUILD-ARGS'), value, {
      maxKeys: 12,
    });
    const argv = fc.array(
      fc.oneof(pieces, fc.constantFrom('--repo', '--dry-run', '--no-cache', '--', '-x', '--constructor')),
      {
        maxLength: 4,
      },
    );
    fc.assert(
      fc.property(env, argv, (env, argv) => {
        for (const line of messagesOf(env, argv, folder)) {
          expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
          expect(line.length).toBeLessThan(600);
        }
      }),
      { numRuns: 600 },
    );
  });

  it('show nothing of a secret, wherever it stands in the value of a secret setting', () => {
    const folder = workspace();
    const canary = 'c4nary-V4lue';
    const around = fc.tuple(value, value).map(([before, after]) => `${before}${canary}${after}`);
    const env = fc.dictionary(fc.constantFrom(...secretNames), fc.oneof(around, fc.constant(canary)), {
      minKeys: 1,
      maxKeys: 6,
    });
    fc.assert(
      fc.property(env, fc.boolean(), (env, dry) => {
        const all = { ...env, ...(dry ? { PLUGIN_DRY_RUN: 'true' } : {}) };
        expect(messagesOf(all, [], folder).join('\n')).not.toContain('c4nary');
      }),
      { numRuns: 600 },
    );
  });

  it('show nothing of a value that build arguments and labels hold', () => {
    const folder = workspace();
    const setting = fc.constantFrom(
      'PLUGIN_BUILD_ARGS',
      'PLUGIN_BUILD_ARGS_NEW',
      'PLUGIN_CUSTOM_LABELS',
      'PLUGIN_LABEL_SCHEMA',
    );
    const pair = fc
      .tuple(fc.constantFrom('A', '1A', 'A B', '', 'A.b'), value)
      .map(([key, rest]) => `${key}=c4nary${rest.replace(/[,;\n]/g, '')}`);
    fc.assert(
      fc.property(
        setting,
        fc.array(pair, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(',', '\n', ';'),
        (name, pairs, separator) => {
          expect(messagesOf({ [name]: pairs.join(separator) }, [], folder).join('\n')).not.toContain('c4nary');
        },
      ),
      { numRuns: 500 },
    );
  });
});
