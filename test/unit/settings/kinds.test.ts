// What each kind of setting accepts and what it says otherwise.
import { describe, expect, it } from 'vitest';
import { certificates, clientCertificates, hostsOrBool } from '../../../src/settings/certificate-kinds.ts';
import { apiVersion, daemonAddress, proxyAddress } from '../../../src/settings/connection-kinds.ts';
import { oneTag, registryAddress, tagSuffix } from '../../../src/settings/destination-kinds.ts';
import { hostEntry, platform } from '../../../src/settings/build-kinds.ts';
import { bool, dockerBool, duration, epochSeconds, int, oneOf, secret, size } from '../../../src/settings/kinds.ts';
import { commaList, semicolonList, type Item } from '../../../src/settings/list-kinds.ts';
import { pairs, semicolonPairs, type PairRules } from '../../../src/settings/map-kinds.ts';
import { good, quote, type Kind, type ReadContext } from '../../../src/settings/reading.ts';
import { secretSpecs, sshPrivateKey } from '../../../src/settings/secret-kinds.ts';
import { readSpecs } from '../../../src/settings/spec-kinds.ts';

const context: ReadContext = {
  from: 'PLUGIN_X',
  secret: false,
  environment: { HOME: '/root', EMPTY: '' },
  redact: () => undefined,
};

/** The value, or the text of the first problem. */
function read<T>(kind: Kind<T>, text: string, more: Partial<ReadContext> = {}): unknown {
  const reading = kind.read(text, { ...context, ...more });
  const [problem] = reading.ok ? [] : reading.problems;
  return reading.ok ? reading.value : `${problem?.wrong}; ${problem?.right}`;
}

const words: Item<string> = { name: 'words', read: (text) => good(text) };
const args: PairRules = { name: 'arguments', key: /^[A-Z]+$/, keyRule: 'must be upper case', bare: 'environment' };

describe('a boolean', () => {
  it.each(['1', 't', 'TRUE', 'y', 'Yes', 'on', ' true '])('is true as %j', (text) =>
    expect(read(bool, text)).toBe(true),
  );
  it.each(['0', 'f', 'False', 'n', 'NO', 'off'])('is false as %j', (text) => expect(read(bool, text)).toBe(false));
  it.each(['2', 'tru', 'enabled', '-'])('is not %j', (text) => {
    expect(read(bool, text)).toBe(`"${text}" is not a boolean; must be true or false`);
  });
  it('is true for any text of DOCKER_TLS_VERIFY, but not of the setting', () => {
    expect(read(dockerBool, '0', { from: 'DOCKER_TLS_VERIFY' })).toBe(true);
    expect(read(dockerBool, '0', { from: 'PLUGIN_DOCKER_TLS_VERIFY' })).toBe(false);
    expect(read(dockerBool, '0', { from: '--docker-tls-verify' })).toBe(false);
  });
});

describe('a number', () => {
  it.each<[string, unknown]>([
    ['7', 7],
    ['0x10', 16],
    ['0o17', 15],
    ['0b11', 3],
    ['007', 7],
    [' 8 ', 8],
    ['1.5', '"1.5" is not an integer; must be an integer from 1 to 20'],
    ['1e1', '"1e1" is not an integer; must be an integer from 1 to 20'],
    ['1_0', '"1_0" is not an integer; must be an integer from 1 to 20'],
    ['21', '"21" is out of range; must be an integer from 1 to 20'],
    ['0', '"0" is out of range; must be an integer from 1 to 20'],
    ['9'.repeat(400), expect.stringContaining('out of range')],
  ])('%j', (text, expected) => expect(read(int({ min: 1, max: 20 }), text)).toEqual(expected));

  it('below the range may mean the default', () => {
    const kind = int({ min: 1, max: 600, below: 15 });
    expect([read(kind, '0'), read(kind, '-3'), read(kind, '1')]).toEqual([15, 15, 1]);
  });

  it.each<[string, unknown]>([
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['1.5m', 90_000],
    ['250ms', 250],
    ['5', expect.stringContaining('"5" needs a unit')],
    ['5 m', expect.stringContaining('is not a duration')],
    ['25h', expect.stringContaining('too long')],
  ])('of time: %j', (text, expected) => {
    expect(read(duration({ maxMs: 86_400_000, shown: '24h' }), text)).toEqual(expected);
  });

  it.each<[string, unknown]>([
    ['512', 512],
    ['64m', 67_108_864],
    ['2G', 2_147_483_648],
    ['1.5k', 1536],
    ['512kb', 524_288],
    ['512KiB', 524_288],
    ['big', expect.stringContaining('is not a size')],
    ['9e9g', expect.stringContaining('is not a size')],
  ])('of bytes: %j', (text, expected) => expect(read(size, text)).toEqual(expected));

  it('of seconds since 1970', () => {
    expect(read(epochSeconds, '1795000000')).toBe(1_795_000_000);
    expect(read(epochSeconds, '253402300800')).toMatch(/out of range/);
  });
});

describe('a word of a list', () => {
  it('is found in any case, and the words are listed otherwise', () => {
    expect(read(oneOf('fail', 'warn', 'off'), ' WARN ')).toBe('warn');
    expect(read(oneOf('fail', 'warn', 'off'), 'maybe')).toBe('"maybe" is not known here; must be fail, warn or off');
  });
});

describe('a secret', () => {
  it('keeps blanks, loses one line end, and is registered', () => {
    const redacted: string[] = [];
    const redact = (text: string) => void redacted.push(text);
    expect(read(secret, ' a b \r\n', { redact, secret: true })).toBe(' a b ');
    expect(read(secret, 'x\n\n', { redact, secret: true })).toBe('x\n');
    expect(redacted).toEqual([' a b ', 'x\n']);
    expect(read(secret, '\n', { redact, secret: true })).toMatch(/nothing but a line end/);
  });
});

describe('a list', () => {
  it.each<[string, unknown]>([
    ['a,b', ['a', 'b']],
    ['a\nb\n', ['a', 'b']],
    ['a\r\nb,c', ['a', 'b', 'c']],
    [String.raw`a\,b,c`, ['a,b', 'c']],
    [String.raw`C:\dir,x`, [String.raw`C:\dir`, 'x']],
    [' a , b ', ['a', 'b']],
    ['a,a', ['a']],
    ['["a,b",1.10,true]', ['a,b', '1.10', 'true']],
    ['["__proto__"]', ['__proto__']],
    ['[::1]:5000/x', ['[::1]:5000/x']],
    ['[fe80::1]/x,y', ['[fe80::1]/x', 'y']],
    ['[1,', 'is not JSON: the text ends too early at byte 3; must be JSON, or a list as text'],
    ['[a]', 'is not JSON: no value at byte 1; must be JSON, or a list as text'],
    ['{"a":1}', 'it is a JSON object; must be a list'],
    ['[["a"]]', 'item 1: it is a JSON array; must be text'],
    ['[{"from_secret":"a"}]', expect.stringContaining('from_secret')],
  ])('split at commas: %j', (text, expected) => expect(read(commaList(words), text)).toEqual(expected));

  it.each<[string, unknown]>([
    ['A=1,2;B=3', ['A=1,2', 'B=3']],
    ['a\nb;c', ['a', 'b', 'c']],
    ['["a;b"]', ['a;b']],
  ])('split at semicolons: %j', (text, expected) => expect(read(semicolonList(words), text)).toEqual(expected));

  it('says which items are empty', () => {
    const reading = commaList(words).read('a,,b,', context);
    expect(reading.warnings).toEqual(['item 2, 4: empty, dropped']);
  });
});

describe('a map', () => {
  it.each<[string, unknown]>([
    ['A=1,B=2', { A: '1', B: '2' }],
    ['A=1,2\nB=3', { A: '1,2', B: '3' }],
    ['A=1\n\n  B=2\n', { A: '1', B: '2' }],
    ['A=1,\nB=2,C=3\n, D=4', { A: '1', B: '2', C: '3', D: '4' }],
    ['A=1\nHOME\n', { A: '1', HOME: '/root' }],
    ['HOME,EMPTY', { HOME: '/root', EMPTY: '' }],
    [String.raw`A=1\,2,B=3`, { A: '1,2', B: '3' }],
    ['A=x=y', { A: 'x=y' }],
    ['A=', { A: '' }],
    ['{"A":"1,2","B":3,"C":true}', { A: '1,2', B: '3', C: 'true' }],
    ['["A=1,2","B=3"]', { A: '1,2', B: '3' }],
    ['{"A":null}', 'item 1: it is null; must be text'],
    ['"A=1"', 'item 1: its name is not allowed; must be upper case'],
  ])('%j', (text, expected) => {
    const value = read(pairs(args), text);
    expect(value instanceof Map ? Object.fromEntries(value) : value).toEqual(expected);
  });

  it('takes __proto__ for a name like any other', () => {
    const labels = { ...args, key: /./ };
    expect(read(pairs(labels), '{"__proto__":"x"}')).toEqual(new Map([['__proto__', 'x']]));
  });

  it('leaves commas alone where only semicolons separate', () => {
    expect(read(semicolonPairs(args), 'A=1,B=2;C=3')).toEqual(
      new Map([
        ['A', '1,B=2'],
        ['C', '3'],
      ]),
    );
  });
});

describe('a specification', () => {
  const shape = (text: string) => {
    const reading = readSpecs(text);
    if (!reading.ok) return reading.problems[0]?.wrong;
    return reading.value.map(({ bare, fields }) => bare ?? Object.fromEntries(fields));
  };

  it.each<[string, unknown]>([
    ['a/b:1,a/b:2', ['a/b:1', 'a/b:2']],
    ['type=registry,ref=a', [{ type: 'registry', ref: 'a' }]],
    [
      'type=registry,ref=a,type=registry,ref=b',
      [
        { type: 'registry', ref: 'a' },
        { type: 'registry', ref: 'b' },
      ],
    ],
    ['a/b:1,type=registry,ref=a', ['a/b:1', { type: 'registry', ref: 'a' }]],
    [
      'id=a,env=A,id=b,src=B',
      [
        { id: 'a', env: 'A' },
        { id: 'b', src: 'B' },
      ],
    ],
    [
      String.raw`id=a\,env=A,id=b\,src=B`,
      [
        { id: 'a', env: 'A' },
        { id: 'b', src: 'B' },
      ],
    ],
    [
      'id=a,env=A;id=b,src=B',
      [
        { id: 'a', env: 'A' },
        { id: 'b', src: 'B' },
      ],
    ],
    [
      'id=a,env=A\nid=b,src=B\n',
      [
        { id: 'a', env: 'A' },
        { id: 'b', src: 'B' },
      ],
    ],
    ['type=local,"dest=a,b"', [{ type: 'local', dest: 'a,b' }]],
    ['type=local,"dest=say ""hi"""', [{ type: 'local', dest: 'say "hi"' }]],
    [
      '["id=a,env=A",{"id":"b","src":"B,C"}]',
      [
        { id: 'a', env: 'A' },
        { id: 'b', src: 'B,C' },
      ],
    ],
    ['{"id":"b","src":"B"}', [{ id: 'b', src: 'B' }]],
    ['id=a,env=A,', [{ id: 'a', env: 'A' }]],
    ['["id=a,id=b"]', 'item 1: it has a key twice'],
    ['["id=a,b"]', 'item 1: it has a field without key='],
  ])('%j', (text, expected) => expect(shape(text)).toEqual(expected));
});

describe('build secrets', () => {
  it.each<[string, unknown]>([
    ['id=a,env=B', [{ id: 'a', origin: { kind: 'environment', variable: 'B' } }]],
    ['id=a,src=b/c', [{ id: 'a', origin: { kind: 'file', path: 'b/c' } }]],
    ['id=a,source=b', [{ id: 'a', origin: { kind: 'file', path: 'b' } }]],
    ['type=file,id=a', [{ id: 'a', origin: { kind: 'file', path: 'a' } }]],
    ['type=env,id=a', [{ id: 'a', origin: { kind: 'environment', variable: 'a' } }]],
    ['type=env,id=a,src=B', [{ id: 'a', origin: { kind: 'environment', variable: 'B' } }]],
    ['id=NAME', [{ id: 'NAME', origin: { kind: 'either', name: 'NAME' } }]],
    ['{"a":"v,1"}', [{ id: 'a', origin: { kind: 'inline', value: 'v,1' } }]],
  ])('%j', (text, expected) => expect(read(secretSpecs, text)).toEqual(expected));
});

describe('an SSH key', () => {
  const pem = (type: string, body: string) => `-----BEGIN ${type}-----\n${body}\n-----END ${type}-----\n`;
  const openssh = (cipher: string) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(cipher.length);
    return Buffer.concat([Buffer.from('openssh-key-v1\0'), length, Buffer.from(cipher)]).toString('base64');
  };
  const plain = pem('OPENSSH PRIVATE KEY', openssh('none'));

  it('is taken as it is, and repaired when line ends were lost', () => {
    expect(read(sshPrivateKey, plain)).toBe(plain);
    expect(read(sshPrivateKey, plain.trimEnd())).toBe(plain);
    expect(read(sshPrivateKey, plain.replaceAll('\n', '\\n'))).toBe(plain);
    expect(read(sshPrivateKey, plain.replaceAll('\n', '\r\n'))).toBe(plain);
    expect(read(sshPrivateKey, pem('RSA PRIVATE KEY', 'AAAA'))).toContain('RSA');
    expect(read(sshPrivateKey, pem('PRIVATE KEY', 'AAAA'))).toContain('BEGIN PRIVATE');
  });

  it.each([
    ['with a passphrase (OpenSSH)', pem('OPENSSH PRIVATE KEY', openssh('aes256-ctr')), /passphrase/],
    ['with a passphrase (PEM)', pem('RSA PRIVATE KEY', 'Proc-Type: 4,ENCRYPTED\nDEK-Info: x\n\nAAAA'), /passphrase/],
    ['that is public', pem('PUBLIC KEY', 'AAAA'), /public key/],
    ['of PuTTY', 'PuTTY-User-Key-File-3: ssh-ed25519\n', /PuTTY/],
    ['without its end', '-----BEGIN RSA PRIVATE KEY-----\nAAAA\n', /cut off/],
  ])('%s is refused', (_, text, expected) => expect(read(sshPrivateKey, text)).toMatch(expected));
});

describe('names and addresses', () => {
  it.each<[string, unknown]>([
    ['https://index.docker.io/v1/', { host: 'docker.io', path: '', plainHttp: false }],
    ['docker.io', { host: 'docker.io', path: '', plainHttp: false }],
    ['registry-1.docker.io', { host: 'docker.io', path: '', plainHttp: false }],
    ['http://R.example:5000/', { host: 'r.example:5000', path: '', plainHttp: true }],
    ['http://index.docker.io/v1/', { host: 'docker.io', path: '', plainHttp: false }],
    ['gcr.io/project/', { host: 'gcr.io', path: 'project', plainHttp: false }],
    ['[::1]:5000', { host: '[::1]:5000', path: '', plainHttp: false }],
    ['-x', '"-x" is not a host; must be host or host:port'],
  ])('registry %j', (text, expected) =>
    expect(read(registryAddress, text)).toEqual(
      typeof expected === 'object' ? { ...expected, written: text } : expected,
    ),
  );

  it.each<[string, unknown]>([
    ['unix:///var/run/docker.sock', 'unix:///var/run/docker.sock'],
    ['tcp://docker:2375', 'tcp://docker:2375'],
    ['https://[::1]:2376', 'https://[::1]:2376'],
    ['tcp://user:hunter22@docker:2375', 'it holds a login; must be the address alone'],
    ['npipe:////./pipe', expect.stringContaining('not an address')],
  ])('daemon %j', (text, expected) => expect(read(daemonAddress, text)).toEqual(expected));

  it.each<[string, unknown]>([
    ['1.41', '1.41'],
    ['v1.41', '1.41'],
    ['1', expect.stringContaining('must be written 1.41')],
  ])('API version %j', (text, expected) => expect(read(apiVersion, text)).toEqual(expected));

  it.each<[string, unknown]>([
    ['linux/amd64', 'linux/amd64'],
    ['Linux/x86_64', 'linux/amd64'],
    ['linux/arm/v7', 'linux/arm/v7'],
    ['linux/arm64/v8', 'linux/arm64/v8'],
    ['windows/amd64', 'windows/amd64'],
  ])('platform %j', (text, expected) => {
    expect(platform.read(text, context)).toMatchObject({ ok: true, value: expected });
  });

  it.each<[string, unknown]>([
    ['db:10.0.0.2', { host: 'db', address: '10.0.0.2' }],
    ['db=10.0.0.2', { host: 'db', address: '10.0.0.2' }],
    ['db:[fd00::1]', { host: 'db', address: 'fd00::1' }],
    ['db:fd00::1', { host: 'db', address: 'fd00::1' }],
    ['host.docker.internal:host-gateway', { host: 'host.docker.internal', address: 'host-gateway' }],
  ])('host entry %j', (text, expected) => {
    expect(hostEntry.read(text, context)).toMatchObject({ ok: true, value: expected });
  });

  it('a tag may begin with "_", a suffix with "-"', () => {
    expect(read(oneTag, '_x')).toBe('_x');
    expect(read(tagSuffix, '-x')).toBe('-x');
  });

  it('the login of a proxy is registered, whole and decoded', () => {
    const redacted: string[] = [];
    read(proxyAddress, 'http://me:p%40ss@proxy:3128', { redact: (text) => void redacted.push(text) });
    expect(redacted).toEqual(['me:p%40ss', 'p@ss']);
  });

  it('certificates are PEM text or paths, with or without a host in front', () => {
    expect(read(certificates, 'a.pem, Reg.example:5000=/b.pem')).toEqual({
      kind: 'files',
      files: [{ path: 'a.pem' }, { host: 'reg.example:5000', path: '/b.pem' }],
    });
    expect(read(certificates, 'reg.example=')).toMatch(/no path stands after "="/);
    expect(read(certificates, 'reg_example=a.pem')).toMatch(/is not a host/);
    expect(read(certificates, ' , ')).toMatch(/names nothing/);
    expect(read(certificates, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----')).toMatch(
      /certificate 1 in it is damaged/,
    );
    expect(read(certificates, '-----BEGIN PRIVATE KEY-----')).toMatch(/holds a private key/);
  });

  it.each<readonly [string, readonly object[]]>([
    ['reg.example=c.pem,k.pem', [{ host: 'reg.example', cert: 'c.pem', key: 'k.pem' }]],
    ['c.pem, k.pem', [{ cert: 'c.pem', key: 'k.pem' }]],
    ['both.pem', [{ cert: 'both.pem', key: 'both.pem' }]],
    [
      'a.io=a.pem,b.io:5000=/c.pem,/k.pem\nd.pem,e.pem',
      [
        { host: 'a.io', cert: 'a.pem', key: 'a.pem' },
        { host: 'b.io:5000', cert: '/c.pem', key: '/k.pem' },
        { cert: 'd.pem', key: 'e.pem' },
      ],
    ],
  ])('client certificates %j', (text, files) => {
    expect(read(clientCertificates, text)).toEqual({ kind: 'files', files });
  });

  it.each([
    [',', 'names nothing'],
    ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', 'certificate 1 in it is damaged'],
    ['-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----', 'it holds no certificate'],
  ])('client certificates %j are none', (text, wrong) => {
    expect(read(clientCertificates, text)).toContain(wrong);
  });

  it.each<readonly [string, unknown]>([
    ['true', true],
    ['0', false],
    ['reg.example,https://b.io:5000', ['reg.example', 'b.io:5000']],
    ['perhaps!', expect.stringContaining('"perhaps!" is not a host')],
  ])('hosts or a boolean: %j', (text, expected) => {
    expect(read(hostsOrBool, text)).toEqual(expected);
  });
});

describe('what is shown of a value', () => {
  it('is nothing when the setting is secret', () => {
    const kinds: readonly Kind<unknown>[] = [
      bool,
      size,
      oneOf('a'),
      oneTag,
      tagSuffix,
      apiVersion,
      daemonAddress,
      registryAddress,
    ];
    const said = kinds.map((kind) => read(kind, 'hunter 22', { secret: true }));
    expect(said.filter((text) => typeof text !== 'string' || text.includes('hunter'))).toEqual([]);
  });

  it.each([
    ['a\u001b[31m\n', String.raw`"a\u001b[31m\n"`],
    ['x\u202ey', String.raw`"x\u202ey"`],
    ['https://me:hunter22@host/x', '"https://***@host/x"'],
    ['https://me:hun/ter@22@host/x', '"https://***@host/x"'],
    ['me:hunter22@host/x', '"***@host/x"'],
    ['a:1@sha256:abc', '"a:1@sha256:abc"'],
    ['a'.repeat(70), `"${'a'.repeat(60)}…"`],
  ])('%j is shown as %s', (text, shown) => expect(quote(text)).toBe(shown));
});
