// Calls on one connection to the daemon, beyond what a build does.
import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { performServerHandshake } from 'node:http2';
import { afterEach, describe, expect, it } from 'vitest';
import { ControlClient } from '../../../src/buildkit/control-client.ts';
import { ListWorkersResponseSchema, StatusResponseSchema } from '../../../src/buildkit/gen/build_control_pb.js';
import { GrpcConnection } from '../../../src/buildkit/grpc-connection.ts';
import { ScriptedDaemon, type Script, type ScriptedCall } from './scripted-daemon.ts';

const { signal } = new AbortController();
const closing: { close(): void }[] = [];
let daemon: ScriptedDaemon;

async function client(script: Script): Promise<ControlClient> {
  daemon = new ScriptedDaemon(script);
  const opened = await ControlClient.connect(daemon.dial, signal);
  closing.push(opened);
  return opened;
}

async function connection(script: Script, pingIntervalMs = 60_000): Promise<GrpcConnection> {
  daemon = new ScriptedDaemon(script);
  const opened = await GrpcConnection.connect(daemon.dial, signal, { pingIntervalMs });
  closing.push(opened);
  return opened;
}

afterEach(async () => {
  for (const opened of closing.splice(0)) opened.close();
  await daemon.finish();
}, 5_000);

describe('listWorkers', () => {
  it('tells what the daemon can do', async () => {
    const control = await client({
      ListWorkers: (call) => {
        call.send(ListWorkersResponseSchema, {
          record: [{ ID: 'w', Labels: { a: 'b' }, platforms: [{ OS: 'linux', Architecture: 'amd64' }] }],
        });
        call.end(0);
      },
    });
    expect(await control.listWorkers(signal)).toEqual([{ id: 'w', labels: { a: 'b' }, platforms: ['linux/amd64'] }]);
  });

  it.each<[string, (call: ScriptedCall) => void]>([
    ['refuses', (call) => call.end(12, 'unknown service')],
    ['goes away', () => daemon.die()],
  ])('is an error with exit code 5 when the daemon %s', async (_, script) => {
    const control = await client({ ListWorkers: script });
    await expect(control.listWorkers(signal)).rejects.toMatchObject({ code: 'daemon-unavailable', exitCode: 5 });
  });

  it('can be aborted', async () => {
    const abort = new AbortController();
    const control = await client({ ListWorkers: () => abort.abort(new Error('enough')) });
    await expect(control.listWorkers(abort.signal)).rejects.toThrow('enough');
  });
});

describe('a connection', () => {
  const path = '/moby.buildkit.v1.Control/Status';

  it('lives as long as its pings are answered', async () => {
    const [ours, theirs] = duplexPair();
    const server = performServerHandshake(theirs);
    server.on('error', () => undefined);
    daemon = new ScriptedDaemon({});
    closing.push(await GrpcConnection.connect(() => Promise.resolve(ours), signal, { pingIntervalMs: 2 }));
    for (let i = 0; i < 10; i++) await once(server, 'ping');
    expect(ours.destroyed).toBe(false);
  });

  it('is lost when they are not, for the calls under way and for later ones', async () => {
    daemon = new ScriptedDaemon({});
    daemon.silent = new Set([0]);
    const opened = await GrpcConnection.connect(daemon.dial, signal, { pingIntervalMs: 5 });
    const lost = { lost: true, grpcCode: 14, message: expect.stringContaining('pings were not answered') };
    await expect(opened.call(path, Buffer.alloc(0), () => undefined, signal)).rejects.toMatchObject(lost);
    await expect(opened.call(path, Buffer.alloc(0), () => undefined, signal)).rejects.toMatchObject({ lost: true });
  });

  it('resets a call whose receiver throws, and says why', async () => {
    const resets: Promise<number>[] = [];
    const opened = await connection({
      Status: (call) => {
        resets.push(call.closed());
        call.send(StatusResponseSchema, {});
      },
    });
    const receive = (): never => {
      throw new Error('receiver broke');
    };
    await expect(opened.call(path, Buffer.alloc(0), receive, signal)).rejects.toThrow('receiver broke');
    expect(await Promise.all(resets)).toEqual([8]);
  });

  it('resets an aborted call and goes on with others', async () => {
    const abort = new AbortController();
    const opened = await connection({
      Status: (call) => {
        if (abort.signal.aborted) call.end(0);
        else abort.abort(new Error('enough'));
      },
    });
    await expect(opened.call(path, Buffer.alloc(0), () => undefined, abort.signal)).rejects.toThrow('enough');
    await opened.call(path, Buffer.alloc(0), () => undefined, signal);
  });

  it('carries the details of a failure', async () => {
    const opened = await connection({ Status: (call) => call.end(2, 'why', Buffer.from([1, 2, 3])) });
    await expect(opened.call(path, Buffer.alloc(0), () => undefined, signal)).rejects.toMatchObject({
      grpcCode: 2,
      message: 'why',
      lost: false,
      details: Buffer.from([1, 2, 3]),
    });
  });

  it('to something that is no HTTP/2 server is lost', async () => {
    const [ours, theirs] = duplexPair();
    daemon = new ScriptedDaemon({});
    theirs.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    const call = async (): Promise<void> => {
      const opened = await GrpcConnection.connect(() => Promise.resolve(ours), signal);
      await opened.call(path, Buffer.alloc(0), () => undefined, signal);
    };
    await expect(call()).rejects.toMatchObject({ lost: true });
  });
});
