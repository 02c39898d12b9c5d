// Texts were recorded from Docker Engine 20.10.24, 26.1.5 and 28.5.2; hosts are made up.
import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { PluginError } from '../../../src/base/plugin-error.ts';
import { StatusSchema } from '../../../src/buildkit/gen/rpc_status_pb.js';
import { CallError } from '../../../src/buildkit/grpc-connection.ts';
import { explainSolveFailure, SolveError, type FailureFacts } from '../../../src/buildkit/solve-error.ts';

const nothingElse: FailureFacts = { capabilityFailures: [] };

function explain(
  message: string,
  facts: Partial<FailureFacts> = {},
  error: { readonly code?: number; readonly details?: Buffer; readonly lost?: boolean } = {},
): PluginError {
  const status = { code: error.code ?? 2, message, ...(error.details === undefined ? {} : { details: error.details }) };
  return explainSolveFailure(new CallError(status, { lost: error.lost ?? false }), { ...nothingElse, ...facts });
}

const step = (name: string): Partial<FailureFacts> => ({ failedVertex: { digest: 'sha256:5e', name } });
const frontend = 'failed to solve with frontend dockerfile.v0: failed to create LLB definition: ';
const metadata = (image: string): string => `${image}: failed to resolve source metadata for ${image}: `;

describe('a failed build', () => {
  it.each([
    [
      'RUN that failed',
      'process "/bin/sh -c make" did not complete successfully: exit code: 3',
      step('[2/3] RUN make'),
      'build failed in step [2/3] RUN make: exit code 3',
    ],
    [
      'RUN that failed, 20.10',
      'executor failed running [/bin/sh -c make]: exit code: 3',
      step('[2/3] RUN make'),
      'build failed in step [2/3] RUN make: exit code 3',
    ],
    [
      'RUN whose command talks of a push',
      'process "/bin/sh -c echo failed to push a: denied, no space left on device" did not complete successfully: exit code: 1',
      {},
      'build failed: exit code 1',
    ],
    [
      'COPY of a missing file',
      'failed to compute cache key: failed to calculate checksum of ref abc::def: "/nothere": not found',
      step('[1/1] COPY nothere /'),
      'build failed in step [1/1] COPY nothere /: "/nothere" not found in its context or stage, or ignored',
    ],
    [
      'COPY of a missing file, 20.10',
      'failed to compute cache key: "/nothere" not found: not found',
      step('[1/1] COPY nothere /'),
      'build failed in step [1/1] COPY nothere /: "/nothere" not found in its context or stage, or ignored',
    ],
    [
      'a bad instruction',
      'dockerfile parse error on line 2: unknown instruction: RUNN (did you mean RUN?)',
      {},
      'build failed: dockerfile parse error on line 2: unknown instruction: RUNN (did you mean RUN?)',
    ],
    [
      'a bad instruction, 20.10',
      `${frontend}dockerfile parse error line 2: unknown instruction: DENIED`,
      {},
      'build failed: dockerfile parse error line 2: unknown instruction: DENIED',
    ],
    [
      'an unknown target',
      'target stage "zz" could not be found',
      {},
      'build failed: target stage "zz" could not be found',
    ],
    [
      'an unknown target, 20.10',
      `${frontend}target stage zz could not be found`,
      {},
      'build failed: target stage zz could not be found',
    ],
    [
      'no Dockerfile',
      'failed to solve with frontend dockerfile.v0: failed to read dockerfile: open /var/lib/docker/tmp/buildkit-mount1/app.Dockerfile: no such file or directory',
      {},
      'build failed: the Dockerfile (app.Dockerfile) does not exist',
    ],
    ['something new', 'the moon\nis full', {}, 'build failed: the moon is full'],
    ['trouble in housekeeping', 'something odd', step('[internal] load build context'), 'build failed: something odd'],
  ])('says so: %s', (_, message, facts, expected) => {
    expect(explain(message, facts)).toMatchObject({ kind: 'build-failed', exitCode: 1, message: expected });
  });

  it.each([
    ['secret nope: not found', 'secret-missing', '"nope"'],
    ['secret nope not found: not found', 'secret-missing', '"nope"'],
    ['no SSH key "" forwarded from the client', 'ssh-missing', 'an SSH key'],
    ['no SSH key "deploy" forwarded from the client', 'ssh-missing', '"deploy"'],
  ])('says what it was not given: %s', (message, kind, name) => {
    expect(explain(message)).toMatchObject({ kind, exitCode: 1, message: expect.stringContaining(name) });
  });

  it.each([
    ['not found', 'image-missing', 1, `${metadata('r.example/a:1')}r.example/a:1: not found`, ''],
    ['not found, 20.10', 'image-missing', 1, `${frontend}r.example/a:1: not found`, 'load metadata for r.example/a:1'],
    [
      'not found in COPY --from',
      'image-missing',
      1,
      'failed to load cache key: r.example/a:1: not found',
      'FROM r.example/a:1',
    ],
    [
      'refused',
      'image-denied',
      3,
      `${metadata('r.example/a:1')}unexpected status from HEAD request to https://r.example/v2/a/manifests/1: 401 Unauthorized`,
      '',
    ],
    [
      'refused, 20.10',
      'image-denied',
      3,
      `${frontend}pulling from host r.example failed with status code [manifests 1]: 403 Forbidden`,
      'load metadata for r.example/a:1',
    ],
    [
      'refused by Docker Hub',
      'image-denied',
      3,
      `${metadata('r.example/a:1')}pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`,
      '',
    ],
    [
      'away, at a port that reads like a refusal',
      'registry-unavailable',
      1,
      `${metadata('r.example/a:1')}failed to do request: Head "https://r.example/v2/a/manifests/1": dial tcp 192.0.2.1:403: connect: connection refused`,
      '',
    ],
    [
      'rate-limited',
      'registry-unavailable',
      1,
      `${metadata('r.example/a:1')}unexpected status from HEAD request to https://r.example/v2/a/manifests/1: 429 Too Many Requests`,
      '',
    ],
    [
      'unreachable',
      'registry-unavailable',
      1,
      `${metadata('r.example/a:1')}failed to do request: Head "https://r.example/v2/a/manifests/1": dial tcp: lookup r.example: no such host`,
      '',
    ],
    [
      'for others',
      'platform-missing',
      1,
      `${metadata('r.example/a:1')}no match for platform in manifest: not found`,
      '',
    ],
    [
      'for others, 20.10',
      'platform-missing',
      1,
      `${frontend}no match for platform in manifest sha256:1f: not found`,
      'load metadata for r.example/a:1',
    ],
  ])('names the image that is %s', (_, kind, exitCode, message, name) => {
    const error = explain(message, step(`[internal] ${name}`));
    expect(error).toMatchObject({ kind, exitCode, image: 'r.example/a:1' });
    expect(error.message).toMatch(/^build failed: image r\.example\/a:1: /);
  });

  it('tells a frontend from a base image', () => {
    const name = 'resolve image config for docker-image://r.example/front:1';
    const error = explain(
      'failed to resolve source metadata for r.example/front:1: r.example/front:1: not found',
      step(name),
    );
    expect(error.message).toBe(
      'build failed: Dockerfile frontend (syntax) r.example/front:1: not found in the registry',
    );
  });

  it('shows the failed lines of the Dockerfile, and not too many', () => {
    const data = Buffer.from(['FROM a', 'RUN <<E', '1', '2', '3', '4', '5', '6', 'E'].join('\n')).toString('base64');
    const source = { info: { filename: 'Dockerfile', data }, ranges: [{ start: { line: 2 }, end: { line: 9 } }] };
    const details = Buffer.from(
      toBinary(
        StatusSchema,
        create(StatusSchema, {
          details: [
            { typeUrl: 'x/errdefs.Source+json', value: Buffer.from(JSON.stringify(source)) },
            { typeUrl: 'x/errdefs.Vertex+json', value: Buffer.from('{"digest":"sha256:da"}') },
            { typeUrl: 'x/gatewayapi.ExitMessage+json', value: Buffer.from('{"Code":137}') },
          ],
        }),
      ),
    );
    const error = explain('process "x" did not complete successfully: exit code: 137', {}, { details });
    expect(error).toMatchObject({
      message: 'build failed (Dockerfile line 2): exit code 137',
      hint: expect.stringContaining('memory'),
      details: ['   2 | RUN <<E', '   3 | 1', '   4 | 2', '   5 | 3', '   6 | 4', '     | ...'],
      vertexDigest: 'sha256:da',
      runExitCode: 137,
      source: { startLine: 2, endLine: 9 },
    });
  });

  it('finds the lines itself where the daemon does not say them', () => {
    const dockerfile = { filename: 'docker/Dockerfile', text: 'FROM a\nRUN make \\\n  all\nOOPS' };
    const failedRun = explain('executor failed running [make]: exit code: 2', {
      ...step('[2/2] RUN make all'),
      dockerfile,
    });
    expect(failedRun).toMatchObject({
      message: 'build failed in step [2/2] RUN make all (docker/Dockerfile line 2): exit code 2',
      details: ['   2 | RUN make \\', '   3 |   all'],
      vertexDigest: 'sha256:5e',
    });
    const unparsed = explain(`${frontend}dockerfile parse error line 4: unknown instruction: OOPS`, { dockerfile });
    expect(unparsed.details).toEqual(['   4 | OOPS']);
  });
});

describe('a session that was lost', () => {
  const cut =
    'rpc error: code = Unavailable desc = error reading from server: read unix /run/docker.sock->@: read: connection reset by peer';

  it.each([
    cut,
    `failed to solve: ${cut}`,
    `failed to push r.example/app: failed to authorize: ${cut}`,
    `failed to resolve source metadata for r.example/base:1: failed to authorize: ${cut}`,
    'rpc error: code = Unavailable desc = transport is closing',
    'no active session for 12ab: context deadline exceeded',
  ])('is told by the text alone: %s', (text) => {
    expect(explain(text)).toMatchObject({ code: 'session-lost', exitCode: 5 });
  });
});

it.each([
  'failed to copy: httpReadSeeker: failed open: could not fetch content descriptor sha256:5e (application/vnd.oci.image.layer.v1.tar) from remote: not found',
  'failed to get layer sha256:5e: content digest sha256:5e: not found',
  'failed to prepare x as y: parent snapshot sha256:5e does not exist: not found',
])('a daemon that was pruned meanwhile is told by the text: %s', (text) => {
  expect(explain(text, step('exporting to image'))).toMatchObject({ code: 'cache-lost', exitCode: 5 });
});

describe('a push that failed', () => {
  const url = 'http://r.example:5000/v2/denied/blobs/uploads/12a3?_state=EOFx509timeout&digest=sha256%3A6d17';
  const status = (method: string, place: string, text: string): string =>
    `unexpected status from ${method} request to ${place}: ${text}`;
  const manifests = 'https://r.example/v2/app/manifests/sha256:5e';
  const pushFailure = (reason: string) => {
    const error = explain(`failed to push r.example/app: ${reason}`);
    return error instanceof SolveError ? error.push : undefined;
  };

  it.each([
    `failed commit on ref "config-sha256:6d17": ${status('PUT', url, '404 Not Found')}`,
    status('PATCH', url, '404 Not Found'),
    status('PUT', manifests, '404 Not Found'),
    status('POST', 'https://r.example/v2/app/blobs/uploads/', '500 Internal Server Error'),
    status('PUT', manifests, '429 Too Many Requests'),
    status('HEAD', manifests, '408 Request Timeout'),
    'unexpected status: 503 Service Unavailable',
    `failed to do request: Put "${manifests}": EOF`,
    `failed to do request: Put "${manifests}": read tcp 10.0.0.2:46288->10.0.0.3:443: read: connection reset by peer`,
    `failed to copy: failed to do request: Put "${url}": write tcp 10.0.0.2:1->10.0.0.3:2: use of closed network connection`,
    `failed to do request: Put "${manifests}": http2: server sent GOAWAY and closed the connection`,
    `failed to do request: Put "${manifests}": net/http: TLS handshake timeout`,
    'blob upload unknown to registry',
  ])('may pass by itself: %s', (reason) => {
    expect(pushFailure(reason)).toMatchObject({ isTransient: true, isUnreachable: false });
  });

  it.each([
    status('POST', 'https://r.example/v2/app/blobs/uploads/', '404 Not Found'),
    status('PUT', manifests, '400 Bad Request'),
    status('PUT', manifests, '413 Request Entity Too Large'),
    status('PUT', url, '403 Forbidden'),
    'push access denied, repository does not exist or may require authorization: server message: insufficient_scope',
    'something that nobody has seen yet',
  ])('does not: %s', (reason) => {
    expect(pushFailure(reason)).toMatchObject({ isTransient: false, isUnreachable: false });
  });

  it.each([
    [`failed to do request: Head "${manifests}": dial tcp: lookup r.example on 10.0.0.1:53: no such host`, false],
    [`failed to do request: Head "${manifests}": tls: failed to verify certificate: x509: unknown authority`, false],
    [`failed to do request: Head "${manifests}": remote error: tls: certificate required`, false],
    [`failed to do request: Head "${manifests}": http: server gave HTTP response to HTTPS client`, false],
    [`failed to do request: Head "${manifests}": dial tcp 10.0.0.3:443: connect: connection refused`, true],
    [`failed to do request: Head "${manifests}": dial tcp 10.0.0.3:443: i/o timeout`, true],
  ])('never got there: %s', (reason, isTransient) => {
    expect(pushFailure(reason)).toMatchObject({ isTransient, isUnreachable: true });
  });

  it('is told without the state of an upload, which is of no use to anybody', () => {
    const { message } = explain(`failed to push r.example/app: ${status('PUT', url, '404 Not Found')}`);
    expect(message).toContain('/v2/denied/blobs/uploads/12a3: 404 Not Found');
  });
});

describe('a daemon that does not build', () => {
  const pushTo = (reason: string): string => `failed to push r.example/app: ${reason}`;

  it.each([
    ['push-failed', 4, pushTo('failed to do request: Head "https://r.example/v2/": dial tcp: connection refused'), 2],
    [
      'push-failed',
      3,
      pushTo('unexpected status from HEAD request to https://r.example/v2/app/blobs/x: 401 Unauthorized'),
      2,
    ],
    ['push-failed', 3, pushTo('failed to authorize: no token'), 2],
    ['daemon-cannot', 2, 'exporter "image" could not be found', 2],
    ['daemon-cannot', 2, 'exporting multiple references to image store is currently unsupported', 2],
    ['not-allowed', 1, 'failed to load LLB: network.host is not allowed', 2],
    ['not-allowed', 1, 'granting entitlement security.insecure is not allowed by build daemon configuration', 2],
    ['daemon-disk-full', 5, 'failed to copy files: write /var/lib/x: no space left on device', 2],
    ['session-lost', 5, 'no active session for abc: context deadline exceeded', 2],
    ['limit-exceeded', 5, 'grpc: received message larger than max (5000000 vs. 4194304)', 8],
    ['cancelled', 5, 'context canceled', 1],
  ])('is a %s with exit code %i: %s', (kind, exitCode, message, code) => {
    const error = explain(message, {}, { code });
    expect(error).toMatchObject({ kind, exitCode, grpcCode: code });
    expect(error.message).toContain(message.replace('failed to load LLB: ', '').split(': ').at(-1));
  });

  it('names the repository that was not pushed', () => {
    expect(explain(pushTo('x'))).toMatchObject({ image: 'r.example/app' });
  });

  it('is lost, whatever the text says', () => {
    const error = explain('secret x: not found', {}, { lost: true, code: 14 });
    expect(error).toMatchObject({ kind: 'connection-lost', exitCode: 5 });
    expect(error.message).toContain('connection to the daemon lost');
  });

  it('lost our session and fails because of that', () => {
    const error = explain('error reading from server: EOF', { sessionLoss: 'too many headers' }, { code: 14 });
    expect(error).toMatchObject({
      kind: 'session-lost',
      exitCode: 5,
      message: expect.stringContaining('too many headers'),
    });
  });

  it('lost our session, but the command had failed by itself', () => {
    const message = 'process "x" did not complete successfully: exit code: 1';
    expect(explain(message, { sessionLoss: 'closed' })).toMatchObject({ kind: 'build-failed', exitCode: 1 });
  });
});

describe('a failure of our own', () => {
  const refused = new PluginError({ code: 'auth', exitCode: 3, message: 'login of ci at r.example refused: 401' });

  it('comes back as what it was when the daemon only repeats it', () => {
    const text = `${metadata('r.example/a:1')}failed to authorize: ${refused.message}`;
    expect(explain(text, { capabilityFailures: [refused] })).toBe(refused);
  });

  it('is forgotten when the build failed for another reason', () => {
    const error = explain('the moon is full', { capabilityFailures: [refused] });
    expect(error).toBeInstanceOf(SolveError);
    expect(error.message).toBe('build failed: the moon is full');
  });
});

it('shows no control characters and no endless text', () => {
  const error = explain(`\x1b[31mred\x1b[0m ${'x'.repeat(5_000)}`);
  expect(error.message).not.toMatch(/[\x00-\x1f]/);
  expect(error.message.length).toBeLessThan(600);
});
