// Settings about the surroundings of RUN: what they take, and what they say of the rest.
import { describe, expect, it } from 'vitest';
import { goodStep, readStep } from './step.ts';

const limit = (name: string, soft: number, hard = soft) => ({ name, soft, hard });

describe('ulimit', () => {
  it.each([
    ['nofile=1024:2048', [limit('nofile', 1024, 2048)]],
    ['nofile=1024', [limit('nofile', 1024)]],
    ['NOFILE=1024:2048,nproc=3', [limit('nofile', 1024, 2048), limit('nproc', 3)]],
    ['nofile=1024:2048;core=-1', [limit('nofile', 1024, 2048), limit('core', -1)]],
    ['nofile=1024:2048\nmemlock=-1:-1\n', [limit('nofile', 1024, 2048), limit('memlock', -1)]],
    ['{"nofile":"1:2","nproc":3}', [limit('nofile', 1, 2), limit('nproc', 3)]],
    ['["nofile=1:2"]', [limit('nofile', 1, 2)]],
    ['core=5:-1', [limit('core', 5, -1)]],
  ])('reads %j', (text, limits) => {
    expect(goodStep({ ulimit: text }).values.ulimit).toEqual(limits);
  });

  it.each([
    ['files=3', '"files" is not a limit'],
    ['nofile', 'it has no "="'],
    ['nofile=lots', '"lots" is not a value for nofile'],
    ['nofile=1:2:3', '"1:2:3" is not a value for nofile'],
    ['nofile=2048:1024', 'the soft limit of nofile is above the hard one'],
    ['nofile=-1:1024', 'the soft limit of nofile is above the hard one'],
  ])('refuses %j', (text, wrong) => {
    expect(readStep({ ulimit: text }).problems).toEqual([expect.stringContaining(`settings.ulimit: item 1: ${wrong}`)]);
  });
});

describe('the other surroundings', () => {
  it('are read as they are meant', () => {
    const settings = { network: 'HOST', shm_size: '64m', cgroup_parent: '/builds', allow: 'network.host' };
    expect(goodStep(settings).values).toMatchObject({
      network: 'host',
      shm_size: 64 * 1024 * 1024,
      cgroup_parent: '/builds',
      allow: ['network.host'],
    });
    expect(goodStep({}).values.network).toBe('default');
    expect(goodStep({ frontend: 'docker/dockerfile:1.7' }).values.frontend).toBe('docker/dockerfile:1.7');
  });

  it.each([
    ['network', 'buildnet', 'must be default, none or host'],
    ['allow', 'network.host,device', 'must be network.host or security.insecure'],
    ['cgroup_parent', '/a/../b', 'is not a control group'],
    ['shm_size', 'big', 'is not a size'],
    ['frontend', 'Docker/Dockerfile 1', 'not the name of an image'],
  ])('%s refuses %j', (name, text, words) => {
    expect(readStep({ [name]: text }).problems).toEqual([expect.stringContaining(words)]);
  });
});
