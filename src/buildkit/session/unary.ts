// Turns a function from request to response into a method handler, for the methods with one message each way.
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import { grpcCodes } from '../grpc.ts';
import { RpcError, type MethodHandler } from './capability.ts';

/** The path and the handler of a unary method, as an entry of a capability's methods. */
export function unaryMethod<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  answer: (request: MessageShape<I>, signal: AbortSignal) => Promise<MessageInitShape<O>>,
): readonly [path: string, handler: MethodHandler] {
  return [
    `/${method.parent.typeName}/${method.name}`,
    async (call) => {
      const request = decode(method.input, await onlyMessage(call.messages));
      const response = await answer(request, call.signal);
      await call.send(toBinary(method.output, create(method.output, response)));
    },
  ];
}

async function onlyMessage(messages: AsyncIterable<Buffer>): Promise<Buffer> {
  let only: Buffer | undefined;
  for await (const message of messages) {
    if (only !== undefined) throw new RpcError(grpcCodes.invalidArgument, 'more than one request message');
    only = message;
  }
  if (only === undefined) throw new RpcError(grpcCodes.invalidArgument, 'no request message');
  return only;
}

function decode<I extends DescMessage>(schema: I, message: Buffer): MessageShape<I> {
  try {
    return fromBinary(schema, message);
  } catch {
    throw new RpcError(grpcCodes.invalidArgument, `the request is no ${schema.typeName}`);
  }
}
