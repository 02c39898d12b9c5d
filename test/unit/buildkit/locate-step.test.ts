import { describe, expect, it } from 'vitest';
import { locateStep } from '../../../src/buildkit/locate-step.ts';

const dockerfile = {
  filename: 'Dockerfile',
  text: [
    '# syntax=docker/dockerfile:1',
    'FROM base AS build',
    'ARG VERSION=1',
    'run make \\',
    '  # not a part of it',
    '',
    '  all VERSION=${VERSION}',
    'COPY a b $DEST/',
    'RUN true',
    'FROM scratch',
    'RUN true',
  ].join('\n'),
};

describe('locateStep', () => {
  it.each([
    ['[build 2/4] RUN make all VERSION=1', 4, 7],
    ['[build 2/4] RUN make   all VERSION=any thing', 4, 7],
    ['[3/4] COPY a b /somewhere/', 8, 8],
  ])('finds %s', (name, startLine, endLine) => {
    expect(locateStep(dockerfile, name)).toMatchObject({ filename: 'Dockerfile', startLine, endLine });
  });

  it('gives the lines as they are', () => {
    expect(locateStep(dockerfile, '[3/4] COPY a b /x/')?.text).toBe('COPY a b $DEST/');
    expect(locateStep(dockerfile, 3)?.text).toBe('ARG VERSION=1');
  });

  it.each([
    ['a step that two instructions could be', '[4/4] RUN true'],
    ['a step of nobody', '[4/4] RUN false'],
    ['housekeeping', '[internal] load build context'],
    ['no step', ''],
    ['a line beyond the end', 12],
  ])('does not guess for %s', (_, step) => {
    expect(locateStep(dockerfile, step)).toBeUndefined();
  });
});
