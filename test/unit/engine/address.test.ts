import { describe, expect, it } from 'vitest';
import { PluginError } from '../../../src/base/plugin-error.ts';
import { describeAddress, parseDockerHost } from '../../../src/engine/address.ts';

const tcp = (host: string, port: number, tls: boolean, pathPrefix = '') => ({
  kind: 'tcp',
  host,
  port,
  tls,
  pathPrefix,
});

describe('a daemon address', () => {
  it.each([
    ['unix:///var/run/docker.sock', false, { kind: 'unix', socketPath: '/var/run/docker.sock' }],
    ['unix:///a b/d%20.sock', true, { kind: 'unix', socketPath: '/a b/d%20.sock' }],
    ['tcp://docker', false, tcp('docker', 2375, false)],
    ['tcp://docker', true, tcp('docker', 2376, true)],
    ['TCP://docker:80', false, tcp('docker', 80, false)],
    ['tcp://docker:443', true, tcp('docker', 443, true)],
    ['tcp://10.0.0.1:2375/', false, tcp('10.0.0.1', 2375, false)],
    ['tcp://[::1]:1234', false, tcp('::1', 1234, false)],
    ['tcp://proxy:2375/docker/', false, tcp('proxy', 2375, false, '/docker')],
    ['http://docker:2375', true, tcp('docker', 2375, false)],
    ['https://docker', false, tcp('docker', 2376, true)],
  ])('%s (TLS wanted: %s) is read', (text, wantsTls, expected) => {
    expect(parseDockerHost(text, wantsTls)).toEqual(expected);
  });

  it.each([
    ['ssh://me@host', /ssh -L/],
    ['/var/run/docker.sock', /unix:\/\/\/var\/run\/docker\.sock/],
    ['docker:2375', /tcp:\/\/docker:2375/],
    ['unix://docker.sock', /absolute path/],
    ['npipe:////./pipe/docker_engine', /correct/],
    ['tcp://', /host:port/],
    ['tcp://h:99999', /host:port/],
    ['tcp://user:secret@host:2375', /user or password/],
    ['', /correct/],
  ])('%s is refused with exit 2 and a cure', (text, hint) => {
    let error: unknown;
    try {
      parseDockerHost(text, false);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(PluginError);
    expect(error).toMatchObject({ exitCode: 2, hint: expect.stringMatching(hint) });
    expect(String(error)).not.toContain('secret');
  });

  it.each(['unix:///run/docker.sock', 'tcp://docker:2375', 'tcp://[::1]:2375', 'tcp://proxy:1/docker'])(
    '%s is shown as it was given',
    (text) => {
      expect(describeAddress(parseDockerHost(text, false))).toBe(text);
    },
  );
});
