// A secret that the Dockerfile writes into the image's config is found before any tag moves, on each engine.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRegistryWithBase } from '../support/base-image.ts';
import { contrastingEngineKinds } from '../support/engines.ts';
import type { TestRegistry } from '../support/registry.ts';
import { expectExit, type PluginResult, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags } from '../support/skopeo.ts';
import { makeWorkspace } from '../support/workspace.ts';

const secret = 'canary-0123456789';
let registry: TestRegistry;
let base: string;

beforeAll(async () => {
  ({ registry, base } = await startRegistryWithBase());
});

afterAll(async () => {
  await registry.stop();
});

describe.each(contrastingEngineKinds)('%s', (kind) => {
  const engine = sharedEngine(kind);
  const repo = (): string => `${registry.host}/${kind}/scan`;

  async function build(tags: string, settings: Readonly<Record<string, string>> = {}): Promise<PluginResult> {
    // The argument is not the secret itself, so that nothing can be said before the build.
    const Dockerfile = `FROM ${base}\nARG HALF\nENV LOGIN=user:canary-\${HALF}\nRUN echo x >/x\n`;
    return await runPlugin({
      cwd: makeWorkspace({ Dockerfile }),
      host: engine.host,
      settings: { repo: repo(), tags, build_args: 'HALF=0123456789', secrets_from_env: 'token=TOKEN', ...settings },
      env: { TOKEN: secret },
    });
  }

  it('publishes no image whose variables hold a secret, unless that is relaxed', async () => {
    const refused = await build('refused');
    expectExit(refused, 7);
    expect(refused.output).toContain('variable LOGIN');
    expect(refused.output).not.toContain(secret);
    expect(await listTags({ reference: repo() })).toEqual([]);

    const warned = await build('warned', { secret_scan: 'warn' });
    expectExit(warned, 0);
    expect(warned.output).toContain('variable LOGIN');
    const off = await build('off', { secret_scan: 'off' });
    expectExit(off, 0);
    expect(off.output).not.toContain('variable LOGIN');
    expect(await listTags({ reference: repo() })).toEqual(['off', 'warned']);

    // The registry has the very image now: what needs no upload is searched too.
    expectExit(await build('warned'), 7);
  });
});
