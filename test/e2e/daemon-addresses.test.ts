// DOCKER_HOST as tcp:// and as tcp:// with TLS client certificates; unix:// is what all the other tests use.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, contrastingEngineKinds, startEngine } from '../support/engines.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { expectExit, runPlugin } from '../support/run-plugin.ts';
import { listTags } from '../support/skopeo.ts';
import { makeTemporaryFolder, makeWorkspace } from '../support/workspace.ts';

let registry: TestRegistry;

beforeAll(async () => {
  registry = await startRegistry({ auth: 'open' });
});

afterAll(async () => {
  await registry.stop();
});

const files = { Dockerfile: 'FROM scratch\nCOPY greeting.txt /\n', 'greeting.txt': 'hello\n' };

describe.each(contrastingEngineKinds)('%s', (kind) => {
  describe('on plain tcp', () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await startEngine(kind, { tcp: 'plain' });
    });
    afterAll(() => engine.stop());

    it('builds and publishes', async () => {
      const repo = `${registry.host}/${kind}/tcp`;
      const step = await runPlugin({
        cwd: makeWorkspace(files),
        host: engine.tcpHost ?? '',
        settings: { repo, tags: '1' },
      });
      expectExit(step, 0);
      expect(await listTags({ reference: repo })).toEqual(['1']);
    });
  });

  describe('on tcp with TLS', () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await startEngine(kind, { tcp: 'tls' });
    });
    afterAll(() => engine.stop());

    const environment = (certPath: string): Record<string, string> => ({
      DOCKER_TLS_VERIFY: '1',
      DOCKER_CERT_PATH: certPath,
    });

    it('builds and publishes with a client certificate', async () => {
      const repo = `${registry.host}/${kind}/tls`;
      const env = environment(engine.certPath ?? '');
      const step = await runPlugin({
        cwd: makeWorkspace(files),
        host: engine.tcpHost ?? '',
        env,
        settings: { repo, tags: '1' },
      });
      expectExit(step, 0);
      expect(await listTags({ reference: repo })).toEqual(['1']);
    });

    it('says what is missing when there is no certificate', async () => {
      const env = environment(makeTemporaryFolder());
      const settings = { dry_run: true, daemon_retry_count: 1 };
      const step = await runPlugin({ cwd: makeWorkspace(files), host: engine.tcpHost ?? '', env, settings });
      expectExit(step, 2, 5);
      expect(step.output).toMatch(/error: .*(ca|cert|key)\.pem/);
    });

    it('says so when TLS was not asked for', async () => {
      const settings = { dry_run: true, daemon_retry_count: 1 };
      const step = await runPlugin({ cwd: makeWorkspace(files), host: engine.tcpHost ?? '', settings });
      expectExit(step, 5);
      expect(step.output).toMatch(/TLS/);
    });
  });
});
