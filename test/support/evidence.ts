// What tests conclude from a step's log and from the requests that a registry saw.
import type { RecordedRequest } from './recording-proxy.ts';

export interface LoggedStep {
  readonly name: string;
  readonly cached: boolean;
}

/**
 * The steps of the Dockerfile that do something (COPY, ADD, RUN, WORKDIR), in the order of their numbers, from the plain
 * progress lines: `#7 [build 3/4] RUN make`, then `#7 CACHED` or `#7 DONE 1.2s`.
 */
export function stepsIn(log: string): readonly LoggedStep[] {
  const steps = new Map<string, string>();
  for (const [, id = '', name = ''] of log.matchAll(/^#(\d+) (\[.*\] (?:COPY|ADD|RUN|WORKDIR) .*)$/gm)) {
    steps.set(id, name);
  }
  return [...steps].map(([id, name]) => ({ name, cached: new RegExp(`^#${id} CACHED`, 'm').test(log) }));
}

/** Blobs that really came to the registry: uploads that were finished. Asking for permission starts one and gives it up. */
export function uploadedBlobsIn(requests: readonly RecordedRequest[]): readonly string[] {
  return requests
    .filter(({ method, path }) => method === 'PUT' && path.includes('/blobs/uploads/'))
    .map(({ path, query, status }) => `${path}${query} ${status}`);
}

/** The last block of a failed step: what people read first. */
export function failureBlockIn(log: string): readonly string[] {
  const start = log.lastIndexOf('\nerror: ');
  return start < 0 && !log.startsWith('error: ')
    ? []
    : log
        .slice(start + 1)
        .trimEnd()
        .split('\n');
}
