// A call of the daemon without a daemon: messages in, messages out.
import { fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import type { ServerCall, SessionCapability } from '../../../../src/buildkit/session/capability.ts';

/** Makes one call and returns the answered messages; rejects as the handler does. */
export async function call(
  capability: SessionCapability,
  method: string,
  request: readonly Uint8Array[],
  headers: Readonly<Record<string, readonly string[]>> = {},
): Promise<readonly Uint8Array[]> {
  const handler = capability.methods.get(method);
  if (handler === undefined) throw new Error(`${method} is not served`);
  const sent: Uint8Array[] = [];
  const fake: ServerCall = {
    method,
    headerValues: (name) => headers[name] ?? [],
    messages: (async function* messages() {
      for (const message of request) yield Buffer.from(message);
    })(),
    send: (message) => {
      sent.push(message);
      return Promise.resolve();
    },
    sendFramed: () => Promise.reject(new Error('not expected')),
    signal: new AbortController().signal,
  };
  await handler(fake);
  return sent;
}

/** The one message of an answer. */
export function onlyMessage<D extends DescMessage>(schema: D, answer: readonly Uint8Array[]): MessageShape<D> {
  const [message] = answer;
  if (message === undefined || answer.length > 1) throw new Error(`${String(answer.length)} messages`);
  return fromBinary(schema, message);
}
