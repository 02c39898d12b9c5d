import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, verify } from 'node:crypto';
import * as fs from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PluginError } from '../../../../src/base/plugin-error.ts';
import { parseAgentKey, sshCapability } from '../../../../src/buildkit/session/ssh.ts';
import type { MethodHandler } from '../../../../src/buildkit/session/capability.ts';
import { decodeBytesMessage, encodeBytesMessage } from '../../../../src/buildkit/fsutil/wire.ts';
import { TestCall } from '../fsutil/receiving-daemon.ts';

const run = promisify(execFile);

function handlerOf(capability: ReturnType<typeof sshCapability>, name: string): MethodHandler {
  const handler = capability.methods.get(`/moby.sshforward.v1.SSH/${name}`);
  if (handler === undefined) throw new Error(`${name} is not served`);
  return handler;
}

function pem(type: 'ed25519' | 'rsa' | 'ec', format: 'pkcs8' | 'pkcs1' | 'sec1' = 'pkcs8'): string {
  const { privateKey } =
    type === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : type === 'rsa'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return privateKey.export({ type: format, format: 'pem' }).toString();
}

const ed25519Text = pem('ed25519');

/** Sends agent bytes through ForwardAgent and collects what comes back. */
async function talk(chunks: readonly Uint8Array[], text = ed25519Text, id = ''): Promise<Buffer> {
  const capability = sshCapability(new Map([['default', [await parseAgentKey(text)]]]));
  const call = new TestCall(id === '' ? {} : { 'buildkit.ssh.id': [id] });
  const answers: Buffer[] = [];
  call.onMessage = (message) => answers.push(decodeBytesMessage(message));
  for (const chunk of chunks) call.give(encodeBytesMessage(chunk));
  call.end();
  await handlerOf(capability, 'ForwardAgent')(call);
  return Buffer.concat(answers);
}

function frame(...parts: readonly (string | number | Buffer)[]): Buffer {
  const body = Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'number') return Buffer.from([part]);
      const bytes = Buffer.from(part);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return Buffer.concat([length, bytes]);
    }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

const failure = Buffer.from([0, 0, 0, 1, 5]);

describe('the agent', () => {
  it('lists its one key and signs with it', async () => {
    const key = createPrivateKey(ed25519Text);
    const { x = '' } = key.export({ format: 'jwk' });
    const blob = frame('ssh-ed25519', Buffer.from(x, 'base64url')).subarray(4);
    expect(await talk([frame(11)])).toEqual(frame(12, 0, 0, 0, 1, blob, 'default'));
    const signed = await talk([frame(13, blob, 'data to sign', 0, 0, 0, 0)]);
    const signature = signed.subarray(-64);
    expect(signed).toEqual(frame(14, frame('ssh-ed25519', signature).subarray(4)));
    expect(verify(null, Buffer.from('data to sign'), key, signature)).toBe(true);
  });

  it.each([
    [0, 'ssh-rsa', 'sha1'],
    [2, 'rsa-sha2-256', 'sha256'],
    [4, 'rsa-sha2-512', 'sha512'],
  ])('signs with an RSA key as flag %i demands', async (flags, name, hash) => {
    const text = pem('rsa', 'pkcs1');
    const listed = await talk([frame(11)], text);
    const blob = listed.subarray(13, 13 + listed.readUInt32BE(9));
    const signed = await talk([frame(13, blob, 'data', 0, 0, 0, flags)], text);
    const signature = signed.subarray(-256);
    expect(signed).toEqual(frame(14, frame(name, signature).subarray(4)));
    expect(verify(hash, Buffer.from('data'), createPrivateKey(text), signature)).toBe(true);
  });

  it('writes the numbers of an ECDSA signature as short as they are', async () => {
    const key = await parseAgentKey(pem('ec'));
    const lengths = new Set<number>();
    // One signature in 512 has a number of 31 bytes or less: 20,000 without one do not happen.
    for (let tries = 0; tries < 20_000 && !(lengths.has(33) && lengths.has(31)); tries += 1) {
      const blob = key.sign(Buffer.from('data'), 0);
      // After the name and two lengths: r, then s. Each is 33 bytes at most, and only when the first of them is a zero.
      const numbers = blob.subarray(4 + blob.readUInt32BE(0) + 4);
      const r = numbers.subarray(4, 4 + numbers.readUInt32BE(0));
      const isShortest = r[0] !== 0 || (r[1] ?? 0) >= 0x80;
      expect(isShortest && (r[0] ?? 0x80) < 0x80).toBe(true);
      lengths.add(r.length);
    }
    expect(Math.max(...lengths)).toBe(33);
    expect(lengths).toContain(31);
  });

  const otherBlob = frame('ssh-ed25519', Buffer.alloc(32, 7)).subarray(4);
  it.each([
    ['to sign with another key', frame(13, otherBlob, 'data', 0, 0, 0, 0)],
    ['to sign without all parts', frame(13, otherBlob)],
    ['to add a key', frame(17, 'ssh-ed25519', 'x', 'y', 'z')],
    ['to remove all keys', frame(19)],
    ['to lock', frame(22, 'password')],
    ['an extension', frame(27, 'session-bind@openssh.com')],
    ['a list with something behind it', frame(11, 0)],
    ['what nobody knows', frame(200)],
  ])('refuses %s and goes on', async (_, request) => {
    const answers = await talk([request, frame(11)]);
    expect(answers.subarray(0, 5)).toEqual(failure);
    expect(answers[9]).toBe(12);
  });

  it('understands requests wherever the stream is cut', async () => {
    const requests = Buffer.concat([frame(11), frame(19), frame(13, otherBlob, 'data', 0, 0, 0, 0), frame(11)]);
    const whole = await talk([requests]);
    const cuts = fc.array(fc.integer({ min: 0, max: requests.length }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(cuts, async (at) => {
        const edges = [0, ...at.toSorted((a, b) => a - b), requests.length];
        const chunks = edges.slice(1).map((end, index) => requests.subarray(edges[index], end));
        expect(await talk(chunks)).toEqual(whole);
      }),
      { numRuns: 60 },
    );
  });

  it('is not impressed by any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
        const body = Buffer.concat([Buffer.from([0, 0, 0, bytes.length + 1, 13]), bytes]);
        expect(await talk([body])).toEqual(failure);
      }),
      { numRuns: 100 },
    );
  });

  it.each([0, 256 * 1024 + 1, 0xffffffff])('ends a connection that announces %i bytes', async (length) => {
    const prefix = Buffer.alloc(4);
    prefix.writeUInt32BE(length);
    await expect(talk([prefix])).rejects.toMatchObject({ grpcCode: 3 });
  });

  it('takes a request of the greatest size in single bytes without slowing down', async () => {
    const request = frame(13, otherBlob, Buffer.alloc(60_000), 0, 0, 0, 0);
    expect(await talk(Array.from(request, (byte) => Buffer.from([byte])))).toEqual(failure);
  });

  it('serves the ids that were given and no other', async () => {
    const capability = sshCapability(new Map([['default', [await parseAgentKey(ed25519Text)]]]));
    const check = async (id: string): Promise<number> => {
      const call = new TestCall();
      let answers = 0;
      call.onMessage = (message) => (answers += message.length === 0 ? 1 : 100);
      call.give(encodeBytesMessage(Buffer.from(id)));
      call.end();
      await handlerOf(capability, 'CheckAgent')(call);
      return answers;
    };
    expect(await check('')).toBe(1);
    expect(await check('default')).toBe(1);
    await expect(check('other')).rejects.toMatchObject({
      grpcCode: 5,
      message: 'no SSH key with the id "other" was given to this build',
    });
    await expect(talk([], ed25519Text, 'other')).rejects.toMatchObject({ grpcCode: 5 });
  });
});

describe('reading a key', () => {
  const lines = ed25519Text.trim().split('\n');
  it.each([
    ['as it is', ed25519Text],
    ['without its last line end', ed25519Text.trimEnd()],
    ['with white space round it', `\n\n  ${ed25519Text}\n\n`],
    ['with CRLF', ed25519Text.replaceAll('\n', '\r\n')],
    [String.raw`with \n for line ends`, ed25519Text.replaceAll('\n', String.raw`\n`)],
    [String.raw`with \r\n for line ends`, ed25519Text.replaceAll('\n', String.raw`\r\n`)],
    ['with spaces for line ends', lines.join(' ')],
    ['with indented lines', lines.join('\n    ')],
    ['with a text before it', `deploy key:\n${ed25519Text}`],
  ])('works %s', async (_, text) => {
    const { publicBlob } = await parseAgentKey(text);
    expect(publicBlob).toEqual((await parseAgentKey(ed25519Text)).publicBlob);
  });

  it('reads PKCS#1, SEC1 and PKCS#8', async () => {
    for (const text of [pem('rsa', 'pkcs1'), pem('ec', 'sec1'), pem('rsa'), pem('ec')]) {
      expect((await parseAgentKey(text)).publicBlob.length).toBeGreaterThan(50);
    }
  });

  const secret = 'MC4CAQAwBQYDK2VwBCIEIJustSomethingThatLooksLikeAKey';
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const encrypted = { type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' } as const;
  it.each([
    ['nothing', '', 'it is no private key in OpenSSH or PEM format'],
    ['another text', `hello ${secret}`, 'it is no private key in OpenSSH or PEM format'],
    ['a certificate', `-----BEGIN CERTIFICATE-----\n${secret}\n-----END CERTIFICATE-----`, 'it is no private key'],
    ['a key that is cut off', ed25519Text.slice(0, 90), 'its end is missing'],
    ['a damaged key', ed25519Text.replace(/\n.{8}/, '\nAAAAAAAA'), 'it is damaged'],
    [
      'a damaged OpenSSH key',
      `-----BEGIN OPENSSH PRIVATE KEY-----\n${Buffer.from('openssh-key-v1\0\0\0\0\x04none rubbish').toString('base64')}\n-----END OPENSSH PRIVATE KEY-----`,
      'it is damaged, or no',
    ],
    ['a public key', `ssh-ed25519 AAAA${secret} me@example.com`, 'it is a public key'],
    ['a public PEM key', rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString(), 'it is a public key'],
    ['a key with a passphrase', rsa.privateKey.export(encrypted).toString(), 'it is protected by a passphrase'],
    [
      'an old key with a passphrase',
      rsa.privateKey.export({ ...encrypted, type: 'pkcs1' }).toString(),
      'it is protected by a passphrase',
    ],
    ['a PuTTY key', `PuTTY-User-Key-File-3: ssh-ed25519\n${secret}`, 'it is in PuTTY format'],
    [
      'a curve that SSH does not know',
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
        .privateKey.export({ type: 'pkcs8', format: 'pem' })
        .toString(),
      'it is no RSA, ECDSA',
    ],
    [
      'a key for other things',
      generateKeyPairSync('x25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      'it is no RSA, ECDSA',
    ],
  ])('refuses %s, saying so without showing it', async (_, text, problem) => {
    const error: unknown = await parseAgentKey(text).catch((caught: unknown) => caught);
    if (!(error instanceof PluginError)) throw new Error('accepted, or refused in another way');
    expect(error.exitCode).toBe(2);
    expect(error.message).toContain(`The SSH key cannot be used: ${problem}`);
    const shown = `${error.message} ${error.hint ?? ''} ${String(error.cause)}`;
    for (const word of text.split(/\s+/).filter((each) => each.length > 20)) expect(shown).not.toContain(word);
  });
});

const sshAdd = 'ssh-add';
const hasOpenSsh = spawnSync(sshAdd, ['-V']).error === undefined && spawnSync('ssh-keygen', ['-V']).error === undefined;
if (!hasOpenSsh) console.log('ssh-add or ssh-keygen is not installed: the agent is not tried with OpenSSH');

describe.skipIf(!hasOpenSsh)('the agent and OpenSSH', () => {
  let folder = '';
  let server: Server | undefined;

  beforeEach(() => {
    folder = fs.mkdtempSync(join(tmpdir(), 'agent-'));
  });
  afterEach(async () => {
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
    server = undefined;
    fs.rmSync(folder, { recursive: true, force: true });
  });

  /** A socket for OpenSSH whose connections are ForwardAgent calls. */
  async function listen(keyText: string): Promise<string> {
    const capability = sshCapability(new Map([['default', [await parseAgentKey(keyText)]]]));
    const path = join(folder, 'agent.sock');
    server = createServer({ allowHalfOpen: true }, (socket) => {
      const call = new TestCall();
      call.onMessage = (message) => socket.write(decodeBytesMessage(message));
      socket.on('data', (bytes) => call.give(encodeBytesMessage(bytes)));
      socket.on('end', () => call.end());
      socket.on('error', () => call.cancel());
      handlerOf(
        capability,
        'ForwardAgent',
      )(call).then(
        () => socket.end(),
        () => socket.destroy(),
      );
    });
    await new Promise<void>((resolve) => server?.listen(path, resolve));
    return path;
  }

  it.each([
    ['ed25519', ['-t', 'ed25519']],
    ['rsa 2048', ['-t', 'rsa', '-b', '2048']],
    ['rsa 2048 in PEM', ['-t', 'rsa', '-b', '2048', '-m', 'PEM']],
    ['rsa 3072 in PKCS#8', ['-t', 'rsa', '-b', '3072', '-m', 'PKCS8']],
    ['ecdsa 256', ['-t', 'ecdsa', '-b', '256']],
    ['ecdsa 384', ['-t', 'ecdsa', '-b', '384']],
    ['ecdsa 521', ['-t', 'ecdsa', '-b', '521']],
    ['ecdsa 256 in PEM', ['-t', 'ecdsa', '-b', '256', '-m', 'PEM']],
  ])('list and sign with a key of ssh-keygen: %s', async (_, options) => {
    const keyFile = join(folder, 'key');
    execFileSync('ssh-keygen', [...options, '-q', '-N', '', '-C', 'me', '-f', keyFile]);
    const socket = await listen(fs.readFileSync(keyFile, 'utf8'));
    const publicKey = fs.readFileSync(`${keyFile}.pub`, 'utf8').trim();
    fs.rmSync(keyFile);
    const env = { ...process.env, SSH_AUTH_SOCK: socket };

    const { stdout } = await run(sshAdd, ['-L'], { env });
    expect(stdout.trim()).toBe(publicKey.replace(/ me$/, ' default'));
    await run(sshAdd, ['-T', `${keyFile}.pub`], { env });

    // A signature that OpenSSH asks the agent for, and checks on its own.
    const data = join(folder, 'data');
    fs.writeFileSync(data, 'signed content');
    fs.writeFileSync(join(folder, 'signers'), `me ${publicKey}\n`);
    // Several times: numbers of ECDSA signatures have leading zeros now and then.
    for (let round = 0; round < 6; round++) {
      await run('ssh-keygen', ['-Y', 'sign', '-f', `${keyFile}.pub`, '-n', 'file', data], { env });
      const verified = spawnSync(
        'ssh-keygen',
        ['-Y', 'verify', '-f', join(folder, 'signers'), '-I', 'me', '-n', 'file', '-s', `${data}.sig`],
        { input: 'signed content', encoding: 'utf8' },
      );
      expect([verified.status, verified.stderr]).toEqual([0, '']);
      fs.rmSync(`${data}.sig`);
    }
  });

  it('does not let ssh-add change anything', async () => {
    const keyFile = join(folder, 'key');
    execFileSync('ssh-keygen', ['-t', 'ed25519', '-q', '-N', '', '-f', keyFile]);
    const socket = await listen(fs.readFileSync(keyFile, 'utf8'));
    const env = { ...process.env, SSH_AUTH_SOCK: socket };
    await expect(run(sshAdd, ['-D'], { env })).rejects.toThrow('Failed to remove all identities');
    await expect(run(sshAdd, [keyFile], { env })).rejects.toThrow('Could not add identity');
    expect((await run(sshAdd, ['-l'], { env })).stdout).toContain('ED25519');
  });

  it('refuses a key with a passphrase, and the public half', async () => {
    const keyFile = join(folder, 'key');
    execFileSync('ssh-keygen', ['-t', 'ed25519', '-q', '-N', 'passphrase', '-f', keyFile]);
    await expect(parseAgentKey(fs.readFileSync(keyFile, 'utf8'))).rejects.toThrow('it is protected by a passphrase');
    await expect(parseAgentKey(fs.readFileSync(`${keyFile}.pub`, 'utf8'))).rejects.toThrow('it is a public key');
  });
});
