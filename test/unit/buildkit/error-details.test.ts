import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { readErrorDetails } from '../../../src/buildkit/error-details.ts';
import { FrontendSchema, SourceSchema, VertexSchema } from '../../../src/buildkit/gen/error_details_pb.js';
import { ExitMessageSchema } from '../../../src/buildkit/gen/exit_message_pb.js';
import { StatusSchema } from '../../../src/buildkit/gen/rpc_status_pb.js';

const dockerfile = 'FROM scratch\nCOPY a /\nRUN make \\\n  all\n';

interface Detail {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

const json = (type: string, value: unknown): Detail => ({
  typeUrl: `github.com/moby/buildkit/${type}+json`,
  value: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
});

const encode = (...details: readonly Detail[]): Uint8Array =>
  toBinary(StatusSchema, create(StatusSchema, { code: 2, message: 'failed', details: [...details] }));

const jsonSource = (ranges: unknown): Detail =>
  json('errdefs.Source', {
    info: { filename: 'Dockerfile', data: Buffer.from(dockerfile).toString('base64') },
    ranges,
  });

describe('error details', () => {
  const expected = {
    source: { filename: 'Dockerfile', startLine: 3, endLine: 4, text: 'RUN make \\\n  all' },
    vertexDigest: 'sha256:abc',
    runExitCode: 3,
    frontendImage: 'docker.io/docker/dockerfile:1',
  };

  it('are read as JSON', () => {
    const details = encode(
      json('stack.Stack', { frames: [{ Name: 'main', File: 'main.go', Line: 1 }] }),
      jsonSource([
        { start: { line: 3, character: 0 }, end: { line: 3 } },
        { start: { line: 4 }, end: { line: 4 } },
      ]),
      json('errdefs.Vertex', { digest: 'sha256:abc' }),
      json('errdefs.Frontend', { name: 'gateway.v0', source: 'docker.io/docker/dockerfile:1' }),
      json('gatewayapi.ExitMessage', { Code: 3 }),
    );
    expect(readErrorDetails(details)).toEqual(expected);
  });

  it('are read as protobuf', () => {
    const ranges = [{ start: { line: 3 }, end: { line: 4 } }];
    const info = { filename: 'Dockerfile', data: Buffer.from(dockerfile) };
    const details = encode(
      {
        typeUrl: 'github.com/moby/buildkit/errdefs.Source',
        value: toBinary(SourceSchema, create(SourceSchema, { info, ranges })),
      },
      {
        typeUrl: 'github.com/moby/buildkit/errdefs.Vertex',
        value: toBinary(VertexSchema, create(VertexSchema, { digest: 'sha256:abc' })),
      },
      {
        typeUrl: 'type.googleapis.com/errdefs.Frontend',
        value: toBinary(FrontendSchema, create(FrontendSchema, { source: 'docker.io/docker/dockerfile:1' })),
      },
      {
        typeUrl: 'type.googleapis.com/moby.buildkit.v1.frontend.ExitMessage',
        value: toBinary(ExitMessageSchema, create(ExitMessageSchema, { Code: 3 })),
      },
    );
    expect(readErrorDetails(details)).toEqual(expected);
  });

  it('takes the innermost of several places', () => {
    const details = encode(
      jsonSource([{ start: { line: 1 } }]),
      jsonSource([{ start: { line: 2 }, end: { line: 2 } }]),
    );
    expect(readErrorDetails(details).source).toMatchObject({ startLine: 2, endLine: 2, text: 'COPY a /' });
  });

  it('reads an exit code that was left out as zero', () => {
    expect(readErrorDetails(encode(json('gatewayapi.ExitMessage', {})))).toEqual({ runExitCode: 0 });
  });

  it.each([
    ['nothing', undefined],
    ['no status', Buffer.from('garbage')],
    ['broken JSON', encode(json('errdefs.Vertex', '{"digest":'))],
    ['JSON of another shape', encode(json('errdefs.Source', [1, 2]), json('errdefs.Vertex', { digest: 5 }))],
    ['a place without lines', encode(jsonSource([]), jsonSource('x'), jsonSource([{ start: {} }]))],
    ['an unknown type', encode(json('errdefs.Novelty', { digest: 'sha256:abc' }))],
  ])('are simply absent in %s', (_, encoded) => {
    expect(readErrorDetails(encoded)).toEqual({});
  });
});
