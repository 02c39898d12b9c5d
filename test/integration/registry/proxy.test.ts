// Registries behind a proxy: absolute requests for plain http, a tunnel for TLS. Which proxy is used for what is decided by
// whoever makes the client.
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { pipeline } from 'node:stream';
import { afterEach, expect, it } from 'vitest';
import { startRegistry } from '../../support/registry.ts';
import { makeClient, passwordOf } from '../../support/registry-client.ts';

const { signal } = new AbortController();
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A forward proxy that notes what it is asked for. */
async function startForwardProxy(): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const target = new URL(incoming.url ?? '');
    asked.push(`${incoming.method ?? ''} ${target.host}`);
    const { method, headers } = incoming;
    const forwarded = request(target, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      pipeline(answer, outgoing, () => undefined);
    });
    pipeline(incoming, forwarded, () => undefined);
  });
  server.on('connect', (incoming, client) => {
    asked.push(`CONNECT ${incoming.url ?? ''}`);
    const [host = '', port = ''] = (incoming.url ?? '').split(':');
    const tunnel = connect(Number(port), host, () => client.write('HTTP/1.1 200 OK\r\n\r\n'));
    pipeline(client, tunnel, client, () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  ends.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`, asked };
}

it.each([
  ['plain http', false],
  ['TLS', true],
])('%s goes through the proxy', async (_, tls) => {
  const registry = await startRegistry({ auth: 'htpasswd', tls });
  ends.push(() => registry.stop());
  const proxy = await startForwardProxy();
  const test = makeClient({
    credentials: passwordOf('builder', 'builder-password'),
    caCertificates: registry.caCertificate === undefined ? [] : [registry.caCertificate],
    proxyFor: () => proxy.url,
  });
  ends.push(() => test.client.close());
  await test.target(`${registry.host}/team/app`).checkPushAccess(signal);
  expect(new Set(proxy.asked)).toContain(tls ? `CONNECT ${registry.host}` : `POST ${registry.host}`);
  expect(registry.requests().map(({ method }) => method)).toEqual(['GET', 'POST', 'DELETE']);
});
