import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { BytesMessageSchema } from '../../../../src/buildkit/gen/file_output_pb.js';
import { type ExportTarget, fileSendCapability } from '../../../../src/buildkit/session/file-send.ts';
import { call } from './fake-call.ts';

const method = '/moby.filesync.v1.FileSend/DiffCopy';
const bytes = (text: string): Uint8Array =>
  toBinary(BytesMessageSchema, create(BytesMessageSchema, { data: Buffer.from(text) }));

interface Received {
  text: string;
  digest: string | undefined;
  isWhole: boolean;
}

/** Takes one file; fails with `fault` once it has read everything, if there is one. */
function target(fault?: Error): { readonly target: ExportTarget; readonly received: Received } {
  const received: Received = { text: '', digest: undefined, isWhole: false };
  return {
    received,
    target: {
      content: {
        kind: 'file',
        receive: async (content, digest) => {
          received.digest = digest;
          for await (const chunk of content) received.text += Buffer.from(chunk).toString();
          if (fault !== undefined) throw fault;
        },
      },
      onReceived: () => {
        received.isWhole = true;
      },
      wordFailure: (error) => new Error(`cannot write x: ${error instanceof Error ? error.message : ''}`),
    },
  };
}

describe('a build result that the daemon sends', () => {
  it('is read whole before the call succeeds', async () => {
    const one = target();
    await call(
      fileSendCapability(() => one.target),
      method,
      [bytes('one '), bytes(''), bytes('two')],
    );
    expect(one.received).toEqual({ text: 'one two', digest: undefined, isWhole: true });
  });

  it('goes where the output of its exporter belongs, with the digest that the exporter told', async () => {
    const targets = [target(), target()];
    const asked: unknown[] = [];
    const capability = fileSendCapability((exporterId) => {
      asked.push(exporterId);
      return targets[exporterId ?? 0]?.target;
    });
    await call(capability, method, [bytes('x')], {
      'buildkit-attachable-exporter-id': ['1'],
      'exporter-md-containerimage.digest': ['sha256:ab'],
    });
    await call(capability, method, []);
    expect(asked).toEqual([1, undefined]);
    expect(targets[1]?.received).toEqual({ text: 'x', digest: 'sha256:ab', isWhole: true });
    await expect(call(capability, method, [], { 'buildkit-attachable-exporter-id': ['2'] })).rejects.toMatchObject({
      grpcCode: 3,
    });
  });

  it('fails the call in words for people when it cannot be written', async () => {
    const full = target(new Error('disk full'));
    await expect(
      call(
        fileSendCapability(() => full.target),
        method,
        [bytes('x')],
      ),
    ).rejects.toThrow('cannot write x: disk full');
    expect(full.received.isWhole).toBe(false);
  });

  it('is refused for an exporter that is no number', async () => {
    const capability = fileSendCapability(() => target().target);
    const headers = { 'buildkit-attachable-exporter-id': ['-1'] };
    await expect(call(capability, method, [], headers)).rejects.toMatchObject({ grpcCode: 3 });
  });
});
