import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PluginError } from '../../../src/base/plugin-error.ts';
import { connectEngine, type EngineOptions } from '../../../src/engine/connect.ts';
import { type Handler, healthy, json, startFakeEngine } from './fake-engine.ts';

const signal = new AbortController().signal;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'connect-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function options(more: Partial<EngineOptions> = {}): EngineOptions & { readonly lines: string[] } {
  const lines: string[] = [];
  const note = (line: string): void => void lines.push(line);
  const log = { info: note, warn: note, debug: note };
  return { tlsVerify: false, waitSeconds: 0, socketCandidates: [], log, lines, answerLimitMs: 2000, ...more };
}

async function failureOf(promise: Promise<unknown>): Promise<PluginError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof PluginError)) throw new Error(`no PluginError: ${String(error)}`);
  return error;
}

async function listenRaw(path: string, onData: (server: Server) => string): Promise<AsyncDisposable> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => socket.end(onData(server)));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return { [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}

const ping = (headers: Record<string, string>, status = 200): Record<string, Handler> => ({
  ...healthy,
  'GET /_ping': (_, response) => void response.writeHead(status, headers).end('OK'),
});

describe('a daemon that answers', () => {
  it('is connected to by its unix address', async () => {
    await using engine = await startFakeEngine(healthy);
    const connected = await connectEngine(options({ host: `unix://${engine.socketPath}` }), signal);
    expect(connected).toMatchObject({
      address: `unix://${engine.socketPath}`,
      version: '26.1.5',
      apiVersion: '1.45',
      versionPrefix: '',
    });
    expect(engine.requests).toEqual(['GET /_ping', 'GET /version']);
  });

  it('is found behind the first candidate that is there', async () => {
    await using engine = await startFakeEngine(healthy);
    const socketCandidates = [join(folder, 'absent.sock'), engine.socketPath];
    const connected = await connectEngine(options({ socketCandidates }), signal);
    expect(connected.address).toBe(`unix://${engine.socketPath}`);
  });

  it('is waited for while it starts', async () => {
    const socketPath = join(folder, 'late.sock');
    const given = options({ host: `unix://${socketPath}`, waitSeconds: 20 });
    const connecting = connectEngine(given, signal);
    await expect.poll(() => given.lines).toEqual([`no daemon at unix://${socketPath} yet; waiting up to 20 s`]);
    await using engine = await startFakeEngine(healthy, socketPath);
    await connecting;
    expect(engine.requests).toContain('GET /version');
  });

  it.each([
    ['once is asked again', 1, 2, undefined],
    ['each time is given up', 9, 3, 'daemon-unreachable'],
  ])('that hangs up when asked for its version %s', async (_, times, asked, code) => {
    let left = times;
    await using engine = await startFakeEngine({
      ...healthy,
      'GET /version': (request, response) => {
        if (left-- > 0) request.socket.destroy();
        else healthy['GET /version']?.(request, response);
      },
    });
    const ended = await connectEngine(options({ host: `unix://${engine.socketPath}` }), signal).then(
      () => undefined,
      (error: unknown) => (error instanceof PluginError ? error.code : 'no PluginError'),
    );
    expect(ended).toBe(code);
    expect(engine.requests.filter((request) => request === 'GET /version')).toHaveLength(asked);
  });

  it('is asked in the API version that was wanted', async () => {
    await using engine = await startFakeEngine({
      ...healthy,
      'DELETE /v1.41/images/docker-build.invalid/x:1': (_, response) => json(response, []),
    });
    const connected = await connectEngine(options({ host: `unix://${engine.socketPath}`, apiVersion: '1.41' }), signal);
    await connected.docker.getImage('docker-build.invalid/x:1').remove();
    expect(engine.requests).toContain('DELETE /v1.41/images/docker-build.invalid/x:1');
  });

  it('is dialled for a byte stream that keeps what came with the answer', async () => {
    await using engine = await startFakeEngine({
      ...healthy,
      'UPGRADE /grpc': (request, socket) => {
        expect(request.headers).toMatchObject({ upgrade: 'h2c', host: 'docker', 'x-one': 'a, b' });
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nearly');
      },
    });
    const { dial } = await connectEngine(options({ host: `unix://${engine.socketPath}` }), signal);
    const headers = [
      ['x-one', 'a'],
      ['x-one', 'b'],
    ] as const;
    const stream = await dial('/grpc', headers, signal);
    const [chunk] = await new Promise<[Buffer]>((resolve) => stream.once('data', (data: Buffer) => resolve([data])));
    expect(chunk.toString()).toBe('early');
    stream.destroy();
  });

  it('is heard with its own words when it refuses a dial', async () => {
    await using engine = await startFakeEngine({
      ...healthy,
      'UPGRADE /session': (_, socket) => {
        const body = '{"message":"no upgrade proto in request"}';
        socket.end(`HTTP/1.1 500 Oops\r\nContent-Length: ${String(body.length)}\r\n\r\n${body}`);
      },
    });
    const { dial } = await connectEngine(options({ host: `unix://${engine.socketPath}` }), signal);
    const error = await failureOf(dial('/session', [], signal));
    expect(error).toMatchObject({ exitCode: 5, message: 'daemon, POST /session: no upgrade proto in request' });
  });

  it.each([
    ['1.45', 'daemon-without-buildkit'],
    ['1.53', 'daemon-needs-direct-http2'],
  ])('with API %s that knows no upgrade is refused as %s', async (apiVersion, code) => {
    await using engine = await startFakeEngine({
      ...healthy,
      'GET /version': (_, response) => json(response, { Version: '30', ApiVersion: apiVersion }),
      'UPGRADE /grpc': (_, socket) => void socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'),
    });
    const { dial } = await connectEngine(options({ host: `unix://${engine.socketPath}` }), signal);
    expect(await failureOf(dial('/grpc', [], signal))).toMatchObject({ exitCode: 5, code });
  });
});

describe('a daemon that cannot be reached', () => {
  it('is named when its socket is absent, with the three cures', async () => {
    const socketCandidates = [join(folder, 'a.sock'), join(folder, 'b.sock')];
    const error = await failureOf(connectEngine(options({ socketCandidates }), signal));
    expect(error.exitCode).toBe(5);
    expect(error.message).toBe(
      `no daemon: unix://${folder}/a.sock (no such socket), unix://${folder}/b.sock (no such socket)`,
    );
    for (const cure of ['DRONE_RUNNER_VOLUMES', 'DRONE_RUNNER_ENV_FILE', 'docker_host']) {
      expect(error.hint).toContain(cure);
    }
  });

  it('is waited for no longer than was asked', async () => {
    const startedMs = performance.now();
    const error = await failureOf(
      connectEngine(options({ socketCandidates: [join(folder, 'a')], waitSeconds: 1 }), signal),
    );
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(1000);
    expect(error.message).toContain('no daemon after 1 s');
  });

  it('stops waiting when the run is aborted', async () => {
    const controller = new AbortController();
    const given = options({ socketCandidates: [join(folder, 'a')], waitSeconds: 60 });
    const connecting = connectEngine(given, controller.signal);
    await expect.poll(() => given.lines.length).toBe(1);
    controller.abort(new Error('terminated'));
    await expect(connecting).rejects.toThrow(/terminated|aborted/);
  });

  it('is told apart when the socket file has no listener', async () => {
    const dead = join(folder, 'dead.sock');
    // A socket file outlives a process that was killed.
    const script = `require('node:net').createServer().listen(${JSON.stringify(dead)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script]);
    const error = await failureOf(connectEngine(options({ host: `unix://${dead}` }), signal));
    expect(error).toMatchObject({
      exitCode: 5,
      message: `no daemon: unix://${dead} (a socket file without a listener)`,
    });
  });

  it('is told apart at once when the runner mounted a folder', async () => {
    mkdirSync(join(folder, 'docker.sock'));
    const error = await failureOf(
      connectEngine(options({ host: `unix://${folder}/docker.sock`, waitSeconds: 60 }), signal),
    );
    expect(error.message).toContain('a folder in place of a socket');
  });

  it.skipIf(process.getuid?.() !== 0)('is refused at once to a user without permission', async () => {
    await using engine = await startFakeEngine(healthy);
    chmodSync(join(engine.socketPath, '..'), 0o755);
    chmodSync(engine.socketPath, 0o600);
    const seteuid = process.seteuid?.bind(process) ?? (() => undefined);
    seteuid(12_345);
    let error;
    try {
      error = await failureOf(connectEngine(options({ host: `unix://${engine.socketPath}`, waitSeconds: 60 }), signal));
    } finally {
      seteuid(0);
    }
    expect(error).toMatchObject({ exitCode: 5, code: 'daemon-permission' });
    expect(error.message).toMatch(/runs as uid \d+, gid 0, the socket is 0:0 with mode 0600$/);
  });

  it('is given up when it accepts and never answers', async () => {
    await using engine = await startFakeEngine({ 'GET /_ping': () => undefined });
    const error = await failureOf(
      connectEngine(options({ host: `unix://${engine.socketPath}`, answerLimitMs: 300, waitSeconds: 60 }), signal),
    );
    expect(error.exitCode).toBe(5);
    expect(error.message).toContain('accepted the connection and gave no answer within 0.3 s');
  });

  it('is not looked for behind ssh', async () => {
    expect(await failureOf(connectEngine(options({ host: 'ssh://me@host' }), signal))).toMatchObject({ exitCode: 2 });
  });

  it.each(['tcp://127.0.0.1:1', 'http://127.0.0.1:1'])('is named when %s refuses', async (host) => {
    const error = await failureOf(connectEngine(options({ host }), signal));
    expect(error).toMatchObject({ exitCode: 5, message: 'no daemon: tcp://127.0.0.1:1 (connection refused)' });
  });

  it('is not connected to without the certificates that were promised', async () => {
    const given = options({ host: 'tcp://127.0.0.1:1', tlsVerify: true, certPath: join(folder, 'certs') });
    const error = await failureOf(connectEngine(given, signal));
    expect(error.exitCode).toBe(5);
    expect(error.message).toContain(join(folder, 'certs'));
    expect(error.hint).toContain('DOCKER_CERT_PATH');
  });
});

describe('something that is no daemon for us', () => {
  it.each<[string, Record<string, Handler>, string, RegExp]>([
    [
      'a web server',
      ping({ Server: 'nginx' }, 404),
      'not-a-daemon',
      /is not a Docker Engine API \(it answered status 404, server nginx\)/,
    ],
    ['an API without a version', ping({}), 'not-a-daemon', /is not a Docker Engine API/],
    ['an old engine', ping({ 'Api-Version': '1.38' }), 'daemon-too-old', /API 1\.38 .* too old: BuildKit needs 1\.39/],
    [
      'BuildKit switched off',
      ping({ 'Api-Version': '1.41', 'Builder-Version': '1' }),
      'daemon-without-buildkit',
      /switched off/,
    ],
    ['a Windows engine', ping({ 'Api-Version': '1.41', OSType: 'windows' }), 'daemon-without-buildkit', /Windows/],
    ['Podman', ping({ 'Api-Version': '1.41', 'Libpod-Api-Version': '4.3.1' }), 'daemon-without-buildkit', /Podman/],
    [
      'a version answer that is none',
      { ...healthy, 'GET /version': (_, response) => json(response, []) },
      'not-a-daemon',
      /GET \/version: status 200/,
    ],
  ])('%s ends with exit 5', async (_, handlers, code, message) => {
    await using engine = await startFakeEngine(handlers);
    const error = await failureOf(connectEngine(options({ host: `unix://${engine.socketPath}` }), signal));
    expect(error).toMatchObject({ exitCode: 5, code });
    expect(error.message).toMatch(message);
  });

  it('a server that does not speak HTTP ends with exit 5', async () => {
    const path = join(folder, 'ssh.sock');
    await using _server = await listenRaw(path, () => 'SSH-2.0-OpenSSH_9.2\r\n');
    const error = await failureOf(connectEngine(options({ host: `unix://${path}` }), signal));
    expect(error).toMatchObject({ exitCode: 5, code: 'not-a-daemon' });
  });

  it('an API version outside of the window of the engine is refused with both', async () => {
    await using engine = await startFakeEngine(healthy);
    const given = options({ host: `unix://${engine.socketPath}`, apiVersion: '1.60' });
    const error = await failureOf(connectEngine(given, signal));
    expect(error).toMatchObject({ exitCode: 5, code: 'api-version' });
    expect(error.message).toContain('speaks API 1.24 to 1.45, and 1.60 was asked for');
  });
});
