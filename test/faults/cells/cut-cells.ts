// Row D10 of the failure matrix in docs/reliability.md: every connection that an undisturbed step makes to its daemon, during the
// solve, before it and after it, breaks at one of its bytes, in either direction.
import type { EngineKind } from '../../support/engines.ts';
import type { ByteFault, Direction, SeenConnection } from '../byte-proxy.ts';
import type { Disturbance } from '../disturbance.ts';
import { connections } from './connections.ts';

export interface CutOptions {
  /** Parts of a connection's bytes after which it breaks: 0 to 1. */
  readonly shares: readonly number[];
  /** How it breaks; `cut` unless given. A reset needs tcp. */
  readonly how?: 'fin' | 'rst' | 'half-close';
}

/** @param undisturbed what the byte proxy saw of a step on this engine that nothing went wrong with */
export function cutCells(
  engine: EngineKind,
  undisturbed: readonly SeenConnection[],
  { shares, how = 'fin' }: CutOptions,
): readonly Disturbance[] {
  return undisturbed.flatMap((connection, index) => {
    const kind = kindOf(connection);
    const nth = undisturbed.slice(0, index + 1).filter((other) => kindOf(other) === kind).length;
    return (['toDaemon', 'fromDaemon'] as const).flatMap((direction) =>
      shares.map((share): Disturbance => {
        const total = direction === 'toDaemon' ? connection.toDaemonBytes : connection.fromDaemonBytes;
        return {
          id: `D10 ${how} ${direction} at ${String(Math.round(share * 100))} % of ${kind} ${String(nth)}`,
          group: 'daemon',
          engines: [engine],
          daemon: [
            { match: { request: connections[kind], nth }, do: breakAt(direction, Math.floor(total * share), how) },
          ],
          ...(how === 'rst' ? { listen: 'tcp' } : {}),
          settings: { daemon_retry_count: '5' },
          // Half a request that ends in order is a wrong request, and the daemon says so.
          letters: how === 'half-close' ? ['survived', 'clean'] : ['survived'],
          exitCodes: how === 'half-close' ? [0, 5] : [0],
          mayLeaveName: how === 'half-close',
        };
      }),
    );
  });
}

function breakAt(direction: Direction, afterBytes: number, how: 'fin' | 'rst' | 'half-close'): ByteFault {
  return how === 'half-close' ? { kind: how, direction, afterBytes } : { kind: 'cut', direction, afterBytes, how };
}

function kindOf({ request }: SeenConnection): keyof typeof connections {
  const kinds = Object.keys(connections) as (keyof typeof connections)[];
  const kind = kinds.find((name) => connections[name].test(request));
  if (kind === undefined) throw new Error(`a connection that no row knows: ${request}`);
  return kind;
}
