// Rows of the matrix for what happens to servers and lines: 5xx, cut connections, lost answers, silence, drips. All of them pass
// by themselves, so a publish has to survive up to three in a row, and to end cleanly when they last.
import type { FaultCase } from '../fault-case.ts';
import type { Fault, FaultMoment, Step } from '../rules.ts';
import { cell, type CellOptions, laterPlaces, refused } from './cell.ts';

const transient: CellOptions = { isTransient: true };
const forEver: CellOptions = { times: Infinity };

const steps: readonly Step[] = ['pg', 'tk', 'hm', 'hb', 'po', 'mo', 'pa', 'pb', 'gs', 'pm', 'pt', 'ht'];
/** Each step meets another status in the row of one, all meet 503. */
const statuses = [500, 502, 504, 521, 520, 408, 425, 499, 522, 598, 524, 523];
const lostCount = { match: { step: 'pa' }, do: refused(416, 'RANGE_INVALID') } as const;

const unavailable: Fault = { kind: 'answer', status: 503, body: 'backend unavailable' };
const broken: Fault = { kind: 'answer', status: 500, body: '<html><title>Oops</title></html>' };

const serverErrors: readonly FaultCase[] = steps.flatMap((step, index) => {
  const led = step === 'gs' ? { led: [lostCount] } : {};
  const other = statuses[index] ?? 500;
  return [
    cell(step, '503', unavailable, 'survived', { ...transient, ...led }),
    ...(step === 'gs' ? [] : laterPlaces(step, '503', unavailable, 'survived', transient)),
    cell(step, String(other), { kind: 'answer', status: other }, 'survived', { ...transient, ...led }),
    cell(step, '500', broken, 'survived', { ...transient, ...led, times: 3 }),
    cell(step, '502', { ...unavailable, status: 502 }, 'survived', { ...led, times: 5 }),
    cell(step, '504', { ...unavailable, status: 504 }, endOfEver(step), { ...forEver, ...led, exitCodes: [4] }),
  ];
});

/** Steps that can be done without; a tag is read back by GET where HEAD fails. */
function endOfEver(step: Step): 'survived' | 'clean' | 'either' {
  return step === 'mo' || step === 'gs' || step === 'hm' || step === 'hb' || step === 'ht' ? 'either' : 'clean';
}

const withBody: ReadonlySet<Step> = new Set(['pa', 'pb', 'pm', 'pt']);
const cutSteps: readonly Step[] = ['tk', 'hm', 'hb', 'po', 'mo', 'pb', 'pm', 'pt', 'ht'];

const cuts: readonly FaultCase[] = cutSteps.flatMap((step) => {
  const moments: readonly FaultMoment[] = withBody.has(step) ? ['before', 'body', 'after'] : ['before', 'after'];
  return [
    ...moments.map((when) => cell(step, `reset ${when}`, { kind: 'reset', when }, 'survived', transient)),
    ...laterPlaces(step, 'reset before', { kind: 'reset', when: 'before' }, 'survived', transient),
    cell(step, 'FIN before', { kind: 'fin', when: 'before' }, 'survived', transient),
    cell(step, 'reset before', { kind: 'reset', when: 'before' }, 'survived', { ...transient, times: 3 }),
    // The token server is asked once, on a connection of its own.
    ...(step === 'tk'
      ? []
      : [
          cell(step, 'FIN on a reused connection', { kind: 'fin', when: 'before' }, 'survived', {
            ...transient,
            onReusedConnection: true,
          }),
        ]),
    cell(step, 'reset before', { kind: 'reset', when: 'before' }, endOfEver(step), { ...forEver, exitCodes: [4] }),
  ];
});

const lostAnswers: readonly FaultCase[] = (['mo', 'pa', 'pb', 'pm', 'pt'] as const).flatMap((step) => [
  cell(step, 'answer lost', { kind: 'lose-answer' }, 'survived', transient),
  ...laterPlaces(step, 'answer lost', { kind: 'lose-answer' }, 'survived', transient),
  cell(step, 'answer lost', { kind: 'lose-answer' }, 'survived', { ...transient, times: 3 }),
]);

const silentSteps: readonly Step[] = ['pg', 'hm', 'hb', 'po', 'pa', 'pb', 'pm', 'pt', 'ht'];

const silences: readonly FaultCase[] = silentSteps.flatMap((step) => {
  const moments: readonly FaultMoment[] = withBody.has(step) ? ['before', 'body', 'after'] : ['before'];
  return [
    ...moments.map((when) => cell(step, `silence ${when}`, { kind: 'hang', when }, 'survived', transient)),
    cell(step, 'silence before', { kind: 'hang', when: 'before' }, endOfEver(step), {
      ...forEver,
      exitCodes: [4, 6],
    }),
  ];
});

const drips: readonly FaultCase[] = (['tk', 'hm', 'pb', 'pt'] as const).flatMap((step) => [
  cell(step, 'answer at 1 byte/s', { kind: 'drip', bytesPerSecond: 1, direction: 'answer' }, 'survived', transient),
  cell(step, 'answer at 1 byte/s', { kind: 'drip', bytesPerSecond: 1, direction: 'answer' }, 'either', {
    ...forEver,
    exitCodes: [4, 6],
  }),
  ...(step === 'pb'
    ? [
        cell(
          step,
          'request at 1 byte/s',
          { kind: 'drip', bytesPerSecond: 1, direction: 'request' },
          'survived',
          transient,
        ),
        cell(step, 'request at 1 byte/s', { kind: 'drip', bytesPerSecond: 1, direction: 'request' }, 'clean', {
          ...forEver,
          exitCodes: [4, 6],
        }),
      ]
    : []),
]);

/** Tokens of one second, and a step that takes longer. */
const staleTokens: readonly FaultCase[] = (['po', 'pa', 'pb', 'pm', 'pt'] as const).map((step) =>
  cell(step, 'later than the token lives', { kind: 'delay', ms: 1500 }, 'survived', {
    ...transient,
    auth: 'token',
    tokenLifeSeconds: 1,
  }),
);

/** Rows 5xx to "token expires". */
export const accidents: readonly FaultCase[] = [
  ...serverErrors,
  ...cuts,
  ...lostAnswers,
  ...silences,
  ...drips,
  ...staleTokens,
];
