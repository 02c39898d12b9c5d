// An SSH agent of this machine, lent to build steps: a step may ask it for its keys and for signatures, and for nothing
// else; what adds, removes or locks keys never reaches it.
// Agent protocol: https://datatracker.ietf.org/doc/draft-ietf-sshm-ssh-agent/
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { sshString } from './agent-key.ts';
import { RpcError } from './capability.ts';

const failure = 5;
const requestIdentities = 11;
const signRequest = 13;

/** OpenSSH's own limit for a message of an agent. */
const maxAnswerBytes = 256 * 1024;

const rpcUnavailable = 14;

/** One conversation with an agent. */
export interface AgentConversation {
  /** The answer to a request, both without their length. */
  answer(request: Buffer): Promise<Buffer>;
  close(): void;
}

/** Connects to an agent's socket. Rejects with RpcError when nobody answers there. */
export async function forwardAgentAt(path: string): Promise<AgentConversation> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
  } catch {
    throw new RpcError(rpcUnavailable, 'the SSH agent of this step does not answer');
  }
  // Errors end the iteration below; without a listener they would end the process.
  socket.on('error', () => undefined);
  const answers = readAnswers(socket);
  return {
    answer: async (request) => {
      const isAllowed = request[0] === signRequest || (request[0] === requestIdentities && request.length === 1);
      if (!isAllowed) return Buffer.from([failure]);
      socket.write(sshString(request));
      const next = await answers.next();
      if (next.done === true) throw new RpcError(rpcUnavailable, 'the SSH agent of this step hung up');
      return next.value;
    },
    close: () => socket.destroy(),
  };
}

async function* readAnswers(socket: Socket): AsyncGenerator<Buffer, undefined, undefined> {
  let waiting = Buffer.alloc(0);
  try {
    for await (const chunk of socket) {
      waiting = Buffer.concat([waiting, Buffer.from(chunk)]);
      while (waiting.length >= 4 && waiting.length >= 4 + waiting.readUInt32BE(0)) {
        const end = 4 + waiting.readUInt32BE(0);
        yield waiting.subarray(4, end);
        waiting = waiting.subarray(end);
      }
      if (waiting.length > maxAnswerBytes) return undefined;
    }
  } catch {
    // A broken connection is one that ended.
  }
  return undefined;
}
