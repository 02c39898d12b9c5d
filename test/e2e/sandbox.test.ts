// The surroundings of RUN on each engine: what a step asks for is what its commands find. They print it, and the log is read.
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRegistryWithBase } from '../support/base-image.ts';
import { cgroupOf } from '../support/engine-leftovers.ts';
import { contrastingEngineKinds } from '../support/engines.ts';
import type { TestRegistry } from '../support/registry.ts';
import { expectExit, type PluginResult, type PluginStep, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { makeWorkspace } from '../support/workspace.ts';

let registry: TestRegistry;
let base: string;

beforeAll(async () => {
  ({ registry, base } = await startRegistryWithBase());
});

afterAll(async () => {
  await registry.stop();
});

/** What RUN printed, without the numbers that the log puts in front. */
function printed({ output }: PluginResult): string {
  return output.replace(/^#\d+ (?:[\d.]+ )?/gm, '');
}

describe.each(contrastingEngineKinds)('%s', (kind) => {
  const engine = sharedEngine(kind);
  const heedsLimits = kind !== 'docker-20.10';
  const run = (instruction: string, settings: PluginStep['settings'] = {}): Promise<PluginResult> =>
    runPlugin({
      cwd: makeWorkspace({ Dockerfile: `FROM ${base}\n${instruction}\n` }),
      host: engine.host,
      settings: { dry_run: true, no_cache: true, ...settings },
    });

  it('gives RUN the network that the step asks for', async () => {
    const interfaces = "RUN ls /sys/class/net | tr '\\n' ' ' | sed 's/^/interfaces: /'";
    const usual = await run(interfaces);
    expectExit(usual, 0);
    expect(printed(usual)).toMatch(/^interfaces: .*eth0/m);
    expect(printed(usual)).not.toMatch(/^interfaces: .*dbtest/m);
    const none = await run(interfaces, { network: 'none' });
    expectExit(none, 0);
    expect(printed(none)).toMatch(/^interfaces: lo *$/m);
    // The bridges of the test engines exist in the network of this machine only.
    const host = await run(interfaces, { network: 'host' });
    expectExit(host, 0);
    expect(printed(host)).toMatch(/^interfaces: .*dbtest/m);
  });

  it.skipIf(!heedsLimits)('gives RUN the limits and the control group that the step asks for', async () => {
    const look =
      'RUN ulimit -S -n | sed s/^/soft:/ && ulimit -H -n | sed s/^/hard:/ && df -k /dev/shm && cat /proc/self/cgroup';
    // Below the engine's own, which is removed with it.
    const group = `${cgroupOf(dirname(engine.dataRoot))}/of-the-step`;
    const step = await run(look, { ulimit: 'nofile=1000:2000', shm_size: '20m', cgroup_parent: group });
    expectExit(step, 0);
    expect(printed(step)).toMatch(/^soft:1000$/m);
    expect(printed(step)).toMatch(/^hard:2000$/m);
    expect(printed(step)).toMatch(/^\S+ +20480 .* \/dev\/shm$/m);
    expect(printed(step)).toMatch(/^\d*:.*\/of-the-step/m);
  });

  it.skipIf(heedsLimits)('refuses limits that the daemon would ignore', async () => {
    const step = await run('RUN true', { ulimit: 'nofile=1000:2000', shm_size: '20m', cgroup_parent: '/x' });
    expectExit(step, 2);
    expect(step.output).toMatch(/error: settings\.shm_size, ulimit, cgroup_parent: .*too old/);
    expect(step.output).not.toMatch(/^#1 /m);
  });

  it.skipIf(!heedsLimits)('says which entitlement a Dockerfile lacks, and gives it by allow', async () => {
    const instruction = 'RUN --network=host ls /sys/class/net';
    const without = await run(instruction);
    expectExit(without, 1);
    expect(without.output).toContain('network.host is not allowed');
    expect(without.output).toContain('set allow: network.host');
    const allowed = await run(instruction, { allow: 'network.host' });
    expectExit(allowed, 0);
    expect(printed(allowed)).toMatch(/^dbtest/m);
  });

  it('gives the words of a daemon that refuses an entitlement', async () => {
    const step = await run('RUN true', { allow: 'security.insecure' });
    expectExit(step, 1);
    expect(step.output).toContain('security.insecure is not allowed by build daemon configuration');
    expect(step.output).toContain('daemon.json');
  });

  it('writes the hosts of add_host, IPv6 addresses with and without brackets', async () => {
    const step = await run('RUN cat /etc/hosts', {
      add_host: ['db:10.1.2.3', 'six:[2001:db8::7]', 'bare=2001:db8::8'],
    });
    expectExit(step, 0);
    expect(printed(step)).toMatch(/^10\.1\.2\.3\s+db$/m);
    expect(printed(step)).toMatch(/^2001:db8::7\s+six$/m);
    expect(printed(step)).toMatch(/^2001:db8::8\s+bare$/m);
  });

  it.skipIf(!heedsLimits)('writes the address of the daemon’s host for host-gateway', async () => {
    const step = await run('RUN cat /etc/hosts', { add_host: 'gate:host-gateway' });
    expectExit(step, 0);
    expect(printed(step)).toMatch(/^198\.1[89]\.\d+\.1\s+gate$/m);
  });

  it.skipIf(heedsLimits)('says that the daemon does not tell what host-gateway stands for', async () => {
    const step = await run('RUN cat /etc/hosts', { add_host: 'gate:host-gateway' });
    expectExit(step, 2);
    expect(step.output).toMatch(/error: settings\.add_host: .*host-gateway/);
  });
});
