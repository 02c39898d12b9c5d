// Lets build steps use SSH keys that never leave this process (service moby.sshforward.v1.SSH): the daemon forwards each
// connection to a step's agent socket here, and a small agent lists keys and signs with them. It can do nothing else; an
// agent of this machine that is forwarded may not do more either (forwarded-agent.ts).
// Agent protocol: https://datatracker.ietf.org/doc/draft-ietf-sshm-ssh-agent/
import { decodeBytesMessage, encodeBytesMessage } from '../fsutil/wire.ts';
import { type AgentKey, sshString } from './agent-key.ts';
import { RpcError, type ServerCall, type SessionCapability } from './capability.ts';
import { type AgentConversation, forwardAgentAt } from './forwarded-agent.ts';

export { type AgentKey, parseAgentKey } from './agent-key.ts';

const failure = 5;
const requestIdentities = 11;
const identitiesAnswer = 12;
const signRequest = 13;
const signResponse = 14;

/** OpenSSH's own limit for a message to an agent. */
const maxMessageBytes = 256 * 1024;

const rpcInvalidArgument = 3;
const rpcNotFound = 5;

/** What a step may sign with: keys that are held here, or an agent of this machine by the path of its socket. */
export type SshIdentity = readonly AgentKey[] | { readonly agentSocket: string };

/**
 * The capability that lends SSH keys to build steps.
 * @param identities by the id of the step's mount (`--mount=type=ssh,id=...`); a mount without id asks for `default`
 */
export function sshCapability(identities: ReadonlyMap<string, SshIdentity>): SessionCapability {
  const find = (id: string): Found => {
    const name = id === '' ? 'default' : id;
    const identity = identities.get(name);
    if (identity === undefined)
      throw new RpcError(rpcNotFound, `no SSH key with the id "${name}" was given to this build`);
    return { identity, id: name };
  };
  return {
    methods: new Map([
      ['/moby.sshforward.v1.SSH/CheckAgent', (call) => checkAgent(call, find)],
      ['/moby.sshforward.v1.SSH/ForwardAgent', (call) => forwardAgent(call, find)],
    ]),
  };
}

interface Found {
  readonly identity: SshIdentity;
  readonly id: string;
}
type Find = (id: string) => Found;

async function checkAgent(call: ServerCall, find: Find): Promise<void> {
  let id = '';
  // CheckAgentRequest has one field, the id, in the place where BytesMessage has its data.
  for await (const message of call.messages) id = decodeBytesMessage(message).toString('utf8');
  find(id);
  await call.send(Buffer.alloc(0));
}

async function forwardAgent(call: ServerCall, find: Find): Promise<void> {
  const agent = await converse(find(call.headerValues('buildkit.ssh.id')[0] ?? ''));
  const requests = new RequestReader();
  try {
    for await (const message of call.messages) {
      for (const request of requests.add(decodeBytesMessage(message))) {
        await call.send(encodeBytesMessage(sshString(await agent.answer(request))));
      }
    }
  } finally {
    agent.close();
  }
}

async function converse({ identity, id }: Found): Promise<AgentConversation> {
  if ('agentSocket' in identity) return forwardAgentAt(identity.agentSocket);
  return { answer: (request) => Promise.resolve(answer(request, identity, id)), close: () => undefined };
}

/** Cuts a byte stream into requests, wherever the stream itself was cut. */
class RequestReader {
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Nothing can be read before this many bytes wait. */
  #neededBytes = 4;

  add(bytes: Buffer): readonly Buffer[] {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes < this.#neededBytes) return [];
    let rest = Buffer.concat(this.#waiting);
    const requests: Buffer[] = [];
    this.#neededBytes = 4;
    while (rest.length >= 4) {
      const length = rest.readUInt32BE(0);
      if (length === 0 || length > maxMessageBytes) {
        throw new RpcError(rpcInvalidArgument, `the step sent an SSH agent request of ${length} bytes`);
      }
      this.#neededBytes = 4 + length;
      if (rest.length < this.#neededBytes) break;
      requests.push(rest.subarray(4, this.#neededBytes));
      rest = rest.subarray(this.#neededBytes);
      this.#neededBytes = 4;
    }
    this.#waiting = [rest];
    this.#waitingBytes = rest.length;
    return requests;
  }
}

function answer(request: Buffer, keys: readonly AgentKey[], comment: string): Buffer {
  if (request[0] === requestIdentities && request.length === 1) {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(keys.length);
    const listed = keys.flatMap((key) => [sshString(key.publicBlob), sshString(comment)]);
    return Buffer.concat([Buffer.from([identitiesAnswer]), count, ...listed]);
  }
  if (request[0] === signRequest) {
    const blob = readString(request, 1);
    const data = blob && readString(request, blob.next);
    const key = keys.find(({ publicBlob }) => blob?.value.equals(publicBlob) === true);
    if (key !== undefined && data !== undefined && request.length === data.next + 4) {
      const signature = key.sign(data.value, request.readUInt32BE(data.next));
      return Buffer.concat([Buffer.from([signResponse]), sshString(signature)]);
    }
  }
  return Buffer.from([failure]);
}

function readString(bytes: Buffer, start: number): { value: Buffer; next: number } | undefined {
  if (start + 4 > bytes.length) return undefined;
  const next = start + 4 + bytes.readUInt32BE(start);
  return next > bytes.length ? undefined : { value: bytes.subarray(start + 4, next), next };
}
