import { describe, expect, it } from 'vitest';
import { docsTable } from '../../../scripts/faults/docs-table.ts';
import { describeBad, type FaultResult, isGood, letterTable, totals } from '../../../scripts/faults/report.ts';
import type { FaultRun } from '../../faults/run-fault.ts';

const survived: FaultRun = {
  fault: 'PUT manifest reset x1',
  group: 'measured',
  driver: 'promotion',
  version: '1.2.3',
  letter: 'survived',
  reasons: [],
  isAllowed: true,
  isTransient: true,
  hits: 1,
  isMet: true,
  exitCode: 0,
  ms: 1234,
  requests: {},
  output: 'one\ntwo\n',
};
const judged = (difference: Partial<FaultRun> = {}): FaultResult => ({ outcome: 'judged', ...survived, ...difference });
const hang: Partial<FaultRun> = {
  letter: 'hang',
  isAllowed: false,
  reasons: ['outlived its limit'],
  exitCode: undefined,
};

describe('what the bench shows', () => {
  it('is the worst letter of several trials, and a dot where no request met the fault', () => {
    const results = [judged(), judged(hang), judged({ driver: 'skopeo', isMet: false, hits: 0 })];
    expect(letterTable(results).split('\n').at(-1)).toBe('PUT manifest reset x1  H ·');
  });

  it('shows a letter that is bad although the fault was not met', () => {
    const results = [judged({ isMet: false, letter: 'dirty' }), { outcome: 'does not occur', fault: 'b', driver: 'x' }];
    const lines = letterTable(results as FaultResult[]).split('\n');
    expect(lines.slice(-2)).toEqual(['PUT manifest reset x1  D  ', 'b                        -']);
  });

  it('counts letters per driver and group, and transient faults by themselves', () => {
    expect(totals([judged(), judged(hang), judged({ isMet: false })])).toEqual([
      'promotion: measured: 2 (1 survived, 0 clean, 0 dirty, 0 lie, 1 hang); of 2 transient ones 1 survived; 1 not met',
      'in all: 2 (1 survived, 0 clean, 0 dirty, 0 lie, 1 hang); of 2 transient ones 1 survived; 1 not met',
    ]);
  });

  it('tells why a run is bad, with the end of its log', () => {
    expect(describeBad(judged(hang)).split('\n')).toEqual([
      'promotion: PUT manifest reset x1: hang, exit undefined after 1.2 s, 1 faults',
      '  outlived its limit',
      '    | one',
      '    | two',
    ]);
  });

  it('is bad when the bench itself failed, and fine when a fault cannot occur', () => {
    expect(isGood({ outcome: 'bench failed', fault: 'a', driver: 'b', error: 'no' })).toBe(false);
    expect(isGood({ outcome: 'does not occur', fault: 'a', driver: 'b' })).toBe(true);
    expect(isGood(judged(hang))).toBe(false);
  });
});

describe('the table in the documentation', () => {
  const row = (...runs: readonly Partial<FaultRun>[]): string =>
    docsTable(
      runs.map((run) => ({ ...survived, ...run })),
      ['crane'],
    )
      .split('\n')
      .find((line) => line.startsWith(`| ${survived.fault}`)) ?? '';

  it.each<[string, readonly Partial<FaultRun>[]]>([
    ['yes', [{}, {}]],
    ['1 of 2', [{}, { letter: 'clean', exitCode: 1 }]],
    ['no', [{ letter: 'clean', exitCode: 1 }]],
    ['no', [{ letter: 'dirty', exitCode: 1, reasons: ['left behind: open upload 1'] }]],
    ['no, tag moved', [{ letter: 'dirty', exitCode: 1, reasons: ['exit 1, and x:1 went from a to b'] }]],
    ['yes', [{ letter: 'dirty', exitCode: 0, reasons: ['left behind: open upload 1'] }]],
    ['no', [{ letter: 'dirty', exitCode: 0, reasons: ['left behind: open upload 1', 'left behind: file tmp/layer'] }]],
    ['hangs', [hang]],
    ['lies', [{ letter: 'lie', exitCode: 0 }]],
    ['not met', [{ isMet: false }]],
  ])('says "%s"', (cell, runs) => {
    expect(row(...runs)).toBe(`| PUT manifest reset x1 | ${cell} |`);
  });

  it('counts no fault as survived that was not met', () => {
    const other = { ...survived, fault: 'PUT manifest 503 x1' };
    const text = docsTable([{ ...survived, isMet: false, hits: 0 }, other], []);
    expect(text).toContain('| all of its trials survived | **1 of 2** |');
  });

  it('names versions, flags, trials, and who was not there', () => {
    const text = docsTable([survived, { ...survived, driver: 'skopeo --retry-times 3', version: '1.9.3' }], ['crane']);
    expect(text).toContain('- A: docker-build 1.2.3, promotion');
    expect(text).toContain('- B: skopeo 1.9.3, `skopeo copy --retry-times 3`');
    expect(text).toContain('One trial of each. Not installed, and so not tried: crane.');
    expect(text).toContain('| all of its trials survived | **1 of 1** | **1 of 1** |');
  });
});
