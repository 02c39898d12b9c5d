import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  dataHeaderBytes,
  decodePacket,
  endOfStats,
  errorPacket,
  type FileEntry,
  finishPacket,
  maxStatBytes,
  writeDataHeader,
  writeStat,
} from '../../../../src/buildkit/fsutil/packets.ts';
import { readFields } from '../../../../src/buildkit/fsutil/wire.ts';
import { readPacket } from './receiving-daemon.ts';

function entry(given: { path: string; linkName?: string } & Partial<FileEntry['stat']>): FileEntry {
  const { path, linkName = '', ...stat } = given;
  return {
    path,
    linkName,
    stat: {
      mode: 0o644,
      sizeBytes: 0,
      modifiedNs: 0n,
      linkTarget: '',
      deviceMajor: 0,
      deviceMinor: 0,
      device: 0n,
      inode: 0n,
      isShared: false,
      ...stat,
    },
  };
}

function encode(given: FileEntry): Buffer {
  const target = Buffer.alloc(maxStatBytes(given) + 3);
  return target.subarray(3, writeStat(target, 3, given));
}

describe('a Stat packet', () => {
  // Worked out by hand from the field numbers: path 1, mode 2, size 5, modTime 6, linkname 7, devmajor 8, devminor 9.
  it.each([
    ['a file', entry({ path: 'a', sizeBytes: 300, modifiedNs: 1n }), '000000000d 120b 0a0161 10a403 28ac02 3001'],
    ['a folder', entry({ path: 'd', mode: 0x800001ed }), '000000000b 1209 0a0164 10ed83808008'],
    ['a symlink', entry({ path: 'l', mode: 0x080001ff, linkName: 'é' }), '000000000e 120c 0a016c 10ff8380 40 3a02c3a9'],
    ['a device', entry({ path: 'n', deviceMajor: 1, deviceMinor: 300 }), '000000000d 120b 0a016e 10a403 4001 48ac02'],
  ])('of %s has the known bytes', (_, given, hex) => {
    const latin1Link = { ...given, linkName: Buffer.from(given.linkName).toString('latin1') };
    expect(encode(latin1Link).toString('hex')).toBe(hex.replaceAll(' ', ''));
  });

  it('holds a time before 1970 as ten bytes of two complement', () => {
    expect(encode(entry({ path: 'a', modifiedNs: -1n })).toString('hex')).toBe(
      '000000001312110a016110a40330ffffffffffffffffff01',
    );
  });

  it('is read back as it was by protobuf itself, whatever the values', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((data) => Buffer.from(data).toString('latin1'));
    const uint32 = fc.nat(0xffffffff);
    fc.assert(
      fc.property(
        bytes,
        bytes,
        uint32,
        fc.maxSafeNat(),
        fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
        uint32,
        (...values) => {
          const [path, linkName, mode, sizeBytes, modifiedNs, deviceMajor] = values;
          const framed = encode(entry({ path, linkName, mode, sizeBytes, modifiedNs, deviceMajor }));
          expect(framed.readUInt32BE(1)).toBe(framed.length - 5);
          expect(framed.length).toBeLessThan(maxStatBytes(entry({ path, linkName })));
          expect(readPacket(framed.subarray(5)).stat).toEqual({
            path,
            mode,
            size: sizeBytes,
            modTime: modifiedNs,
            linkname: linkName,
            devmajor: deviceMajor,
            devminor: 0,
          });
        },
      ),
    );
  });
});

describe('other packets', () => {
  it.each([
    [0, 0, '0000000002 0802'],
    [1, 0, '0000000004 0802 1801'],
    [0, 3, '0000000007 0802 2203'],
    [300, 262144, '0000040009 0802 18ac02 2280801 0'],
  ])('data of file %i with %i bytes starts with the known bytes', (id, dataBytes, hex) => {
    const target = Buffer.alloc(dataHeaderBytes(id, dataBytes));
    expect(writeDataHeader(target, 0, id, dataBytes)).toBe(target.length);
    expect(target.toString('hex')).toBe(hex.replaceAll(' ', ''));
  });

  it('the end of the Stats is an empty message', () => {
    expect(endOfStats().toString('hex')).toBe('0000000000');
  });

  it('FIN and ERR have the known bytes', () => {
    expect(finishPacket().toString('hex')).toBe('00000000020803');
    expect(errorPacket('é!').toString('hex')).toBe('000000000708042203c3a921');
    expect(errorPacket('').toString('hex')).toBe('00000000020804');
  });

  it.each([
    ['0801', { kind: 'request', id: 0 }],
    ['080118ac02', { kind: 'request', id: 300 }],
    ['0801180f7a0161a5010102030499010102030405060708', { kind: 'request', id: 15 }],
    ['0803', { kind: 'finish' }],
    ['08042203c3a921', { kind: 'error', message: 'é!' }],
  ])('%s of the daemon is understood', (hex, packet) => {
    expect(decodePacket(Buffer.from(hex, 'hex'))).toEqual(packet);
  });

  it.each(['', '0802', '080118', '0801ff', '0804220561', '0b', '08ffffffffffffffffffffff01'])(
    '%s of the daemon is refused',
    (hex) => {
      expect(() => decodePacket(Buffer.from(hex, 'hex'))).toThrow(/message of the daemon|receiver of files/);
    },
  );

  it('no bytes make the reader of messages hang or read outside', () => {
    const outcome = (bytes: Buffer): string => {
      try {
        return readFields(bytes).every(({ number }) => number >= 0) ? 'read' : 'a negative field number';
      } catch (error) {
        return error instanceof Error && error.message.includes('message of the daemon') ? 'refused' : String(error);
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(['read', 'refused']).toContain(outcome(Buffer.from(bytes)));
      }),
    );
  });
});
