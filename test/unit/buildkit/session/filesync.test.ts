import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileSyncCapability, type LocalDirectory } from '../../../../src/buildkit/session/filesync.ts';
import { ReceivingDaemon, TestCall } from '../fsutil/receiving-daemon.ts';

const lines: string[] = [];
const log = {
  info: (line: string) => lines.push(line),
  warn: (line: string) => lines.push(line),
  debug: (line: string) => lines.push(line),
};

let root = '';

beforeEach(() => {
  lines.length = 0;
  root = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'filesync-')));
});
afterEach(() => {
  fs.rmSync(root, { recursive: true, force: true });
});

type Headers = Readonly<Record<string, readonly string[]>>;

async function fetch(
  directories: Readonly<Record<string, LocalDirectory>>,
  headers: Headers,
  daemon = new ReceivingDaemon(),
): Promise<ReceivingDaemon> {
  const capability = fileSyncCapability({ directories: new Map(Object.entries(directories)), log });
  expect([...capability.methods.keys()]).toEqual(['/moby.filesync.v1.FileSync/DiffCopy']);
  const call = new TestCall(headers);
  daemon.serve(call);
  await capability.methods.get('/moby.filesync.v1.FileSync/DiffCopy')?.(call);
  return daemon;
}

async function fetchPaths(headers: Headers): Promise<readonly string[]> {
  const { stats } = await fetch({ context: { root } }, { 'dir-name': ['context'], ...headers });
  return stats.map(({ path }) => Buffer.from(path, 'latin1').toString('utf8'));
}

function write(...paths: readonly string[]): void {
  for (const path of paths) {
    fs.mkdirSync(join(root, path, '..'), { recursive: true });
    fs.writeFileSync(join(root, path), path);
  }
}

/** Text as an HTTP header shows it when its UTF-8 bytes were sent. */
function raw(text: string): string {
  return Buffer.from(text).toString('latin1');
}

describe('serving local folders', () => {
  it('sends the folder that is asked for', async () => {
    write('a', 'd/b');
    const daemon = await fetch({ other: { root: tmpdir() }, context: { root } }, { 'dir-name': ['context'] });
    expect([...daemon.contents].map(([path, content]) => [path, content.toString()])).toEqual([
      ['a', 'a'],
      ['d/b', 'd/b'],
    ]);
    expect(lines).toEqual([
      expect.stringMatching(/^folder "context": 3 entries, 2 files asked for \(4 bytes\), \d+ bytes/),
    ]);
  });

  it.each([[['secret']], [[]], [['']], [['../context']]])('answers NOT_FOUND for the folder %j', async (names) => {
    await expect(fetch({ context: { root } }, { 'dir-name': names })).rejects.toMatchObject({ grpcCode: 5 });
  });

  it('applies excludes, includes and followed paths', async () => {
    write('a', 'b', 'd/c', 'real/x');
    fs.symlinkSync('real', join(root, 'link'));
    expect(await fetchPaths({ 'exclude-patterns': ['*', '!d', '!b'] })).toEqual(['b', 'd', 'd/c']);
    expect(await fetchPaths({ 'include-patterns': ['a'] })).toEqual(['a']);
    expect(await fetchPaths({ followpaths: ['link/x'] })).toEqual(['link', 'real', 'real/x']);
    expect(await fetchPaths({ followpaths: ['link/x'], 'exclude-patterns': ['real'] })).toEqual(['link']);
    expect(await fetchPaths({ followpaths: ['link'], 'include-patterns': ['a'] })).toEqual([
      'a',
      'link',
      'real',
      'real/x',
    ]);
    expect(await fetchPaths({ followpaths: ['.', 'a'], 'exclude-patterns': ['real'] })).toEqual([
      'a',
      'b',
      'd',
      'd/c',
      'link',
    ]);
    expect(await fetchPaths({ followpaths: ['/'], 'include-patterns': ['a'] })).toEqual(['a']);
    expect(await fetchPaths({ followpaths: ['none'] })).toEqual([]);
  });

  it('reads patterns that are sent as bare UTF-8', async () => {
    write('é/x', 'a+b', '100%', 'ü');
    expect(await fetchPaths({ 'exclude-patterns': [raw('é'), 'a+b', '100%'] })).toEqual(['ü']);
    expect(await fetchPaths({ followpaths: [raw('é/x')] })).toEqual(['é', 'é/x']);
  });

  it.each(['1', 'true', 'T'])('reads patterns that are escaped, when the daemon says so with "%s"', async (flag) => {
    write('é a', 'a+b', '100%', 'keep.log', 'b.log', 'ü');
    const patterns = ['%C3%A9+a', 'a%2Bb', '100%', '%2A.log', '%21keep.log'];
    expect(await fetchPaths({ 'exclude-patterns': patterns, 'exclude-patterns-encoded': [flag] })).toEqual([
      'keep.log',
      'ü',
    ]);
    // Each header has its own mark.
    expect(
      await fetchPaths({
        'exclude-patterns': ['100%'],
        'followpaths-encoded': [flag],
        followpaths: ['%C3%BC', '100%'],
      }),
    ).toEqual(['ü']);
  });

  it('takes an escaped mark for what it says', async () => {
    write('a+b');
    expect(await fetchPaths({ 'exclude-patterns': ['a+b'], 'exclude-patterns-encoded': ['false'] })).toEqual([]);
  });

  it('names a malformed pattern', async () => {
    await expect(fetchPaths({ 'exclude-patterns': ['ok', 'a[b'] })).rejects.toMatchObject({
      exitCode: 2,
      message: 'the ignore file of the folder "context": the pattern "a[b" has a [ without its ]',
    });
  });

  it('names the file that cannot be sent, to people and to the daemon', async () => {
    write('a', 'b');
    const daemon = new ReceivingDaemon();
    const call = new TestCall({ 'dir-name': ['context'] });
    daemon.serve(call);
    const passMessage = call.onMessage;
    call.onMessage = (message) => {
      fs.rmSync(join(root, 'b'), { force: true });
      passMessage(message);
    };
    const capability = fileSyncCapability({ directories: new Map([['context', { root }]]), log });
    const handler = capability.methods.get('/moby.filesync.v1.FileSync/DiffCopy');
    await expect(handler?.(call)).rejects.toMatchObject({
      exitCode: 1,
      message: 'sending the folder "context" to the daemon failed: "b": cannot be opened: it is gone',
      hint: 'let no other step or service write to it during the build, or list it in .dockerignore',
    });
    expect(daemon.error).toBe('"b": cannot be opened: it is gone');
  });

  it('serves files that exist in memory only, and asks for them again only when they changed', async () => {
    const serve = (text: string): Record<string, LocalDirectory> => ({
      dockerfile: { root: '/none', files: new Map([['Dockerfile', Buffer.from(text)]]) },
    });
    const headers = {
      'dir-name': ['dockerfile'],
      followpaths: ['Dockerfile', 'Dockerfile.dockerignore', 'dockerfile'],
    };
    const daemon = await fetch(serve('FROM a'), headers);
    expect(daemon.stats.map(({ path, mode }) => [path, mode])).toEqual([['Dockerfile', 0o644]]);
    expect(daemon.contents.get('Dockerfile')?.toString()).toBe('FROM a');
    expect((await fetch(serve('FROM a'), headers, daemon)).requested).toEqual([]);
    expect((await fetch(serve('FROM b'), headers, daemon)).requested).toEqual(['Dockerfile']);
    expect(daemon.contents.get('Dockerfile')?.toString()).toBe('FROM b');
  });

  it('serves the folder that a link stood for when the session began', async () => {
    write('one/f', 'two/g');
    fs.symlinkSync('one', join(root, 'current'));
    const capability = fileSyncCapability({
      directories: new Map([['context', { root: join(root, 'current') }]]),
      log,
    });
    fs.rmSync(join(root, 'current'));
    fs.symlinkSync('two', join(root, 'current'));
    const call = new TestCall({ 'dir-name': ['context'] });
    const daemon = new ReceivingDaemon();
    daemon.serve(call);
    await capability.methods.get('/moby.filesync.v1.FileSync/DiffCopy')?.(call);
    expect(daemon.stats.map(({ path }) => path)).toEqual(['f']);
  });

  it('says at once that a folder is missing', () => {
    expect(() => fileSyncCapability({ directories: new Map([['context', { root: join(root, 'no') }]]), log })).toThrow(
      expect.objectContaining({ exitCode: 2, message: `cannot open the folder ${root}/no: there is none` }),
    );
  });
});
