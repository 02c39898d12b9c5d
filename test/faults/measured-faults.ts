// The fifteen single faults that publishers were first compared with: each hits one publish of a fresh layer of 3 MB, once unless
// it says otherwise. `blob body` is the request that carries the layer: PATCH or PUT, as the client has it.
import type { FaultCase, StepTotals } from './fault-case.ts';
import type { Fault, FaultMatch, FaultRule } from './rules.ts';

/** All of them pass, so there is no excuse. */
const letters = ['survived'] as const;
const manifestPut: FaultMatch = { method: 'PUT', path: /\/manifests\// };

export const measuredFaults: readonly FaultCase[] = [
  fault('POST upload 429 + Retry-After 2', { step: 'po' }, tooManyRequests()),
  fault('POST upload 503 x1', { step: 'po' }, answer(503, 'UNAVAILABLE')),
  fault('POST upload 500 x2', { step: 'po', times: 2 }, answer(500, 'UNKNOWN')),
  fault('HEAD blob 502 x1', { step: 'hb' }, answer(502, 'UNKNOWN')),
  blobFault('reset in the blob body x1', { kind: 'reset', when: 'body' }),
  blobFault('upload session 404 x1', answer(404, 'BLOB_UPLOAD_UNKNOWN')),
  blobFault('blob upload 502 x1', answer(502, 'UNKNOWN')),
  fault('PUT manifest 503 x1', manifestPut, answer(503, 'UNAVAILABLE')),
  fault('PUT manifest 429 + Retry-After 2', manifestPut, tooManyRequests()),
  fault('PUT manifest reset x1', manifestPut, { kind: 'reset', when: 'before' }),
  fault('PUT manifest 500 x3', { ...manifestPut, times: 3 }, answer(500, 'UNKNOWN')),
  fault('PUT manifest 404 x1', manifestPut, answer(404, 'NAME_UNKNOWN')),
  fault('PUT manifest stored, answer lost', manifestPut, { kind: 'lose-answer' }),
  fault('blob PUT stored, answer lost', { step: 'pb' }, { kind: 'lose-answer' }),
  fault('PUT manifest never answered', manifestPut, { kind: 'hang', when: 'before' }),
];

function fault(id: string, match: FaultMatch, what: Fault): FaultCase {
  return { id, group: 'measured', letters, isTransient: true, rules: [{ match, do: what }] };
}

function blobFault(id: string, what: Fault): FaultCase {
  const rules = (totals: StepTotals): readonly FaultRule[] => [
    { match: { step: totals.has('pa') ? 'pa' : 'pb' }, do: what },
  ];
  return { id, group: 'measured', letters, isTransient: true, rules };
}

function tooManyRequests(): Fault {
  return { ...answer(429, 'TOOMANYREQUESTS'), headers: { 'content-type': 'application/json', 'retry-after': '2' } };
}

/** As a registry words it: some clients read the code of the body. */
function answer(status: number, code: string): Extract<Fault, { kind: 'answer' }> {
  const body = JSON.stringify({ errors: [{ code, message: 'injected' }] });
  return { kind: 'answer', status, headers: { 'content-type': 'application/json' }, body };
}
