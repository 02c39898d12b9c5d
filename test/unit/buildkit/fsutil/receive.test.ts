// Our receiver against a sender that is ours too (send.ts, whose bytes real daemons take), and against hostile packets.
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskTree } from '../../../../src/buildkit/fsutil/disk-tree.ts';
import { PathFilter } from '../../../../src/buildkit/fsutil/filter.ts';
import { FolderWriter } from '../../../../src/buildkit/fsutil/folder-writer.ts';
import { receiveTree } from '../../../../src/buildkit/fsutil/receive.ts';
import { sendTree } from '../../../../src/buildkit/fsutil/send.ts';
import type { ServerCall } from '../../../../src/buildkit/session/capability.ts';
import { MessageReassembler } from '../../../../src/buildkit/grpc.ts';

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'receive-')));
  mkdirSync(join(folder, 'from'));
  mkdirSync(join(folder, 'to'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** One direction: what is sent here arrives there. */
class Wire {
  readonly #queue: (Buffer | undefined)[] = [];
  readonly #reassembler = new MessageReassembler();
  #wake: () => void = () => {};

  push(frames: Uint8Array | undefined): void {
    if (frames === undefined) this.#queue.push(undefined);
    else for (const message of this.#reassembler.push(Buffer.from(frames))) this.#queue.push(message);
    this.#wake();
  }

  async *messages(): AsyncGenerator<Buffer> {
    for (;;) {
      while (this.#queue.length > 0) {
        const next = this.#queue.shift();
        if (next === undefined) return;
        yield next;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

function callOver(incoming: Wire, outgoing: Wire): ServerCall {
  return {
    method: '',
    headerValues: () => [],
    messages: incoming.messages(),
    send: () => Promise.reject(new Error('not expected')),
    sendFramed: (frames) => {
      outgoing.push(frames);
      return Promise.resolve();
    },
    signal: new AbortController().signal,
  };
}

async function transfer(writer: FolderWriter): Promise<void> {
  const [there, back] = [new Wire(), new Wire()];
  const tree = new DiskTree(join(folder, 'from'));
  await Promise.all([
    sendTree(tree, new PathFilter({ includes: [], excludes: [] }), callOver(back, there)),
    receiveTree(writer, callOver(there, back)),
  ]);
  await writer.finish();
}

describe('a tree that the daemon sends', () => {
  it('arrives with contents, modes, times, links and empty folders, but without the rights of an owner', async () => {
    const from = (path: string): string => join(folder, 'from', path);
    mkdirSync(from('empty'), { recursive: true });
    mkdirSync(from('deep/er'), { recursive: true });
    writeFileSync(from('deep/er/file'), 'content');
    writeFileSync(from('large'), Buffer.alloc(3_000_001, 'x'));
    writeFileSync(from('nothing'), '');
    writeFileSync(Buffer.concat([Buffer.from(`${from('')}/bytes-`), Buffer.from([0xff, 0xfe])]), 'odd name');
    chmodSync(from('deep/er/file'), 0o6751);
    linkSync(from('deep/er/file'), from('twin'));
    symlinkSync('/etc/passwd', from('absolute'));
    symlinkSync('deep/er', from('relative'));
    utimesSync(from('nothing'), 86_400.5, 86_400.5);
    utimesSync(from('large'), new Date(-86_400_000), new Date(-86_400_000));
    chmodSync(from('empty'), 0o1755);
    for (let i = 0; i < 700; i++) writeFileSync(from(`empty/${i}`), String(i));

    const writer = new FolderWriter(join(folder, 'to'));
    await transfer(writer);

    const to = (path: string): string => join(folder, 'to', path);
    expect(readFileSync(to('deep/er/file'), 'utf8')).toBe('content');
    expect(statSync(to('deep/er/file')).mode & 0o7777).toBe(0o751);
    expect(statSync(to('twin')).ino).toBe(statSync(to('deep/er/file')).ino);
    expect(readFileSync(to('large')).equals(readFileSync(from('large')))).toBe(true);
    expect(statSync(to('nothing')).mtimeMs).toBe(86_400_500);
    expect(statSync(to('large')).mtimeMs).toBe(-86_400_000);
    expect(readlinkSync(to('absolute'))).toBe('/etc/passwd');
    expect(readlinkSync(to('relative'))).toBe('deep/er');
    expect(readdirSync(to(''), 'latin1').sort()).toEqual(readdirSync(from(''), 'latin1').sort());
    expect(readdirSync(to('empty')).length).toBe(700);
    expect(writer.folders.map(({ path, mode }) => [path, mode.toString(8)])).toEqual([
      ['deep', '755'],
      ['deep/er', '755'],
      ['empty', '1755'],
    ]);
  });

  it('may be empty', async () => {
    await transfer(new FolderWriter(join(folder, 'to')));
    expect(readdirSync(join(folder, 'to'))).toEqual([]);
  });

  it('may come in two transfers that share a folder', async () => {
    const writer = new FolderWriter(join(folder, 'to'));
    mkdirSync(join(folder, 'from/shared'));
    writeFileSync(join(folder, 'from/shared/one'), '1');
    const first = transfer(writer);
    await first;
    rmSync(join(folder, 'from/shared/one'));
    writeFileSync(join(folder, 'from/shared/two'), '2');
    await transfer(writer);
    expect(readdirSync(join(folder, 'to/shared')).sort()).toEqual(['one', 'two']);
    await expect(transfer(writer)).rejects.toThrow(/"shared\/two", which it has twice/);
  });
});

const directory = 0x80000000;
const symlink = 0x08000000;
const device = 0x04000000;

interface Stat {
  readonly path: string;
  readonly mode?: number;
  readonly size?: number;
  readonly link?: string;
}

function frame(message: Uint8Array): Buffer {
  const framed = Buffer.alloc(5 + message.length);
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, 5);
  return framed;
}

function statPacket({ path, mode = 0o644, size = 0, link = '' }: Stat): Buffer {
  const stat = new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .string(path)
    .tag(2, WireType.Varint)
    .uint32(mode)
    .tag(5, WireType.Varint)
    .int64(size);
  if (link !== '') stat.tag(7, WireType.LengthDelimited).string(link);
  return frame(new BinaryWriter().tag(2, WireType.LengthDelimited).bytes(stat.finish()).finish());
}

function dataPacket(id: number, data: string): Buffer {
  return frame(
    new BinaryWriter()
      .tag(1, WireType.Varint)
      .uint32(2)
      .tag(3, WireType.Varint)
      .uint32(id)
      .tag(4, WireType.LengthDelimited)
      .bytes(Buffer.from(data))
      .finish(),
  );
}

const endOfStats = frame(new Uint8Array());
const finish = frame(Uint8Array.of(0x08, 3));

describe('a tree that would lead out of its folder, or is none', () => {
  async function receive(packets: readonly Buffer[]): Promise<void> {
    const incoming = new Wire();
    for (const packet of packets) incoming.push(packet);
    incoming.push(undefined);
    await receiveTree(new FolderWriter(join(folder, 'to')), callOver(incoming, new Wire()));
  }

  it.each<[string, readonly Stat[], RegExp]>([
    ['a path up', [{ path: '../evil' }], /"\.\.\/evil", which is no path inside/],
    ['a path up further down', [{ path: 'a', mode: directory }, { path: 'a/../../evil' }], /no path inside/],
    ['an absolute path', [{ path: '/evil' }], /no path inside/],
    ['an empty path', [{ path: '' }], /no path inside/],
    ['a dot', [{ path: '.', mode: directory }], /no path inside/],
    ['a path with a NUL', [{ path: 'a\0b' }], /no path inside/],
    [
      'a folder through a link',
      [{ path: 'l', mode: symlink, link: '/' }, { path: 'l/evil' }],
      /folder it has not announced/,
    ],
    [
      'a link in place of a folder',
      [
        { path: 'd', mode: directory },
        { path: 'd', mode: symlink, link: '/' },
      ],
      /twice/,
    ],
    [
      'a folder in place of a link',
      [
        { path: 'l', mode: symlink, link: '/' },
        { path: 'l', mode: directory },
      ],
      /as a file and as a folder/,
    ],
    ['the same file twice', [{ path: 'a' }, { path: 'a' }], /twice/],
    ['a hard link out', [{ path: 'a', link: '../../etc/passwd' }], /a hard link to/],
    ['a hard link to nothing', [{ path: 'a', link: 'b' }], /a hard link to "b", which is no file/],
  ])('is refused: %s', async (_, stats, says) => {
    await expect(receive([...stats.map(statPacket), endOfStats, finish])).rejects.toThrow(says);
    expect(existsSync(join(folder, 'evil'))).toBe(false);
  });

  it.each<[string, readonly Buffer[], RegExp]>([
    ['content that nobody asked for', [endOfStats, dataPacket(7, 'x')], /unasked/],
    [
      'a short file',
      [statPacket({ path: 'a', size: 5 }), endOfStats, dataPacket(0, 'abc'), dataPacket(0, '')],
      /3 of 5 bytes/,
    ],
    [
      'a long file',
      [statPacket({ path: 'a', size: 1 }), endOfStats, dataPacket(0, 'abc'), dataPacket(0, '')],
      /3 of 1 bytes/,
    ],
    [
      'an end before all files',
      [statPacket({ path: 'a', size: 5 }), endOfStats, finish],
      /before all files were there/,
    ],
    ['a torn transfer', [statPacket({ path: 'a', size: 5 })], /ended the transfer early/],
    ['an error of the sender', [frame(Buffer.from([0x08, 4, 0x22, 2, 0x6e, 0x6f]))], /gave up the transfer: no/],
    ['a request', [frame(Uint8Array.of(0x08, 1))], /may not send a packet of type 1/],
  ])('is refused: %s', async (_, packets, says) => {
    await expect(receive(packets)).rejects.toThrow(says);
  });

  it('keeps devices, pipes and sockets out, and counts them', async () => {
    const incoming = new Wire();
    for (const packet of [statPacket({ path: 'dev', mode: device | 0o666 }), endOfStats, finish]) incoming.push(packet);
    const writer = new FolderWriter(join(folder, 'to'));
    await receiveTree(writer, callOver(incoming, new Wire()));
    expect(writer.skipped).toBe(1);
    expect(lstatSync(join(folder, 'to')).isDirectory() && readdirSync(join(folder, 'to'))).toEqual([]);
  });
});
