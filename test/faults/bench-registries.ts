// The registries of the bench, shared by all runs and started when first asked for: one for each kind of login, and one that
// promotions read from, which is always well.
import { registryUsers, startRegistry, type TestRegistry } from '../support/registry.ts';
import type { FaultCase } from './fault-case.ts';
import type { AccessibleRegistry } from './registry-access.ts';
import type { StoredRegistry } from './registry-graph.ts';

export interface BenchRegistry extends StoredRegistry, AccessibleRegistry {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** `127.0.0.1:port` of its token server. */
  readonly tokens?: string;
}

export class BenchRegistries {
  readonly #started = new Map<string, Promise<TestRegistry>>();

  /** Where a run publishes to. */
  async target({
    auth = 'open',
    tokenLifeSeconds,
  }: Pick<FaultCase, 'auth' | 'tokenLifeSeconds'>): Promise<BenchRegistry> {
    const life = tokenLifeSeconds === undefined ? {} : { tokenLifeSeconds };
    const registry = await this.#start(`${auth} ${tokenLifeSeconds}`, () => startRegistry({ auth, ...life }));
    const login = auth === 'open' ? {} : { login: { username: 'builder', password: registryUsers.builder.password } };
    const tokens = registry.tokens === undefined ? {} : { tokens: new URL(registry.tokens.realm).host };
    return { host: registry.host, url: registry.url, storage: registry.storage, ...login, ...tokens };
  }

  /** What promotions read from. */
  async source(): Promise<BenchRegistry> {
    const { host, url, storage } = await this.#start('source', () => startRegistry());
    return { host, url, storage };
  }

  async stop(): Promise<void> {
    // One that did not start has nothing to stop, and has told so to whoever asked for it.
    const started = await Promise.allSettled(this.#started.values());
    for (const one of started) if (one.status === 'fulfilled') await one.value.stop();
  }

  #start(kind: string, start: () => Promise<TestRegistry>): Promise<TestRegistry> {
    const started = this.#started.get(kind) ?? start();
    this.#started.set(kind, started);
    return started;
  }
}
