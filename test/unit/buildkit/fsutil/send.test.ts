import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskTree } from '../../../../src/buildkit/fsutil/disk-tree.ts';
import type { FileTree } from '../../../../src/buildkit/fsutil/file-tree.ts';
import { PathFilter } from '../../../../src/buildkit/fsutil/filter.ts';
import { MemoryTree } from '../../../../src/buildkit/fsutil/memory-tree.ts';
import { type SendSummary, sendTree } from '../../../../src/buildkit/fsutil/send.ts';
import { finishRequest, readPacket, ReceivingDaemon, requestPacket, TestCall } from './receiving-daemon.ts';

const everything = new PathFilter({});
const blockBytes = 256 * 1024;

function patterned(bytes: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: bytes }, (_, at) => (at * 31 + (at >> 8)) & 0xff));
}

async function transfer(tree: FileTree, daemon: ReceivingDaemon, call = new TestCall()): Promise<SendSummary> {
  daemon.serve(call);
  return await sendTree(tree, everything, call);
}

/** A tree of which one method is replaced. */
function changed(tree: FileTree, changes: Partial<FileTree>): FileTree {
  return {
    openFolder: (path) => tree.openFolder(path),
    openFile: (path, seen) => tree.openFile(path, seen),
    ...changes,
  };
}

describe('sending a folder', () => {
  let root = '';
  const at = (path: string): string => join(root, path);
  const write = (path: string, content: string | Buffer): void => {
    fs.mkdirSync(join(at(path), '..'), { recursive: true });
    fs.writeFileSync(at(path), content);
  };

  beforeEach(() => {
    root = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'send-')));
  });
  afterEach(() => {
    fs.rmSync(root, { recursive: true, force: true });
  });

  it('brings every file over byte for byte, of any size round the size of a block', async () => {
    const sizes = [0, 1, 5000, blockBytes - 1, blockBytes, blockBytes + 1, 2 * blockBytes, 5 * blockBytes + 7];
    for (const [index, size] of sizes.entries()) write(`d${index % 3}/f${index}`, patterned(size));
    const daemon = new ReceivingDaemon();
    const summary = await transfer(new DiskTree(root), daemon);
    expect(daemon.isFinished).toBe(true);
    expect(daemon.contents.size).toBe(sizes.length);
    for (const [index, size] of sizes.entries()) {
      expect(daemon.contents.get(`d${index % 3}/f${index}`)?.equals(patterned(size))).toBe(true);
    }
    expect(summary).toMatchObject({ entries: 11, files: 8, fileBytes: sizes.reduce((sum, size) => sum + size, 0) });
  });

  it('sends nothing but Stats when nothing changed, and then only what changed', async () => {
    for (let index = 0; index < 600; index++) write(`d${index % 7}/f${index}`, `content ${index}`);
    fs.linkSync(at('d1/f1'), at('z-link'));
    fs.symlinkSync('d1', at('sym'));
    const daemon = new ReceivingDaemon();
    await transfer(new DiskTree(root), daemon);
    expect(daemon.requested).toHaveLength(600);
    await transfer(new DiskTree(root), daemon);
    expect(daemon.requested).toEqual([]);
    write('d3/f3', 'something new');
    write('new', 'x');
    await transfer(new DiskTree(root), daemon);
    expect(daemon.requested).toEqual(['d3/f3', 'new']);
    expect(daemon.contents.get('d3/f3')?.toString()).toBe('something new');
  });

  it('gathers Stats and small files in few writes', async () => {
    for (let index = 0; index < 2000; index++) write(`f${index}`, 'x');
    const call = new TestCall();
    call.beforeSend = () => new Promise((resolve) => setImmediate(resolve));
    await transfer(new DiskTree(root), new ReceivingDaemon(), call);
    expect(call.writes).toBeLessThan(100);
  });

  it('ends well when there is nothing to send', async () => {
    const call = new TestCall();
    const daemon = new ReceivingDaemon();
    daemon.serve(call);
    await sendTree(new DiskTree(root), new PathFilter({ includes: ['none'] }), call);
    expect(daemon.stats).toEqual([]);
    expect(daemon.isFinished).toBe(true);
  });

  it('does not read ahead of a transport that is slow', async () => {
    for (let index = 0; index < 40; index++) write(`f${index}`, patterned(blockBytes));
    const call = new TestCall();
    let release: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let opened = 0;
    const tree = new DiskTree(root);
    const counting = changed(tree, {
      openFile: (path, seen) => {
        opened++;
        return tree.openFile(path, seen);
      },
    });
    const daemon = new ReceivingDaemon();
    daemon.serve(call);
    let isBlocked = false;
    const passMessage = call.onMessage;
    call.onMessage = (message) => {
      passMessage(message);
      if (readPacket(message).type === 2) call.beforeSend = () => ((isBlocked = true), gate);
    };
    const sending = sendTree(counting, everything, call);
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(isBlocked).toBe(true);
    expect(opened).toBeLessThan(20);
    release();
    await sending;
    expect(daemon.contents.size).toBe(40);
  });

  it('keeps at most four large files open', async () => {
    for (let index = 0; index < 12; index++) write(`f${index}`, patterned(3 * blockBytes));
    const tree = new DiskTree(root);
    let open = 0;
    let mostOpen = 0;
    const counting = changed(tree, {
      openFile: (path, seen) => {
        const file = tree.openFile(path, seen);
        mostOpen = Math.max(mostOpen, ++open);
        return {
          readWhole: (target) => file.readWhole(target),
          readBlock: (target) => file.readBlock(target),
          close: () => {
            open--;
            file.close();
          },
        };
      },
    });
    const daemon = new ReceivingDaemon();
    await transfer(counting, daemon);
    expect(daemon.contents.size).toBe(12);
    expect([mostOpen, open]).toEqual([4, 0]);
  });

  const small = 100;
  const large = blockBytes + 100;
  const mishaps: ReadonlyArray<[string, number, () => void, string]> = [
    ['vanished', small, () => fs.rmSync(at('f')), '"f": cannot be opened: it is gone'],
    ['vanished', large, () => fs.rmSync(at('f')), '"f": cannot be opened: it is gone'],
    ['was cut short', small, () => fs.truncateSync(at('f'), 3), '"f": changed its size while it was being sent'],
    ['grew', small, () => fs.appendFileSync(at('f'), 'x'), '"f": changed its size while it was being sent'],
    [
      'was replaced by another',
      small,
      () => (write('g', patterned(small)), fs.renameSync(at('g'), at('f'))),
      '"f": was replaced',
    ],
    [
      'became a link',
      small,
      () => (fs.renameSync(at('f'), at('g')), fs.symlinkSync('g', at('f'))),
      '"f": was replaced',
    ],
    ['became a folder', small, () => (fs.rmSync(at('f')), fs.mkdirSync(at('f'))), '"f": was replaced'],
  ];
  it.each(mishaps)('fails when a file %s after it was announced (%i bytes)', async (_, size, mishap, message) => {
    write('f', patterned(size));
    const tree = new DiskTree(root);
    const daemon = new ReceivingDaemon();
    const late = changed(tree, {
      openFile: (path, seen) => {
        mishap();
        return tree.openFile(path, seen);
      },
    });
    await expect(transfer(late, daemon)).rejects.toThrow(message);
    expect(daemon.error).toContain(message);
    expect(daemon.contents.size).toBe(0);
  });

  it.each([small, large])('fails when a file of %i bytes is cut short or grows while it is read', async (size) => {
    for (const change of [() => fs.truncateSync(at('f'), size - 1), () => fs.appendFileSync(at('f'), 'x')]) {
      write('f', patterned(size));
      const tree = new DiskTree(root);
      const late = changed(tree, {
        openFile: (path, seen) => {
          const file = tree.openFile(path, seen);
          change();
          return file;
        },
      });
      const daemon = new ReceivingDaemon();
      await expect(transfer(late, daemon)).rejects.toThrow('"f": changed its size while it was being sent');
      expect(daemon.contents.size).toBe(0);
    }
  });

  it.skipIf(!fs.existsSync('/proc/self/fd'))('refuses a file that is reached through a link by now', async () => {
    write('d/f', 'secret');
    const tree = new DiskTree(root);
    const swapped = changed(tree, {
      openFile: (path, seen) => {
        // The very same file, but the way to it leads through a link.
        fs.renameSync(at('d'), at('elsewhere'));
        fs.symlinkSync('elsewhere', at('d'));
        return tree.openFile(path, seen);
      },
    });
    await expect(transfer(swapped, new ReceivingDaemon())).rejects.toThrow('"d/f": was replaced');
  });

  it('does not wait for ever at a named pipe in place of a file', async () => {
    write('f', 'x');
    const { execFileSync } = await import('node:child_process');
    const tree = new DiskTree(root);
    const swapped = changed(tree, {
      openFile: (path, seen) => {
        fs.rmSync(at('f'));
        execFileSync('mkfifo', [at('f')]);
        return tree.openFile(path, seen);
      },
    });
    await expect(transfer(swapped, new ReceivingDaemon())).rejects.toThrow('"f": was replaced');
  });

  it('tells the daemon when the folder cannot be walked', async () => {
    const daemon = new ReceivingDaemon();
    await expect(transfer(new DiskTree(at('none')), daemon)).rejects.toThrow(
      'the root of the folder: cannot be opened: it is gone',
    );
    expect(daemon.error).toBe('the root of the folder: cannot be opened: it is gone');
  });

  it('never lets content from outside through while a folder flips to a link and back', async () => {
    write('flip/data', 'inside');
    const outside = fs.mkdtempSync(join(tmpdir(), 'outside-'));
    fs.writeFileSync(join(outside, 'data'), 'MARKER');
    const tree = new DiskTree(root);
    let step = 0;
    const flip = (): void => {
      step++;
      if (step % 2 === 1) {
        fs.renameSync(at('flip'), at('aside'));
        fs.symlinkSync(outside, at('flip'));
      } else {
        fs.rmSync(at('flip'));
        fs.renameSync(at('aside'), at('flip'));
      }
    };
    // Flips before every look at the tree, from both starting points.
    const flipping: FileTree = {
      openFolder: (path) => {
        flip();
        return tree.openFolder(path);
      },
      openFile: (path, seen) => {
        flip();
        return tree.openFile(path, seen);
      },
    };
    for (let round = 0; round < 50; round++) {
      const daemon = new ReceivingDaemon();
      await transfer(flipping, daemon).catch(() => {});
      if (round % 3 === 0) flip();
      for (const content of daemon.contents.values()) expect(content.toString()).toBe('inside');
      expect(daemon.stats.some(({ path, size }) => path === 'flip/data' && size !== 6)).toBe(false);
    }
    fs.rmSync(outside, { recursive: true });
  });
});

describe('the conversation of a transfer', () => {
  const tree = new MemoryTree(
    new Map([
      ['d/a', Buffer.from('A')],
      ['d/b', Buffer.from('B')],
    ]),
  );

  /** Runs a transfer against a daemon that answers each packet as scripted. */
  async function converse(answer: (type: number, call: TestCall, isLast: boolean) => void): Promise<string[]> {
    const call = new TestCall();
    const log: string[] = [];
    call.onMessage = (message) => {
      const { type, stat, id, data } = readPacket(message);
      const names = [
        `STAT ${stat?.path ?? '-'}`,
        'REQ',
        `DATA ${id} ${data.toString()}`,
        'FIN',
        `ERR ${data.toString()}`,
      ];
      log.push(names[type] ?? '');
      answer(type, call, type === 0 && stat === undefined);
    };
    await sendTree(tree, everything, call).catch((error: unknown) => log.push(String(error)));
    return log;
  }

  it('is Stats, an empty Stat, data and an empty block for each request, FIN', async () => {
    let blocks = 0;
    const log = await converse((type, call, isLast) => {
      if (isLast) for (const id of [2, 1]) call.give(requestPacket(id));
      if (type === 2 && ++blocks === 4) call.give(finishRequest);
    });
    expect(log).toEqual([
      'STAT d',
      'STAT d/a',
      'STAT d/b',
      'STAT -',
      'DATA 2 B',
      'DATA 2 ',
      'DATA 1 A',
      'DATA 1 ',
      'FIN',
    ]);
  });

  it.each([
    ['a second time', [1, 1], 1],
    ['of a folder', [0], 0],
    ['that was never announced', [7], 7],
  ])('fails when a file is asked for %s', async (_, ids, badId) => {
    const log = await converse((_type, call, isLast) => {
      if (isLast) for (const id of ids) call.give(requestPacket(id));
    });
    expect(log.at(-1)).toBe(`RpcError: invalid file id ${badId}`);
  });

  it('fails with what the daemon says', async () => {
    const log = await converse((_type, call, isLast) => {
      if (isLast) call.give(Buffer.from([0x08, 4, 0x22, 4, ...Buffer.from('full')]));
    });
    expect(log.at(-1)).toBe('RpcError: the daemon gave up the transfer: full');
  });

  it('fails when the daemon leaves without FIN', async () => {
    const log = await converse((_type, call, isLast) => {
      if (isLast) call.end();
    });
    expect(log.at(-1)).toBe('RpcError: the daemon ended the transfer early');
  });

  it('ends when the call is cancelled', async () => {
    const log = await converse((_type, call, isLast) => {
      if (isLast) call.cancel();
    });
    expect(log.at(-1)).toBe('RpcError: the transfer was cancelled');
  });

  it('ends when the transport fails', async () => {
    const call = new TestCall();
    call.beforeSend = async () => {
      throw new Error('broken pipe');
    };
    await expect(sendTree(tree, everything, call)).rejects.toThrow('broken pipe');
  });
});
