import { describe, expect, it } from 'vitest';
import { PluginError } from '../../../src/base/plugin-error.ts';
import { formatFailure } from '../../../src/report/failure.ts';
import { SettingsError } from '../../../src/settings/findings.ts';

const nothingLeft = { leftOnDaemon: [], publishing: false };

describe('formatFailure', () => {
  it('says what failed, in which state things are and what to do', () => {
    const error = new PluginError({
      code: 'unavailable',
      exitCode: 4,
      message: 'push of docker.example/app failed at blob upload (4 of 7): registry answered 503 six times in 41 s',
      details: ['registry said: "backend unavailable"', 'state: 1.2 sha256:aa -> sha256:aa'],
      hint: 'run the step again, or raise `retries`',
    });
    expect(formatFailure(error, nothingLeft)).toEqual({
      exitCode: 4,
      lines: [
        'error: push of docker.example/app failed at blob upload (4 of 7): registry answered 503 six times in 41 s',
        '  registry said: "backend unavailable"',
        '  state: 1.2 sha256:aa -> sha256:aa',
        '  try: run the step again, or raise `retries`',
      ],
    });
  });

  it('lets tags that went the same way share a line when there are more of them than lines', () => {
    const tags = ['1.2.3', '1.2', '1', 'latest'];
    const state = ['one.example:5000/app', 'two.example/app', 'three.example/app'].flatMap((repository) =>
      tags.map(
        (tag, at) =>
          `state: ${repository}:${tag} absent → ${at === 0 ? 'sha256:aa, left-behind' : 'absent, not-moved'}`,
      ),
    );
    const error = new PluginError({
      code: 'partial',
      exitCode: 8,
      message: 'm',
      hint: 'h',
      details: ['said: x', ...state],
    });
    expect(formatFailure(error, { leftOnDaemon: [], publishing: true }).lines).toEqual([
      'error: m',
      '  said: x',
      ...['one.example:5000/app', 'two.example/app', 'three.example/app'].flatMap((repository) => [
        `  state: ${repository}:1.2.3 absent → sha256:aa, left-behind`,
        `  state: ${repository}: 1.2, 1, latest absent → absent, not-moved`,
      ]),
      '  try: h',
    ]);
  });

  it('adds a state of its own from exit code 4 on', () => {
    const error = new PluginError({ code: 'lost', exitCode: 5, message: 'connection to the daemon lost' });
    expect(formatFailure(error, nothingLeft).lines).toContain(
      '  state: no tag was touched; nothing left on the daemon',
    );
  });

  it('names what is left on the daemon, whatever the code', () => {
    const error = new PluginError({ code: 'build-failed', exitCode: 1, message: 'x' });
    const { lines } = formatFailure(error, { leftOnDaemon: ['docker-build.invalid/a:1-2'], publishing: false });
    expect(lines.join('\n')).toContain('left on the daemon: docker-build.invalid/a:1-2');
  });

  it('fills up to 12 lines with the last output of the failed step', () => {
    const error = new PluginError({
      code: 'build-failed',
      exitCode: 1,
      message: 'RUN failed',
      details: ['Dockerfile:3'],
    });
    const lines = Array.from({ length: 50 }, (_, index) => `line ${index}`);
    const failure = formatFailure(error, { ...nothingLeft, stepTail: { name: '[2/3] RUN make', lines } });
    expect(failure.lines).toHaveLength(12);
    expect(failure.lines.at(-1)).toBe('    line 49');
    expect(failure.lines).toContain('  last output of [2/3] RUN make:');
  });

  it('never cuts the list of wrong settings', () => {
    const details = Array.from({ length: 30 }, (_, index) => `settings.x${index}: wrong; right`);
    const error = new PluginError({ code: 'settings', exitCode: 2, message: '30 settings are wrong', details });
    expect(formatFailure(error, nothingLeft).lines).toHaveLength(31);
  });

  it('tells what else was noticed about the settings before the error', () => {
    const error = new SettingsError(['settings.repo: missing; must be an image'], ['setting rpo is not known']);
    expect(formatFailure(error, nothingLeft).lines).toEqual([
      'warning: setting rpo is not known',
      'error: 1 setting is wrong',
      '  settings.repo: missing; must be an image',
    ]);
  });

  it('treats anything else as a bug of ours', () => {
    const left = ['docker-build.invalid/a:1-2'];
    const failure = formatFailure(new TypeError('x is not a function'), { leftOnDaemon: left, publishing: true });
    expect(failure.exitCode).toBe(70);
    expect(failure.lines[0]).toContain('bug in docker-build: TypeError: x is not a function');
    expect(failure.lines.length).toBeLessThanOrEqual(12);
    expect(failure.lines).toContain(
      '  state: tags may have moved; left on the daemon: docker-build.invalid/a:1-2 (remove with docker rmi)',
    );
  });
});
