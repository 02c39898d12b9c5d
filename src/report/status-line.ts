// One line about what a step is busy with: a transfer, an export, the name of what was pushed.
import type { VertexStatus } from '../buildkit/status.ts';
import { formatBytes } from './format.ts';

/** `transferring context 1.2MB / 3.4MB`, with `done` at its end. */
export function statusLine(status: VertexStatus): string {
  const amount =
    status.total > 0
      ? ` ${formatBytes(status.current)} / ${formatBytes(status.total)}`
      : status.current > 0
        ? ` ${formatBytes(status.current)}`
        : '';
  return `${status.id}${amount}${status.completedMs === undefined ? '' : ' done'}`;
}
