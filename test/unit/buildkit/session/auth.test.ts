import { create, toBinary, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import {
  CredentialsRequestSchema,
  CredentialsResponseSchema,
  FetchTokenRequestSchema,
  FetchTokenResponseSchema,
  GetTokenAuthorityRequestSchema,
  GetTokenAuthorityResponseSchema,
  VerifyTokenAuthorityRequestSchema,
  VerifyTokenAuthorityResponseSchema,
} from '../../../../src/buildkit/gen/registry_auth_pb.js';
import { authCapability, type TokenSource } from '../../../../src/buildkit/session/auth.ts';
import { call, onlyMessage } from './fake-call.ts';

const salt = Buffer.alloc(32, 3);

interface Recorder extends TokenSource {
  readonly asked: string[];
}

/** Knows a login for r.example, for r.example:5000 and for Docker Hub. */
function recordingSource(): Recorder {
  const asked: string[] = [];
  const known = new Set(['r.example', 'docker.io', 'r.example:5000']);
  return {
    asked,
    fetchToken: (request) => {
      asked.push(`token ${request.host} ${request.realm} ${request.service} ${request.scopes.join(' ')}`);
      return Promise.resolve({ token: 'short-lived', expiresInSeconds: 300.7, issuedAt: new Date(1_700_000_000_500) });
    },
    login: (host) => {
      asked.push(`login ${host}`);
      return Promise.resolve(known.has(host) ? { username: 'ci', secret: 'sesame' } : undefined);
    },
    hasLogin: (host) => {
      asked.push(`has ${host}`);
      return Promise.resolve(known.has(host));
    },
  };
}

async function ask<I extends DescMessage, O extends DescMessage>(
  tokens: TokenSource,
  method: string,
  input: I,
  request: MessageInitShape<I>,
  output: O,
  capability = authCapability(tokens),
): Promise<MessageShape<O>> {
  const answer = await call(capability, `/moby.filesync.v1.Auth/${method}`, [toBinary(input, create(input, request))]);
  return onlyMessage(output, answer);
}

const credentials = (tokens: TokenSource, Host: string): Promise<MessageShape<typeof CredentialsResponseSchema>> =>
  ask(tokens, 'Credentials', CredentialsRequestSchema, { Host }, CredentialsResponseSchema);

describe('the session answers for logins', () => {
  it.each([
    ['r.example', 'r.example'],
    ['r.example:5000', 'r.example:5000'],
    ['registry-1.docker.io', 'docker.io'],
  ])('of %s', async (Host, host) => {
    const tokens = recordingSource();
    expect(await credentials(tokens, Host)).toMatchObject({ Username: 'ci', Secret: 'sesame' });
    expect(tokens.asked).toEqual([`login ${host}`]);
  });

  it.each(['other.example', 'r.example:5001', 'docker.io.evil.example', 'evil-r.example', '[::1]:5000'])(
    'of %s by saying that there is none',
    async (Host) => {
      const tokens = recordingSource();
      expect(await credentials(tokens, Host)).toMatchObject({ Username: '', Secret: '' });
      expect(tokens.asked).toEqual([`login ${Host}`]);
    },
  );

  it.each([
    '',
    'r.example.',
    'R.EXAMPLE',
    'r.example:5000/path',
    'user@r.example',
    'https://r.example',
    'r.example:',
    ' r.example',
    'r.example\n',
    'r.éxample',
    'r..example',
    'r.example:5000:5000',
  ])('never for what only looks like a host: %j', async (Host) => {
    const tokens = recordingSource();
    expect(await credentials(tokens, Host)).toMatchObject({ Username: '', Secret: '' });
    const capability = authCapability(tokens);
    const request = create(GetTokenAuthorityRequestSchema, { Host, Salt: salt });
    await expect(
      call(capability, '/moby.filesync.v1.Auth/GetTokenAuthority', [toBinary(GetTokenAuthorityRequestSchema, request)]),
    ).rejects.toMatchObject({ grpcCode: 12 });
    expect(tokens.asked).toEqual([]);
  });
});

describe('the session fetches tokens', () => {
  it('for the host as we spell it, and passes time in whole seconds', async () => {
    const tokens = recordingSource();
    const request = {
      Host: 'registry-1.docker.io',
      Realm: 'https://auth.example/token',
      Service: 'registry',
      Scopes: ['repository:a:pull', 'repository:b:pull'],
    };
    const response = await ask(tokens, 'FetchToken', FetchTokenRequestSchema, request, FetchTokenResponseSchema);
    expect(response).toMatchObject({ Token: 'short-lived', ExpiresIn: 300n, IssuedAt: 1_700_000_000n });
    expect(tokens.asked).toEqual([
      'token docker.io https://auth.example/token registry repository:a:pull repository:b:pull',
    ]);
  });

  it('and hands on why there is none', async () => {
    const tokens: TokenSource = {
      ...recordingSource(),
      fetchToken: () => Promise.reject(new Error('login of ci refused')),
    };
    const request = { Host: 'r.example', Realm: 'https://auth.example' };
    await expect(ask(tokens, 'FetchToken', FetchTokenRequestSchema, request, FetchTokenResponseSchema)).rejects.toThrow(
      'login of ci refused',
    );
  });
});

describe('the token authority', () => {
  const publicKey = async (capability: ReturnType<typeof authCapability>, Host: string): Promise<string> => {
    const request = { Host, Salt: salt };
    const { PublicKey } = await ask(
      recordingSource(),
      'GetTokenAuthority',
      GetTokenAuthorityRequestSchema,
      request,
      GetTokenAuthorityResponseSchema,
      capability,
    );
    return Buffer.from(PublicKey).toString('hex');
  };

  it('differs between hosts with a login, and between runs', async () => {
    const [one, two] = [authCapability(recordingSource()), authCapability(recordingSource())];
    const keys = [
      await publicKey(one, 'r.example'),
      await publicKey(one, 'r.example:5000'),
      await publicKey(two, 'r.example'),
    ];
    expect(new Set(keys).size).toBe(3);
    expect(await publicKey(one, 'r.example')).toBe(keys[0]);
  });

  it('is the same for all anonymous access: those tokens are anybody’s', async () => {
    const keys = [
      await publicKey(authCapability(recordingSource()), 'other.example'),
      await publicKey(authCapability(recordingSource()), 'another.example'),
    ];
    expect(keys[0]).toBe(keys[1]);
  });

  it('signs 32 bytes and nothing else', async () => {
    const verify = (Payload: Uint8Array): Promise<MessageShape<typeof VerifyTokenAuthorityResponseSchema>> =>
      ask(
        recordingSource(),
        'VerifyTokenAuthority',
        VerifyTokenAuthorityRequestSchema,
        { Host: 'r.example', Salt: salt, Payload },
        VerifyTokenAuthorityResponseSchema,
      );
    expect((await verify(Buffer.alloc(32))).Signed).toHaveLength(96);
    await expect(verify(Buffer.alloc(33))).rejects.toMatchObject({ grpcCode: 12 });
  });
});

it('refuses a request that is none', async () => {
  const capability = authCapability(recordingSource());
  const method = '/moby.filesync.v1.Auth/Credentials';
  await expect(call(capability, method, [])).rejects.toMatchObject({ grpcCode: 3 });
  await expect(call(capability, method, [Buffer.from([0xff])])).rejects.toMatchObject({ grpcCode: 3 });
  await expect(call(capability, method, [Buffer.alloc(0), Buffer.alloc(0)])).rejects.toMatchObject({ grpcCode: 3 });
});
