// Whose fault is an upload that was left open in the registry? A publisher is charged with those that it knew of and did not even
// try to give up. A daemon that pushes has uploads of its own, whose addresses it tells nobody; and an address in an answer that
// never arrived is known to nobody at all.
import type { RecordedRequest } from '../support/recording-proxy.ts';
import type { FiredFault } from './rules.ts';

export interface UploadEvidence {
  /** Ids of uploads that are open after the run. */
  readonly left: readonly string[];
  readonly requests: readonly RecordedRequest[];
  readonly fired: readonly FiredFault[];
  /** Whether a request was made by the publisher itself. */
  readonly isOurs: (request: RecordedRequest) => boolean;
}

/** The ids of `left` that the publisher answers for. */
export function chargeUploads({ left, requests, fired, isOurs }: UploadEvidence): readonly string[] {
  const touches = requests.flatMap((request) => {
    const id = /\/blobs\/uploads\/([^/]+)$/.exec(request.path)?.[1];
    return id === undefined ? [] : [{ id, request }];
  });
  const excused = new Set(
    touches
      .filter(({ request }) => request.method === 'DELETE' || isSaidToBeStored(request) || !isOurs(request))
      .map(({ id }) => id),
  );
  const used = new Set(touches.filter(({ request }) => isOurs(request)).map(({ id }) => id));
  const told = requests.filter((request) => isOurs(request) && tellsOfUpload(request)).length;
  let unused = told - used.size - fired.filter(changesAddress).length;
  return left.filter((id) => !excused.has(id) && (used.has(id) || unused-- > 0));
}

/** A registry that says so, and keeps the upload open, lies. */
function isSaidToBeStored({ method, status }: RecordedRequest): boolean {
  return method === 'PUT' && status === 201;
}

/** The client got to see where its new upload is. */
function tellsOfUpload({ method, path, status }: RecordedRequest): boolean {
  return method === 'POST' && /\/blobs\/uploads\/?$/.test(path) && status === 202;
}

function changesAddress({ step, fault }: FiredFault): boolean {
  return (step === 'po' || step === 'mo') && fault.kind === 'rewrite';
}
