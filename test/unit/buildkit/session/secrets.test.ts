import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { GetSecretRequestSchema, GetSecretResponseSchema } from '../../../../src/buildkit/gen/build_secrets_pb.js';
import { secretsCapability } from '../../../../src/buildkit/session/secrets.ts';
import { call, onlyMessage } from './fake-call.ts';

const method = '/moby.buildkit.secrets.v1.Secrets/GetSecret';
const request = (ID: string): readonly Uint8Array[] => [
  toBinary(GetSecretRequestSchema, create(GetSecretRequestSchema, { ID })),
];

describe('build secrets', () => {
  const value = Buffer.from([0, 255, 10, 13]);
  const capability = secretsCapability(new Map([['token', value]]));

  it('are given byte for byte', async () => {
    const { data } = onlyMessage(GetSecretResponseSchema, await call(capability, method, request('token')));
    expect(Buffer.from(data)).toEqual(value);
  });

  it.each(['other', '', 'TOKEN', '__proto__'])('are not found under %j', async (id) => {
    await expect(call(capability, method, request(id))).rejects.toMatchObject({ grpcCode: 5 });
  });

  it('may have 500 KiB and no byte more', () => {
    expect(() => secretsCapability(new Map([['big', Buffer.alloc(512_000)]]))).not.toThrow();
    expect(() => secretsCapability(new Map([['big', Buffer.alloc(512_001)]]))).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining('big: 512001 bytes') }),
    );
  });
});
