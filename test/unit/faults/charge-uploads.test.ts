import { describe, expect, it } from 'vitest';
import { chargeUploads, type UploadEvidence } from '../../faults/charge-uploads.ts';
import type { RecordedRequest } from '../../support/recording-proxy.ts';

const us = 'docker-build/1';

function request(method: string, id = '', status = 202, userAgent = us): RecordedRequest {
  return { method, path: `/v2/app/blobs/uploads/${id}`, query: '', status, userAgent };
}

function charged(evidence: Partial<UploadEvidence>): readonly string[] {
  const isOurs = ({ userAgent }: RecordedRequest): boolean => userAgent === us;
  return chargeUploads({ left: ['one'], requests: [], fired: [], isOurs, ...evidence });
}

describe('an upload that is still open', () => {
  it('is charged to a publisher that was told of it and forgot it', () => {
    expect(charged({ requests: [request('POST')] })).toEqual(['one']);
  });

  it('is charged to a publisher that sent to it and forgot it', () => {
    expect(charged({ requests: [request('POST'), request('PATCH', 'one')] })).toEqual(['one']);
  });

  it('is not charged when it was given up, even in vain', () => {
    expect(charged({ requests: [request('POST'), request('PUT', 'one', 502), request('DELETE', 'one', 401)] })).toEqual(
      [],
    );
  });

  it('is not charged when the registry said that it was finished', () => {
    expect(charged({ requests: [request('POST'), request('PUT', 'one', 201)] })).toEqual([]);
  });

  it('is not charged when the answer to the POST never arrived', () => {
    expect(charged({ requests: [request('POST', '', 0)] })).toEqual([]);
  });

  it('is not charged when the answer bore another address', () => {
    const fired = [{ step: 'po', method: 'POST', path: '/', fault: { kind: 'rewrite' } }] as const;
    expect(charged({ requests: [request('POST')], fired })).toEqual([]);
  });

  it('is not charged when a daemon began it', () => {
    expect(
      charged({ requests: [request('POST', '', 202, 'containerd'), request('PUT', 'one', 404, 'containerd')] }),
    ).toEqual([]);
    expect(charged({ requests: [request('POST', '', 202, 'containerd')] })).toEqual([]);
  });

  it('is charged once when the publisher was told of one and two are open', () => {
    const requests = [request('POST'), request('POST', '', 0)];
    expect(charged({ left: ['one', 'two'], requests })).toHaveLength(1);
  });

  it('is not charged when the one that the publisher was told of was used up', () => {
    expect(charged({ requests: [request('POST'), request('PUT', 'two', 201), request('POST', '', 0)] })).toEqual([]);
  });
});
