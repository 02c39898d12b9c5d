// The test engines themselves: the rest of the e2e tests is worth what these are worth.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { engineJson, engineRequest } from '../support/engine-api.ts';
import { EventRecorder, imageNamesIn, snapshotImages } from '../support/engine-observer.ts';
import { engineKinds } from '../support/engines.ts';
import { sharedEngine } from '../support/shared-engine.ts';

/** A tar file that holds nothing: two blocks of zeros. */
const emptyTar = Buffer.alloc(1024);

describe.each(engineKinds)('%s', (kind) => {
  const engine = sharedEngine(kind);

  it('is the version and the image store that it is named after', async () => {
    const version = await engineJson(engine, 'GET', '/version');
    const info = await engineJson(engine, 'GET', '/info');
    expect(version).toMatchObject({
      Version: expect.stringMatching(kind === 'docker-20.10' ? /^20\.10\./ : /^26\.1\./),
    });
    expect(info).toMatchObject({ Driver: engine.storageDriver, DockerRootDir: engine.dataRoot });
    expect(JSON.stringify(info).includes('io.containerd.snapshotter')).toBe(engine.store === 'containerd');
  });

  it('answers its own docker program', () => {
    const answer = execFileSync(engine.dockerCli, ['version', '--format', '{{.Client.Version}} {{.Server.Version}}'], {
      env: engine.env,
      encoding: 'utf8',
    });
    const [client, server] = answer.trim().split(' ');
    expect(client).toBe(server);
  });

  it('shows an image that comes and goes in its list and in its events', async () => {
    const before = await snapshotImages(engine);
    const events = await EventRecorder.start(engine);
    const path = '/images/create?fromSrc=-&repo=docker-build.invalid/engines-test&tag=1';
    const imported = await engineRequest(engine, 'POST', path, { body: emptyTar });
    expect(imported.status).toBe(200);
    const during = await snapshotImages(engine);
    const removed = await engineRequest(engine, 'DELETE', '/images/docker-build.invalid%2Fengines-test:1');
    expect(removed.status).toBe(200);
    const recorded = await events.stop();

    expect(during.flatMap((image) => image.tags)).toContain('docker-build.invalid/engines-test:1');
    expect(await snapshotImages(engine)).toEqual(before);
    expect(imageNamesIn(recorded).join(' ')).toContain('docker-build.invalid/engines-test:1');
  });
});
