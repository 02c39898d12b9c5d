// The settings of signing: where the key comes from, what is said of one that is no good, and the options of cosign.
import { generateKeyPairSync } from 'node:crypto';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { goodStep, readStep, temporaryFolder, workspace } from './step.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const publicPem = publicKey.export({ format: 'pem', type: 'spki' }).toString();
const encrypted = privateKey
  .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'pass' })
  .toString();
const quietly = { cosign_params: '--tlog-upload=false' };

describe('the key', () => {
  it('is the text of the setting', () => {
    const { signing, warnings } = goodStep({ cosign_private_key: pem, cosign_password: 'pass', ...quietly });
    expect(signing).toEqual({
      key: { pem, password: 'pass' },
      annotations: new Map(),
      recursive: false,
      required: true,
    });
    expect(warnings).toEqual([]);
  });

  it.each([
    ['\\n for line ends', pem.replaceAll('\n', '\\n')],
    ['line ends of Windows', pem.replaceAll('\n', '\r\n')],
    ['no last line end', pem.trimEnd()],
    ['blanks around', `\n  ${pem}  `],
    [
      'the parameters of its curve before it',
      `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${pem}`,
    ],
    ['a certificate behind it', `${pem}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`],
  ])('is found with %s', (_, text) => {
    expect(goodStep({ cosign_private_key: text }).signing?.key.pem).toBe(pem);
  });

  it('is read from a file of the workspace', () => {
    const folder = workspace({ 'keys/cosign.key': pem });
    const { settings, redacted } = readStep({ cosign_private_key: 'keys/cosign.key' }, folder);
    expect(settings?.signing?.key.pem).toBe(pem);
    expect(redacted).toContain(pem);
    expect(redacted).not.toContain('keys/cosign.key');
  });

  it('is masked with its password in every output', () => {
    const { redacted } = readStep({ cosign_private_key: pem, cosign_password: 'the password' });
    expect(redacted).toEqual(expect.arrayContaining([pem, 'the password']));
  });

  const rule = 'must be a private key as PEM text, or the path of one (ECDSA, RSA, Ed25519 or made by cosign)';
  const block = (label: string): string => `-----BEGIN ${label}-----\nc2VjcmV0dGV4dA==\n-----END ${label}-----\n`;

  it.each([
    ['awskms:///alias/release', 'keys in a key service (KMS, Vault, Kubernetes, PKCS #11) are not supported'],
    ['gcpkms://projects/p/locations/l', 'keys in a key service (KMS, Vault, Kubernetes, PKCS #11) are not supported'],
    ['azurekms://vault/key', 'keys in a key service (KMS, Vault, Kubernetes, PKCS #11) are not supported'],
    ['hashivault://release', 'keys in a key service (KMS, Vault, Kubernetes, PKCS #11) are not supported'],
    ['k8s://namespace/secret', 'keys in a key service (KMS, Vault, Kubernetes, PKCS #11) are not supported'],
    ['pkcs11:token=x', 'keys in a key service (KMS, Vault, Kubernetes, PKCS #11) are not supported'],
    ['env://COSIGN_KEY', 'keys in a key service (KMS, Vault, Kubernetes, PKCS #11) are not supported'],
    [publicPem, 'it is a public key'],
    [block('CERTIFICATE'), 'it holds no private key'],
    [block('OPENSSH PRIVATE KEY'), 'it is a key of OpenSSH'],
    [block('DSA PRIVATE KEY'), 'it is of a kind that cannot sign images'],
    [pem.slice(0, -20), 'it is cut off or damaged'],
    ['-----BEGIN', 'it holds no PEM text'],
    ['MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg', 'it is no PEM text, and there is no file of that name'],
    ['.', 'its file cannot be read, or may not'],
    ['/proc/self/environ', 'its file cannot be read, or may not'],
    ['empty.key', 'it holds no PEM text'],
  ])('%j is refused without a word of its text', (text, wrong) => {
    const { problems } = readStep({ cosign_private_key: text }, workspace({ 'empty.key': '' }));
    expect(problems).toEqual([`settings.cosign_private_key: ${wrong}; ${rule}`]);
  });

  it('does not come through a link that leads out of the workspace', () => {
    const folder = workspace();
    symlinkSync(join(temporaryFolder({ 'other.key': pem }), 'other.key'), join(folder, 'release.key'));
    expect(readStep({ cosign_private_key: 'release.key' }, folder).problems).toHaveLength(1);
    const followed = { cosign_private_key: 'release.key', follow_outside_links: 'true' };
    expect(readStep(followed, folder).problems).toEqual([]);
  });

  it.each([
    ['PKCS #8', encrypted],
    [
      'older',
      '-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----\n',
    ],
  ])('that is encrypted (%s) needs its password', (_, text) => {
    expect(readStep({ cosign_private_key: text }).problems).toEqual([
      'settings.cosign_password: it is missing, while cosign_private_key is encrypted; must be the password of the key',
    ]);
    expect(readStep({ cosign_private_key: text, cosign_password: 'pass' }).problems).toEqual([]);
  });
});

describe('cosign_params', () => {
  const read = (cosign_params: string) => readStep({ cosign_private_key: pem, cosign_params });
  const optionsRule =
    'must hold nothing but -a/--annotations key=value, -r/--recursive, --tlog-upload=false and -y/--yes; the key is cosign_private_key';

  it.each<[string, Readonly<Record<string, string>>, boolean]>([
    ['--tlog-upload=false', {}, false],
    ['-a a=1 --annotations b=2 --annotations=c=3 -ad=4 -a=e=5', { a: '1', b: '2', c: '3', d: '4', e: '5' }, false],
    ['-a a=1,b=2', { a: '1', b: '2' }, false],
    ['-a a=1 -a a=2', { a: '2' }, false],
    ['-a "note=two words" -a \'quote="\' -a empty=', { note: 'two words', quote: '"', empty: '' }, false],
    ['-a "note"=x', { note: 'x' }, false],
    ['-a -dash=x', { '-dash': 'x' }, false],
    ['--recursive', {}, true],
    ['-r -y', {}, true],
    ['-yr', {}, true],
    ['--recursive=true --yes=false', {}, true],
    ['--recursive=false', {}, false],
    ['  -y\n\t--tlog-upload=0 ', {}, false],
  ])('%j', (text, annotations, recursive) => {
    const { settings, problems } = read(text);
    expect(problems).toEqual([]);
    expect(settings?.signing).toMatchObject({ annotations: new Map(Object.entries(annotations)), recursive });
  });

  it.each([
    ['--key k8s://x', '--key is not supported'],
    ['--key=cosign.key', '--key is not supported'],
    ['--oidc-issuer https://issuer', '--oidc-issuer is not supported'],
    ['--identity-token=t0ken-text', '--identity-token is not supported'],
    ['--identity-token t0ken-text --yes', '--identity-token is not supported'],
    ['--rekor-url https://rekor', '--rekor-url is not supported'],
    ['-f', '-f is not supported'],
    ['--upload=false', '--upload is not supported'],
    ['-a', 'word 1: an annotation is not written key=value'],
    ['-a novalue', 'word 1: an annotation is not written key=value'],
    ['-y -a =x', 'word 2: an annotation is not written key=value'],
    ['-a a=b=c', 'word 1: an annotation is not written key=value'],
    ['-a a=1,b', 'word 1: an annotation is not written key=value'],
    ['--tlog-upload false', 'word 2 is no option'],
    ['--recursive=maybe', '--recursive is neither true nor false'],
    ['-y ; rm', 'word 2 is no option'],
    ['-a "a=b', 'a quote is not closed'],
  ])('%j is refused', (text, wrong) => {
    const { problems } = read(text);
    expect(problems[0]).toBe(`settings.cosign_params: ${wrong}; ${optionsRule}`);
    expect(problems.join()).not.toContain('t0ken');
  });

  it('warns that there is no transparency log, unless it says that this is known', () => {
    const warnings = (more: Readonly<Record<string, string>>) =>
      readStep({ cosign_private_key: pem, ...more }).warnings;
    const warning = expect.stringMatching(
      /^settings\.cosign_params: .*transparency log.*--insecure-ignore-tlog/,
    ) as string;
    expect(warnings({})).toEqual([warning]);
    expect(warnings({ cosign_params: '-a a=1 --tlog-upload' })).toEqual([warning]);
    expect(warnings(quietly)).toEqual([]);
    expect(warnings({ dry_run: 'true' })).toEqual([]);
  });
});

it('the other settings of signing do nothing without a key, and are said to', () => {
  const { settings, warnings } = readStep({ cosign_password: 'pass', cosign_params: '-r', cosign_required: 'false' });
  expect(settings?.signing).toBeUndefined();
  expect(warnings).toEqual(
    ['cosign_password', 'cosign_params', 'cosign_required'].map(
      (name) => `settings.${name}: does nothing without cosign_private_key`,
    ),
  );
});
