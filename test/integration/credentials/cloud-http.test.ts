// The connections to clouds: proxies, authorities, repeats, and that a token is masked before anybody sees it.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/base/retry.ts';
import { CloudHttp, type CloudHttpOptions, CloudUnreachable } from '../../../src/credentials/cloud-http.ts';
import { type CloudReply, startCloudGate } from '../../support/cloud-gate.ts';
import { freePort } from '../../support/recording-proxy.ts';

const { signal } = new AbortController();
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const host = 'login.cloud.example';
const call = { method: 'POST', url: `https://${host}/token?a=b`, body: 'grant=this' } as const;

function open(options: Partial<CloudHttpOptions> = {}) {
  const waits: number[] = [];
  const redacted: string[] = [];
  let nowMs = 0;
  const clock: Clock = {
    nowMs: () => nowMs,
    sleep: async (milliseconds) => {
      nowMs += milliseconds;
      waits.push(milliseconds);
    },
    random: () => 0.5,
  };
  const quiet = { info: () => undefined, warn: () => undefined, debug: () => undefined };
  const http = new CloudHttp({
    caCertificates: [],
    unverifiedHosts: new Set(),
    userAgent: 'docker-build/test',
    log: quiet,
    redact: (secret) => void redacted.push(secret),
    clock,
    ...options,
  });
  ends.push(() => http.close());
  return { http, waits, redacted };
}

async function gateWith(...replies: readonly CloudReply[]) {
  const rest = [...replies];
  const gate = await startCloudGate({ [host]: { service: () => rest.shift() } });
  ends.push(() => gate.stop());
  return gate;
}

describe('the way to a cloud', () => {
  it('leads through the proxy, with the authority that the step was given', async () => {
    const gate = await gateWith({ status: 200, json: { hello: 1 } });
    const { http } = open({ proxyFor: () => gate.proxy, caCertificates: [gate.authority] });
    expect(await http.send(call, signal)).toMatchObject({ status: 200, text: '{"hello":1}' });
    expect(gate.tunnels).toEqual([`${host}:443`]);
    expect(gate.questions).toEqual([expect.objectContaining({ method: 'POST', path: '/token', body: 'grant=this' })]);
  });

  it('ends at an authority that nobody vouched for, unless the host is named insecure', async () => {
    const gate = await gateWith({ status: 200, json: {} });
    const strict = open({ proxyFor: () => gate.proxy });
    await expect(strict.http.send(call, signal)).rejects.toThrow(
      `${host} cannot be reached through ${gate.proxy} (DEPTH_ZERO_SELF_SIGNED_CERT)`,
    );
    expect(gate.questions).toEqual([]);
    const lax = open({ proxyFor: () => gate.proxy, unverifiedHosts: new Set([host]) });
    expect(await lax.http.send(call, signal)).toMatchObject({ status: 200 });
  });

  it('believes the authority that is named for this host', async () => {
    const gate = await gateWith({ status: 200, json: {} });
    const trustOf = (name: string) => ({ authorities: name === host ? [gate.authority] : [] });
    const { http } = open({ proxyFor: () => gate.proxy, trustOf });
    expect(await http.send(call, signal)).toMatchObject({ status: 200 });
  });

  it('ends at a proxy that opens no tunnel, and says what it answered', async () => {
    const gate = await gateWith();
    const { http } = open({ proxyFor: () => gate.proxy });
    const failed = http.send({ ...call, url: 'https://elsewhere.example/' }, signal);
    await expect(failed).rejects.toThrow(/^elsewhere\.example cannot be reached through http:.*403/);
  });

  it('is not found when nobody listens', async () => {
    const url = `http://127.0.0.1:${await freePort()}/token`;
    const { http, waits } = open();
    const failed = http.send({ method: 'GET', url }, signal);
    await expect(failed).rejects.toBeInstanceOf(CloudUnreachable);
    await expect(failed).rejects.toThrow(/ECONNREFUSED/);
    expect(waits).toHaveLength(1);
  });

  it('ends with the reason of the run', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    ends.push(() => {
      silent.close();
      silent.closeAllConnections();
    });
    const stop = new AbortController();
    silent.on('request', () => stop.abort(new Error('stopped')));
    const address = silent.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const { http } = open();
    await expect(http.send({ method: 'GET', url: `http://127.0.0.1:${port}/` }, stop.signal)).rejects.toThrow(
      'stopped',
    );
  });
});

describe('an answer', () => {
  it('is asked for three times when the server has trouble, and waits as long as it is told', async () => {
    const gate = await gateWith(
      { status: 503, json: {}, headers: { 'retry-after': '7' } },
      { status: 500, json: {} },
      { status: 200, json: { ok: true } },
    );
    const { http, waits } = open({ proxyFor: () => gate.proxy, caCertificates: [gate.authority] });
    expect(await http.send(call, signal)).toMatchObject({ status: 200 });
    expect(waits).toEqual([7000, 500]);
  });

  it('is the last one after three tries', async () => {
    const gate = await gateWith(
      { status: 500, json: {} },
      { status: 500, json: {} },
      { status: 502, json: { last: 1 } },
    );
    const { http } = open({ proxyFor: () => gate.proxy, caCertificates: [gate.authority] });
    expect(await http.send(call, signal)).toMatchObject({ status: 502, text: '{"last":1}' });
    expect(gate.questions).toHaveLength(3);
  });

  it.each([400, 401, 403, 404])('%i is final', async (status) => {
    const gate = await gateWith({ status, json: {} });
    const { http } = open({ proxyFor: () => gate.proxy, caCertificates: [gate.authority] });
    expect(await http.send(call, signal)).toMatchObject({ status });
    expect(gate.questions).toHaveLength(1);
  });

  it('that sends somewhere else is not followed', async () => {
    const gate = await gateWith({ status: 307, json: {}, headers: { location: `https://${host}/elsewhere` } });
    const { http } = open({ proxyFor: () => gate.proxy, caCertificates: [gate.authority] });
    expect(await http.send(call, signal)).toMatchObject({ status: 307 });
    expect(gate.questions).toHaveLength(1);
  });

  it.each(['access_token', 'refresh_token', 'id_token', 'accessToken', 'token'])(
    'with a %s has that masked',
    async (name) => {
      const gate = await gateWith({ status: 200, json: { other: 'plain', [name]: 'the-token' } });
      const { http, redacted } = open({ proxyFor: () => gate.proxy, caCertificates: [gate.authority] });
      await http.send(call, signal);
      expect(redacted).toEqual(['the-token']);
    },
  );
});
