import { create, toBinary } from '@bufbuild/protobuf';
import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { BytesMessageSchema } from '../../../../src/buildkit/gen/file_output_pb.js';
import { fileSendCapability } from '../../../../src/buildkit/session/file-send.ts';
import { call } from './fake-call.ts';

const method = '/moby.filesync.v1.FileSend/DiffCopy';
const bytes = (text: string): Uint8Array =>
  toBinary(BytesMessageSchema, create(BytesMessageSchema, { data: Buffer.from(text) }));

/** A slow reader that remembers. */
function collector(): { readonly sink: Writable; readonly text: () => string } {
  const chunks: Buffer[] = [];
  const sink = new Writable({
    highWaterMark: 1,
    write: (chunk: Buffer, _, done) => {
      chunks.push(chunk);
      setImmediate(done);
    },
  });
  return { sink, text: () => Buffer.concat(chunks).toString() };
}

describe('a build result that the daemon sends', () => {
  it('is written whole, and the place is closed, before the call succeeds', async () => {
    const { sink, text } = collector();
    await call(
      fileSendCapability(() => sink),
      method,
      [bytes('one '), bytes(''), bytes('two')],
    );
    expect(text()).toBe('one two');
    expect(sink.writableFinished).toBe(true);
  });

  it('comes with the exporter that made it and what that answered', async () => {
    const opened: unknown[] = [];
    const capability = fileSendCapability((exporterId, metadata) => {
      opened.push([exporterId, Object.fromEntries(metadata)]);
      return collector().sink;
    });
    await call(capability, method, [], {
      'buildkit-attachable-exporter-id': ['2'],
      'exporter-md-containerimage.digest': ['sha256:ab'],
    });
    await call(capability, method, []);
    expect(opened).toEqual([
      [2, { 'containerimage.digest': 'sha256:ab' }],
      [0, {}],
    ]);
  });

  it('fails the call when it cannot be written', async () => {
    const full = new Writable({ write: (_, __, done) => done(new Error('disk full')) });
    await expect(
      call(
        fileSendCapability(() => full),
        method,
        [bytes('x')],
      ),
    ).rejects.toThrow('disk full');
  });

  it('is refused for an exporter that is no number', async () => {
    const capability = fileSendCapability(() => collector().sink);
    const headers = { 'buildkit-attachable-exporter-id': ['-1'] };
    await expect(call(capability, method, [], headers)).rejects.toMatchObject({ grpcCode: 3 });
  });
});
