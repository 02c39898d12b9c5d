import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { certificateFolders, trustInFolders } from '../../../src/registry/certificate-folders.ts';
import { makeCertificates } from '../../support/certificates.ts';

const { ca, cert, key, otherKey } = makeCertificates();
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'docker-build-test-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(root, name, '..'), { recursive: true });
    writeFileSync(join(root, name), text);
  }
}

describe('the folders of certificates', () => {
  it('are those of docker and of its relatives', () => {
    expect(certificateFolders('/home/me')).toEqual([
      '/etc/docker/certs.d',
      '/etc/containers/certs.d',
      '/home/me/.config/containers/certs.d',
    ]);
    expect(certificateFolders(undefined)).toHaveLength(2);
  });

  it('hold authorities and a client certificate for one host and port', () => {
    put({ 'r.io:5000/a.crt': ca, 'r.io:5000/b.crt': ca, 'r.io:5000/c.cert': cert, 'r.io:5000/c.key': key });
    const whole = { authorities: [ca, ca], clientPair: { cert, key } };
    expect(trustInFolders([root], 'r.io:5000')).toEqual(whole);
    expect(trustInFolders([join(root, 'none'), root], 'r.io:5000')).toEqual(whole);
    expect(trustInFolders([root], 'r.io')).toEqual({ authorities: [] });
  });

  it('are added up', () => {
    put({ 'one/r.io/a.crt': ca, 'two/r.io/a.crt': ca, 'two/r.io/c.cert': cert, 'two/r.io/c.key': key });
    const folders = ['one', 'two'].map((name) => join(root, name));
    expect(trustInFolders(folders, 'r.io')).toEqual({ authorities: [ca, ca], clientPair: { cert, key } });
  });

  it.each([
    ['client.cert', { 'client.cert': cert }, 'client.key is missing beside it'],
    ['client.key', { 'client.key': key }, 'client.cert is missing beside it'],
    ['client.cert', { 'client.cert': cert, 'client.key': otherKey }, 'its private key does not belong'],
    ['ca.crt', { 'ca.crt': 'nothing' }, 'it holds no certificate'],
    ['ca.crt', { 'ca.crt': `${ca}${key}` }, 'it holds a private key'],
  ])('name %s when it cannot be used: %j', (name, files, wrong) => {
    put(Object.fromEntries(Object.entries(files).map(([file, text]) => [`r.io/${file}`, text])));
    expect(() => trustInFolders([root], 'r.io')).toThrow(
      expect.objectContaining({
        exitCode: 2,
        message: expect.stringContaining(`${join(root, 'r.io', name)} cannot be used: ${wrong}`),
      }),
    );
  });
});
