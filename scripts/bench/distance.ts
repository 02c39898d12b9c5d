// Puts a registry at a distance: a relay on loopback that hands on every piece of data after a delay, in both directions together
// one round trip. Connections themselves open at once, so that what is counted are round trips of requests.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Relay {
  /** `127.0.0.1:port`. */
  readonly host: string;
  stop(): Promise<void>;
}

/** Starts a relay before `host`; answers take `roundTripMs` longer than there. */
export async function startRelay(host: string, roundTripMs: number): Promise<Relay> {
  const [address = '', port = ''] = host.split(':');
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), address);
    for (const socket of [near, far]) {
      open.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => open.delete(socket));
    }
    near.pipe(far);
    later(far, near, roundTripMs);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Timers of one length fire in the order in which they were set, so the order of the data stays. */
function later(from: Socket, to: Socket, delayMs: number): void {
  from.on('data', (data) => setTimeout(() => to.write(data), delayMs));
  from.on('end', () => setTimeout(() => to.end(), delayMs));
}
