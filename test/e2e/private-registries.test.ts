// Private base images and private targets with different logins, on a registry with htpasswd and on one with a token server;
// and what a wrong login costs: one line, one token request.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { publishBaseImage } from '../support/base-image.ts';
import { snapshotImages } from '../support/engine-observer.ts';
import { contrastingEngineKinds } from '../support/engines.ts';
import { registryUsers, startRegistry, type TestRegistry } from '../support/registry.ts';
import { expectExit, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags, unpackImage } from '../support/skopeo.ts';
import { makeTemporaryFolder, makeWorkspace } from '../support/workspace.ts';

const reader = { username: 'reader', password: registryUsers.reader.password };
const writer = { username: 'builder', password: registryUsers.builder.password };

function loginsFor(
  host: string,
  { username, password }: { readonly username: string; readonly password: string },
): string {
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  return JSON.stringify({ auths: { [host]: { auth } } });
}

describe.each(['htpasswd', 'token'] as const)('with %s', (auth) => {
  let bases: TestRegistry;
  let targets: TestRegistry;
  let base: string;

  beforeAll(async () => {
    bases = await startRegistry({ auth });
    targets = await startRegistry({ auth });
    base = `${bases.host}/private/base:1`;
    await publishBaseImage({ reference: base, login: writer });
  });

  afterAll(async () => {
    await targets.stop();
    await bases.stop();
  });

  describe.each(contrastingEngineKinds)('%s', (kind) => {
    const engine = sharedEngine(kind);
    const workspace = (): string => makeWorkspace({ Dockerfile: `FROM ${base}\nRUN echo ${kind} >/built\n` });

    it('pulls the base with one login and publishes with another', async () => {
      const repo = `${targets.host}/${kind}/private`;
      const before = await snapshotImages(engine);
      const step = await runPlugin({
        cwd: workspace(),
        host: engine.host,
        settings: { repo, tags: ['1', '2'], registry: targets.host, ...writer, config: loginsFor(bases.host, reader) },
      });
      expectExit(step, 0);
      expect(step.output).not.toContain(reader.password);
      expect(step.output).not.toContain(writer.password);
      expect(await listTags({ reference: repo, login: writer })).toEqual(['1', '2']);
      const root = await unpackImage({ reference: `${repo}:1`, login: writer }, makeTemporaryFolder());
      expect(readFileSync(join(root, 'built'), 'utf8')).toBe(`${kind}\n`);
      expect(await snapshotImages(engine)).toEqual(before);
    });

    it('takes both logins from the config as well', async () => {
      const repo = `${targets.host}/${kind}/by-config`;
      const both = {
        auths: {
          ...(JSON.parse(loginsFor(bases.host, reader)) as { auths: object }).auths,
          ...(JSON.parse(loginsFor(targets.host, writer)) as { auths: object }).auths,
        },
      };
      const settings = { repo, tags: '1', config: JSON.stringify(both) };
      const step = await runPlugin({ cwd: workspace(), host: engine.host, settings });
      expectExit(step, 0);
      expect(await listTags({ reference: repo, login: writer })).toEqual(['1']);
    });

    it('ends with exit code 3 in one line when the login is wrong, having asked once', async () => {
      const repo = `${targets.host}/${kind}/wrong`;
      targets.tokens?.forget();
      const wrong = { username: writer.username, password: 'n0t-the-password' };
      const step = await runPlugin({
        cwd: workspace(),
        host: engine.host,
        settings: { repo, tags: '1', registry: targets.host, ...wrong, config: loginsFor(bases.host, reader) },
      });
      expectExit(step, 3);
      const line = step.output.split('\n').find((text) => text.startsWith('error: ')) ?? '';
      expect(line).toContain(targets.host);
      expect(line).toContain(writer.username);
      expect(line).toMatch(/username|password/);
      expect(step.output).not.toContain(wrong.password);
      expect(step.output).not.toMatch(/^#1 /m);
      expect(targets.tokens?.requests().length).toBe(auth === 'token' ? 1 : undefined);
    });

    it('says which base may not be pulled when its login is missing', async () => {
      const settings = { repo: `${targets.host}/${kind}/baseless`, tags: '1', registry: targets.host, ...writer };
      const step = await runPlugin({ cwd: workspace(), host: engine.host, settings });
      expectExit(step, 1, 3);
      expect(step.output).toMatch(/error: [^]*private\/base/);
    });
  });
});
