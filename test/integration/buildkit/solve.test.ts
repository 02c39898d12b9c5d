// How a build ends, told by a daemon that misbehaves in every way that was seen or feared.
import { create, toBinary } from '@bufbuild/protobuf';
import { afterEach, describe, expect, it } from 'vitest';
import { PluginError } from '../../../src/base/plugin-error.ts';
import {
  BuildHistoryEventSchema,
  BuildHistoryRequestSchema,
  SolveRequestSchema,
  SolveResponseSchema,
  StatusRequestSchema,
  StatusResponseSchema,
  UpdateBuildHistoryRequestSchema,
  UpdateBuildHistoryResponseSchema,
} from '../../../src/buildkit/gen/build_control_pb.js';
import { CredentialsRequestSchema } from '../../../src/buildkit/gen/registry_auth_pb.js';
import { StatusSchema } from '../../../src/buildkit/gen/rpc_status_pb.js';
import { authCapability } from '../../../src/buildkit/session/auth.ts';
import { solve, type SolveOptions, type SolveResult, type SolveTimes } from '../../../src/buildkit/solve.ts';
import type { StatusUpdate } from '../../../src/buildkit/status.ts';
import { callSession, ScriptedDaemon, type Script, type ScriptedCall } from './scripted-daemon.ts';

/** Long enough that only a test of the limit itself runs into it. */
const patient: SolveTimes = {
  pingIntervalMs: 60_000,
  progressDrainMs: 60_000,
  silentDrainMs: 60_000,
  abortDrainMs: 60_000,
  historyDelayMs: 60_000,
  historyLimitMs: 60_000,
  forgetLimitMs: 60_000,
  stopLimitMs: 60_000,
};

const digest = { 'containerimage.digest': 'sha256:ab' };
const succeed = (call: ScriptedCall): void => {
  call.send(SolveResponseSchema, { ExporterResponse: digest });
  call.end(0);
};
const noHistory = (call: ScriptedCall): void => call.end(12, 'unknown method');
const nothing = (): void => undefined;

/** A daemon that builds, without a history. */
const working: Script = {
  Solve: succeed,
  Status: (call) => call.end(0),
  UpdateBuildHistory: noHistory,
  ListenBuildHistory: noHistory,
};

let daemon: ScriptedDaemon;
let updates: StatusUpdate[];

function build(
  script: Script,
  options: Partial<SolveOptions> = {},
  times: Partial<SolveTimes> = {},
): Promise<SolveResult> {
  start(script);
  return run(options, times);
}

function start(script: Script): ScriptedDaemon {
  daemon = new ScriptedDaemon({ ...working, ...script });
  updates = [];
  return daemon;
}

function run(options: Partial<SolveOptions> = {}, times: Partial<SolveTimes> = {}): Promise<SolveResult> {
  return solve(
    {
      dial: daemon.dial,
      log: { info: nothing, warn: nothing, debug: nothing },
      signal: new AbortController().signal,
      frontend: 'dockerfile.v0',
      frontendAttrs: { filename: 'Dockerfile' },
      exporters: [],
      cacheImports: [],
      cacheExports: [],
      entitlements: [],
      sharedKey: 'key',
      capabilities: [],
      onStatus: (update) => updates.push(update),
      ...options,
    },
    { ...patient, ...times },
  );
}

// Fails by its time limit when a connection stays open.
afterEach(async () => {
  await daemon.finish();
}, 5_000);

describe('a build that succeeds', () => {
  it('returns what the exporters said, after session, progress and solve in this order', async () => {
    const result = await build({});
    expect(result.exporterResponse).toEqual(digest);
    expect(daemon.events.filter((event) => event.startsWith('dial'))).toEqual([
      'dial /session',
      'dial /grpc',
      'dial /grpc',
    ]);
    expect(daemon.events.filter((event) => event.startsWith('call')).slice(0, 2)).toEqual([
      'call Status',
      'call Solve',
    ]);
  });

  it('asks for what it was told; old daemons, which know one exporter, get the last one', async () => {
    let request: unknown;
    const result = await build(
      {
        Solve: (call) => {
          request = call.read(SolveRequestSchema);
          succeed(call);
        },
      },
      {
        exporters: [
          { type: 'local', attrs: {} },
          { type: 'image', attrs: { name: 'r.example/a' } },
        ],
        cacheImports: [{ type: 'registry', attrs: { ref: 'r.example/c' } }],
        cacheExports: [{ type: 'inline', attrs: {} }],
        entitlements: ['network.host'],
      },
    );
    const { headers } = await daemon.session();
    const id = headers.find(([name]) => name === 'X-Docker-Expose-Session-Uuid')?.[1];
    expect(request).toMatchObject({
      Ref: result.ref,
      Session: id,
      Frontend: 'dockerfile.v0',
      FrontendAttrs: { filename: 'Dockerfile' },
      ExporterDeprecated: 'image',
      ExporterAttrsDeprecated: { name: 'r.example/a' },
      Exporters: [
        { Type: 'local', Attrs: {} },
        { Type: 'image', Attrs: { name: 'r.example/a' } },
      ],
      Cache: {
        Exports: [{ Type: 'inline', Attrs: {} }],
        Imports: [{ Type: 'registry', Attrs: { ref: 'r.example/c' } }],
      },
      Entitlements: ['network.host'],
    });
    expect(result.ref).toMatch(/^[0-9a-f]{32}$/);
    expect(id).toMatch(/^[0-9a-f]{32}$/);
  });

  it('announces its capabilities and health in repeated headers', async () => {
    const never = (): Promise<never> => Promise.reject(new Error('not expected'));
    await build({}, { capabilities: [authCapability({ fetchToken: never, login: never, hasLogin: never })] });
    const { headers } = await daemon.session();
    expect(headers).toContainEqual(['X-Docker-Expose-Session-Sharedkey', 'key']);
    expect(headers.filter(([name]) => name.endsWith('Grpc-Method')).map(([, value]) => value)).toEqual([
      '/moby.filesync.v1.Auth/GetTokenAuthority',
      '/moby.filesync.v1.Auth/VerifyTokenAuthority',
      '/moby.filesync.v1.Auth/FetchToken',
      '/moby.filesync.v1.Auth/Credentials',
      '/grpc.health.v1.Health/Check',
    ]);
  });

  it('hands on all progress that belongs to it, also what comes after the answer', async () => {
    const status: ScriptedCall[] = [];
    await build({
      Status: (call) => {
        status.push(call);
        call.send(StatusResponseSchema, { vertexes: [{ digest: 'sha256:1', name: 'one' }] });
      },
      Solve: (call) => {
        succeed(call);
        void call.closed().then(() => {
          status[0]?.send(StatusResponseSchema, { vertexes: [{ digest: 'sha256:2', name: 'two' }] });
          status[0]?.end(0);
        });
      },
    });
    expect(updates.flatMap(({ vertexes }) => vertexes.map(({ name }) => name))).toEqual(['one', 'two']);
  });

  it('asks for the progress of its own build and removes it from the history afterwards', async () => {
    const refs: unknown[] = [];
    const { ref } = await build({
      Status: (call) => {
        refs.push(call.read(StatusRequestSchema).Ref);
        call.end(0);
      },
      UpdateBuildHistory: (call) => {
        refs.push(call.read(UpdateBuildHistoryRequestSchema));
        call.send(UpdateBuildHistoryResponseSchema, {});
        call.end(0);
      },
    });
    expect(refs).toEqual([ref, expect.objectContaining({ Ref: ref, Delete: true })]);
  });

  it.each<[string, Script]>([
    ['progress is not to be had', { Status: (call) => call.end(2, 'no such job') }],
    ['progress breaks off', { Status: (call) => call.endWithoutTrailers() }],
    ['progress is nonsense', { Status: (call) => call.stream.end(Buffer.from('HTTP/1.1 500')) }],
    ['the history cannot be changed', { UpdateBuildHistory: (call) => call.stream.close(2) }],
  ])('succeeds although %s', async (_, script) => {
    const result = await build(script, {}, { progressDrainMs: 20, forgetLimitMs: 20 });
    expect(result.exporterResponse).toEqual(digest);
  });

  it('does not wait for progress that never ends', async () => {
    const result = await build({ Status: nothing }, {}, { progressDrainMs: 20 });
    expect(result.exporterResponse).toEqual(digest);
    expect(daemon.events).toContain('reset Status 8');
  });

  it('gives each build names of its own', async () => {
    const first = await build({});
    expect((await run()).ref).not.toBe(first.ref);
  });
});

describe('a build is not successful', () => {
  it.each<[string, Script, object]>([
    [
      'the answer has no trailers',
      {
        Solve: (call) => {
          call.send(SolveResponseSchema, { ExporterResponse: digest });
          call.endWithoutTrailers();
        },
      },
      { kind: 'connection-lost', exitCode: 5 },
    ],
    [
      'the trailers say otherwise',
      {
        Solve: (call) => {
          call.send(SolveResponseSchema, { ExporterResponse: digest });
          call.end(2, 'failed after all');
        },
      },
      { kind: 'build-failed', exitCode: 1, message: 'build failed: failed after all' },
    ],
    [
      'there is a good status without an answer',
      { Solve: (call) => call.end(0) },
      { kind: 'build-failed', grpcCode: 13 },
    ],
    [
      'there are two answers',
      {
        Solve: (call) => {
          call.send(SolveResponseSchema, {});
          succeed(call);
        },
      },
      { grpcCode: 13 },
    ],
    [
      'the answer is cut short',
      {
        Solve: (call) => {
          call.send(SolveResponseSchema, {});
          call.stream.write(Buffer.from([0, 0, 0, 0, 9, 1]));
          call.end(0);
        },
      },
      { grpcCode: 13 },
    ],
    ['the answer is compressed', { Solve: (call) => call.stream.end(Buffer.from([1, 0, 0, 0, 0])) }, { grpcCode: 12 }],
    ['the daemon dies', { Solve: () => daemon.die() }, { kind: 'connection-lost', exitCode: 5 }],
    ['the call is reset', { Solve: (call) => call.stream.close(2) }, { kind: 'connection-lost', exitCode: 5 }],
    ['the daemon cancels the call', { Solve: (call) => call.stream.close(8) }, { kind: 'cancelled', exitCode: 5 }],
    [
      'the daemon was stopped',
      { Solve: (call) => call.end(1, 'context canceled') },
      { kind: 'cancelled', exitCode: 5 },
    ],
    [
      'a proxy answers',
      {
        Solve: (call) => {
          call.stream.respond({ ':status': 502, 'content-type': 'text/html' });
          call.stream.end('<html>');
        },
      },
      { grpcCode: 2, message: expect.stringContaining('502') },
    ],
    [
      'a message is too large',
      { Solve: (call) => call.end(8, 'grpc: received message larger than max (5 vs. 4)') },
      { kind: 'limit-exceeded', exitCode: 5, message: expect.stringContaining('5 vs. 4') },
    ],
  ])('when %s', async (_, script, error) => {
    await expect(build(script)).rejects.toMatchObject(error);
  });

  it('when the daemon goes silent', async () => {
    start({});
    daemon.silent = new Set([1]);
    const failure = run({}, { pingIntervalMs: 10, historyLimitMs: 50 });
    await expect(failure).rejects.toMatchObject({ kind: 'connection-lost', exitCode: 5 });
    await expect(failure).rejects.toThrow('pings were not answered');
  });

  it('when the session is gone, and says that this was why', async () => {
    const failure = build({
      Solve: (call) => {
        void daemon.session().then(({ socket }) => {
          socket.destroy();
          setImmediate(() => call.end(2, 'something about a transport'));
        });
      },
    });
    await expect(failure).rejects.toMatchObject({ kind: 'session-lost', exitCode: 5 });
  });

  it('and the failed step of the progress is part of the error', async () => {
    const vertexes = [
      { digest: 'sha256:1', name: '[1/2] RUN sleep', error: 'process "sleep": context canceled' },
      { digest: 'sha256:2', name: '[2/2] RUN make', error: 'exit code: 3' },
    ];
    const failure = build({
      Status: (call) => {
        call.send(StatusResponseSchema, { vertexes });
        call.end(0);
      },
      Solve: (call) => call.end(2, 'executor failed running [make]: exit code: 3'),
    });
    await expect(failure).rejects.toMatchObject({
      vertexDigest: 'sha256:2',
      runExitCode: 3,
      message: 'build failed in step [2/2] RUN make: exit code 3',
    });
  });

  it('and a failure of our own capability comes back as it was', async () => {
    const refusal = new PluginError({ code: 'auth', exitCode: 3, message: 'login of ci at r.example refused' });
    const refuse = (): Promise<never> => Promise.reject(refusal);
    const failure = build(
      {
        Solve: (call) => {
          const request = toBinary(CredentialsRequestSchema, create(CredentialsRequestSchema, { Host: 'r.example' }));
          void daemon
            .session()
            .then((session) => callSession(session, '/moby.filesync.v1.Auth/Credentials', request))
            .then(({ headers }) => call.end(2, `failed to authorize: ${String(headers['grpc-message'])}`));
        },
      },
      { capabilities: [authCapability({ fetchToken: refuse, login: refuse, hasLogin: refuse })] },
    );
    await expect(failure).rejects.toBe(refusal);
  });
});

describe('the build history', () => {
  const failedRecord = (call: ScriptedCall): void => {
    const { Ref, EarlyExit } = call.read(BuildHistoryRequestSchema);
    expect(EarlyExit).toBe(true);
    const detail = { typeUrl: 'x/gatewayapi.ExitMessage+json', value: Buffer.from('{"Code":4}') };
    call.send(BuildHistoryEventSchema, { record: { Ref: 'another', error: { code: 2, message: 'not ours' } } });
    call.send(BuildHistoryEventSchema, { record: { Ref, error: { code: 2, message: 'recorded', details: [detail] } } });
    call.end(0);
  };

  it('tells the failure that the answer could not bring', async () => {
    const connections: number[] = [];
    const failure = build(
      {
        Solve: nothing,
        ListenBuildHistory: (call) => {
          connections.push(call.connection);
          failedRecord(call);
        },
      },
      {},
      { historyDelayMs: 1 },
    );
    await expect(failure).rejects.toMatchObject({ kind: 'build-failed', runExitCode: 4 });
    expect(connections).toEqual([2]);
  });

  it('tells it also when the connection was given up before', async () => {
    start({ ListenBuildHistory: failedRecord, Status: nothing });
    daemon.silent = new Set([1]);
    const failure = run({}, { pingIntervalMs: 10, silentDrainMs: 1 });
    await expect(failure).rejects.toMatchObject({ kind: 'build-failed', runExitCode: 4 });
  });

  it.each<[string, (call: ScriptedCall) => void]>([
    ['does not know the build', (call) => call.end(0)],
    [
      'has a record without an error',
      (call) => {
        call.send(BuildHistoryEventSchema, { record: { Ref: call.read(BuildHistoryRequestSchema).Ref } });
        call.end(0);
      },
    ],
    ['breaks off', (call) => call.stream.close(2)],
    ['does not exist', noHistory],
  ])('decides nothing when it %s: the answer is waited for', async (_, script) => {
    const solves: ScriptedCall[] = [];
    const result = await build(
      {
        Solve: (call) => solves.push(call),
        ListenBuildHistory: (call) => {
          script(call);
          void call.closed().then(() => solves.splice(0).forEach(succeed));
        },
      },
      {},
      { historyDelayMs: 1 },
    );
    expect(result.exporterResponse).toEqual(digest);
  });

  it('is never taken for a success', async () => {
    const record = (call: ScriptedCall): void => {
      call.send(BuildHistoryEventSchema, {
        record: { Ref: call.read(BuildHistoryRequestSchema).Ref, error: create(StatusSchema, { code: 0 }) },
      });
      call.end(0);
    };
    const failure = build({ Solve: () => daemon.die(), ListenBuildHistory: record });
    await expect(failure).rejects.toMatchObject({ kind: 'connection-lost' });
  });
});

describe('an abort', () => {
  const reason = new PluginError({ code: 'terminated', exitCode: 143, message: 'stopped by SIGTERM' });

  it('resets the solve first, waits for the step to stop, and closes the session last', async () => {
    const abort = new AbortController();
    const status: ScriptedCall[] = [];
    const failure = build(
      {
        Status: (call) => status.push(call),
        Solve: (call) => {
          void call.closed().then(() => {
            status[0]?.send(StatusResponseSchema, { vertexes: [{ digest: 'sha256:1', error: 'context canceled' }] });
            status[0]?.end(0);
          });
          abort.abort(reason);
        },
      },
      { signal: abort.signal },
    );
    await expect(failure).rejects.toBe(reason);
    await daemon.allClosed();
    const order = daemon.events.filter((event) => event === 'reset Solve 8' || event === 'close /session');
    expect(order).toEqual(['reset Solve 8', 'close /session']);
    expect(updates.flatMap(({ vertexes }) => vertexes.map(({ error }) => error))).toEqual(['context canceled']);
  });

  it('does not wait long for a daemon that does not stop', async () => {
    const abort = new AbortController();
    const script: Script = {
      Status: (call) => call.send(StatusResponseSchema, { vertexes: [{ digest: 'sha256:1' }] }),
      Solve: () => abort.abort(reason),
    };
    let ended = 0;
    const options = { signal: abort.signal, onEnded: () => (ended += 1) };
    await expect(build(script, options, { abortDrainMs: 20, silentDrainMs: 20 })).rejects.toBe(reason);
    expect(ended).toBe(0);
  });

  it('knows that the build is over once the daemon has ended the progress', async () => {
    const abort = new AbortController();
    let ended = 0;
    const status: ScriptedCall[] = [];
    const script: Script = {
      Status: (call) => status.push(call),
      Solve: (call) => {
        void call.closed().then(() => status[0]?.end(0));
        abort.abort(reason);
      },
    };
    await expect(build(script, { signal: abort.signal, onEnded: () => (ended += 1) })).rejects.toBe(reason);
    expect(ended).toBe(1);
  });

  it('leaves the history alone when the daemon has used up the time', async () => {
    const abort = new AbortController();
    const script: Script = {
      Status: (call) => call.send(StatusResponseSchema, { vertexes: [{ digest: 'sha256:1' }] }),
      Solve: () => abort.abort(reason),
      UpdateBuildHistory: (call) => call.end(2, 'lease not found'),
    };
    const times = { abortDrainMs: 20, silentDrainMs: 20, stopLimitMs: 40 };
    await expect(build(script, { signal: abort.signal }, times)).rejects.toBe(reason);
  });

  it('before the start opens nothing', async () => {
    const failure = build({}, { signal: AbortSignal.abort(reason) });
    await expect(failure).rejects.toBe(reason);
    expect(daemon.events).toEqual([]);
  });

  it('repeats the removal from the history until the stopped build is entered there', async () => {
    const abort = new AbortController();
    const answers = [2, 2, 0];
    const script: Script = {
      Solve: () => abort.abort(reason),
      UpdateBuildHistory: (call) => {
        const code = answers.shift() ?? 0;
        if (code === 0) call.send(UpdateBuildHistoryResponseSchema, {});
        call.end(code, code === 0 ? '' : 'lease not found');
      },
    };
    await expect(build(script, { signal: abort.signal })).rejects.toBe(reason);
    expect(answers).toEqual([]);
  });
});

describe('when the daemon cannot be reached', () => {
  it.each([0, 1])('on connection %i, everything that was opened is closed', async (number) => {
    start({});
    daemon.refused = new Set([number]);
    await expect(run()).rejects.toThrow('refused');
  });
});
