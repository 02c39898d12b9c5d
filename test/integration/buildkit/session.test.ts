// The session as the daemon sees it: what it may call, what comes back, and what happens when one side goes away.
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { PluginError } from '../../../src/base/plugin-error.ts';
import { frameMessage } from '../../../src/buildkit/grpc.ts';
import { RpcError, type MethodHandler, type ServerCall } from '../../../src/buildkit/session/capability.ts';
import { healthCapability } from '../../../src/buildkit/session/health.ts';
import { Session } from '../../../src/buildkit/session/session.ts';
import { callSession, openCall, readAnswer, ScriptedDaemon, type DaemonSession } from './scripted-daemon.ts';

const method = '/test.Service/Method';

let daemon: ScriptedDaemon;
let session: Session;
let debugLines: string[];

/** A session that serves one method, and the daemon's end of it. */
async function serve(handler: MethodHandler): Promise<DaemonSession> {
  daemon = new ScriptedDaemon({});
  debugLines = [];
  const nothing = (): void => undefined;
  session = await Session.open({
    dial: daemon.dial,
    id: 'id',
    sharedKey: 'key',
    capabilities: [{ methods: new Map([[method, handler]]) }, healthCapability()],
    log: { info: nothing, warn: nothing, debug: (line) => debugLines.push(line) },
    signal: new AbortController().signal,
  });
  return await daemon.session();
}

/** Sends back what it gets. */
const echo: MethodHandler = async (call) => {
  for await (const message of call.messages) await call.send(message);
};

afterEach(async () => {
  await session.close();
  await daemon.finish();
}, 5_000);

describe('a call that succeeds', () => {
  it('is answered message by message, with the status in the trailers', async () => {
    const answer = await callSession(await serve(echo), method, Buffer.from('hello'));
    expect(answer.messages.map(String)).toEqual(['hello']);
    expect(answer.headers).toMatchObject({ ':status': 200, 'content-type': 'application/grpc' });
    expect(answer.trailers).toMatchObject({ 'grpc-status': '0' });
  });

  it('may take messages that are torn apart, and give several in one write', async () => {
    const peer = await serve(async (call) => {
      for await (const message of call.messages) {
        await call.sendFramed(Buffer.concat([frameMessage(message), frameMessage(Buffer.from('!'))]));
      }
    });
    const stream = openCall(peer, method);
    const answer = readAnswer(stream);
    const bytes = Buffer.concat([frameMessage(Buffer.from('one')), frameMessage(Buffer.from('two'))]);
    for (const byte of bytes) {
      stream.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    stream.end();
    expect((await answer).messages.map(String)).toEqual(['one', '!', 'two', '!']);
  });

  it('may have no message at all', async () => {
    const answer = await callSession(await serve(() => Promise.resolve()), method, Buffer.from('unread'));
    expect(answer.messages).toEqual([]);
    expect(answer.trailers).toMatchObject({ 'grpc-status': '0' });
  });

  it('may leave most of the request unread', async () => {
    const peer = await serve(async (call) => {
      await call.messages[Symbol.asyncIterator]().next();
      await call.send(Buffer.from('enough'));
    });
    const stream = openCall(peer, method);
    const answer = readAnswer(stream);
    const block = frameMessage(Buffer.alloc(1024 * 1024));
    for (let i = 0; i < 20; i++) stream.write(block);
    stream.end();
    expect((await answer).messages.map(String)).toEqual(['enough']);
  });

  it('finds the session healthy', async () => {
    const answer = await callSession(await serve(echo), '/grpc.health.v1.Health/Check', Buffer.alloc(0));
    expect(answer.messages).toEqual([Buffer.from([0x08, 1])]);
  });

  it('is one of many at the same time', async () => {
    const peer = await serve(echo);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) => callSession(peer, method, Buffer.from(String(i)))),
    );
    expect(answers.map(({ messages }) => String(messages[0]))).toEqual(answers.map((_, i) => String(i)));
  });
});

describe('request headers', () => {
  async function valuesOf(name: string, values: string | string[]): Promise<readonly string[]> {
    let seen: readonly string[] = [];
    const peer = await serve((call) => {
      seen = call.headerValues(name);
      return Promise.resolve();
    });
    const answer = await callSession(peer, method, Buffer.alloc(0), { [name]: values });
    expect(answer.trailers).toMatchObject({ 'grpc-status': '0' });
    return seen;
  }

  it('keep their repeats, order and commas', async () => {
    expect(await valuesOf('exclude-patterns', ['a,b', 'c', 'a,b', '!a'])).toEqual(['a,b', 'c', 'a,b', '!a']);
  });

  it('are absent as an empty list', async () => {
    expect(await valuesOf('other', [])).toEqual([]);
  });

  it('come raw, as latin1', async () => {
    const raw = Buffer.from('é', 'utf8').toString('latin1');
    expect(await valuesOf('followpaths', raw)).toEqual([raw]);
  });

  it('may be 2,000 patterns of 120 kB', async () => {
    const patterns = Array.from(
      { length: 2_000 },
      (_, i) => `folder/of/many/files/number-${String(i)}/${'x'.repeat(25)}`,
    );
    expect(await valuesOf('exclude-patterns', patterns)).toEqual(patterns);
  });
});

describe('a call that fails', () => {
  it.each([
    ['with the status of the handler', new RpcError(5, 'no “such” thing'), '5', 'no %E2%80%9Csuch%E2%80%9D thing'],
    ['with UNKNOWN for any other error', new Error('oh'), '2', 'oh'],
    [
      'with UNKNOWN and the words for people',
      new PluginError({ code: 'x', exitCode: 3, message: 'refused' }),
      '2',
      'refused',
    ],
  ])('before any message is answered in one block of headers, %s', async (_, error, status, message) => {
    const answer = await callSession(await serve(() => Promise.reject(error)), method, Buffer.alloc(0));
    expect(answer.headers).toMatchObject({ ':status': 200, 'grpc-status': status, 'grpc-message': message });
    expect(answer.trailers).toBeUndefined();
  });

  it('after a message says so in the trailers', async () => {
    const peer = await serve(async (call) => {
      await call.send(Buffer.from('half'));
      throw new RpcError(13, 'broke');
    });
    const answer = await callSession(peer, method, Buffer.alloc(0));
    expect(answer.messages.map(String)).toEqual(['half']);
    expect(answer.trailers).toMatchObject({ 'grpc-status': '13', 'grpc-message': 'broke' });
  });

  it('because nobody serves it is UNIMPLEMENTED', async () => {
    const answer = await callSession(await serve(echo), '/test.Service/Other', Buffer.alloc(0));
    expect(answer.headers).toMatchObject({ 'grpc-status': '12' });
  });

  it.each([
    ['because it is compressed', Buffer.from([1, 0, 0, 0, 0]), '12'],
    ['because it is too large', Buffer.from([0, 0xff, 0, 0, 0]), '8'],
    ['because it is cut short', Buffer.from([0, 0, 0, 0, 2, 1]), '13'],
  ])('%s has the fitting status', async (_, bytes, status) => {
    const stream = openCall(await serve(echo), method);
    const answer = readAnswer(stream);
    stream.end(bytes);
    expect((await answer).headers).toMatchObject({ 'grpc-status': status });
  });

  it('for a reason in words for people is remembered, others go to the debug log', async () => {
    const refusal = new PluginError({ code: 'x', exitCode: 3, message: 'refused' });
    const failures: Error[] = [refusal, new RpcError(5, 'not found'), new Error('oops')];
    const peer = await serve(() => Promise.reject(failures.shift() ?? new Error('too many')));
    for (let i = 0; i < 3; i++) await callSession(peer, method, Buffer.alloc(0));
    expect(session.failures).toEqual([refusal]);
    expect(debugLines).toEqual([expect.stringContaining('oops')]);
  });
});

describe('backpressure', () => {
  it('holds the handler back while the daemon does not read', async () => {
    const blocks = 64;
    let sent = 0;
    const peer = await serve(async (call) => {
      for (; sent < blocks; sent++) await call.send(Buffer.alloc(256 * 1024));
    });
    const stream = openCall(peer, method);
    stream.pause();
    stream.end(frameMessage(Buffer.alloc(0)));
    await once(stream, 'response');
    await new Promise((resolve) => peer.http2.ping(resolve));
    expect(sent).toBeLessThan(blocks);
    const answer = await readAnswer(stream);
    expect(answer.messages).toHaveLength(blocks);
  });
});

describe('when one side goes away', () => {
  /** Waits for the end of its call and tells how it went. */
  function waiting(): { readonly handler: MethodHandler; readonly over: Promise<unknown> } {
    let tell: (outcome: unknown) => void = () => undefined;
    const over = new Promise((resolve) => {
      tell = resolve;
    });
    const handler = async (call: ServerCall): Promise<void> => {
      await call.send(Buffer.from('started'));
      await new Promise<void>((resolve) => call.signal.addEventListener('abort', () => resolve(), { once: true }));
      tell(await call.send(Buffer.from('too late')).catch((error: unknown) => error));
    };
    return { handler, over };
  }

  it('a reset by the daemon aborts the call and refuses further messages', async () => {
    const { handler, over } = waiting();
    const stream = openCall(await serve(handler), method);
    await once(stream, 'response');
    stream.close(8);
    expect(await over).toMatchObject({ grpcCode: 1 });
    expect(session.loss).toBeUndefined();
  });

  it('a handler that waits for room learns that there will be none', async () => {
    let tell: (error: unknown) => void = () => undefined;
    const refused = new Promise((resolve) => {
      tell = resolve;
    });
    const peer = await serve(async (call) => {
      try {
        for (;;) await call.send(Buffer.alloc(1024 * 1024));
      } catch (error) {
        tell(error);
      }
    });
    const stream = openCall(peer, method);
    stream.pause();
    await once(stream, 'response');
    stream.close(8);
    expect(await refused).toMatchObject({ grpcCode: 1 });
  });

  it('a daemon that dies is a loss with a reason, and ends the calls', async () => {
    const { handler, over } = waiting();
    const stream = openCall(await serve(handler), method);
    await once(stream, 'response');
    daemon.die();
    expect(await over).toMatchObject({ grpcCode: 1 });
    expect(session.loss).toBe('the daemon closed it');
  });

  it('our own close is no loss, and waits for the handlers', async () => {
    const { handler, over } = waiting();
    const stream = openCall(await serve(handler), method);
    await once(stream, 'response');
    let isOver = false;
    void over.then(() => {
      isOver = true;
    });
    await session.close();
    expect(isOver).toBe(true);
    expect(session.loss).toBeUndefined();
  });

  it('a handler that never ends does not keep us', async () => {
    const peer = await serve(async (call) => {
      await call.send(Buffer.from('started'));
      await new Promise(() => undefined);
    });
    await once(openCall(peer, method), 'response');
    await session.close();
    expect(session.loss).toBeUndefined();
  });
});

it('refuses two capabilities for one method', async () => {
  await serve(echo);
  const twice = [{ methods: new Map([[method, echo]]) }, { methods: new Map([[method, echo]]) }];
  const nothing = (): void => undefined;
  const log = { info: nothing, warn: nothing, debug: nothing };
  const { signal } = new AbortController();
  await expect(
    Session.open({ dial: daemon.dial, id: 'id', sharedKey: '', capabilities: twice, log, signal }),
  ).rejects.toThrow('two capabilities');
});
