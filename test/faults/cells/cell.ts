// How a cell of the failure matrix (docs/reliability.md) becomes fault cases: a step, what happens to it, at which of its
// requests, and which end is right.
import type { FaultCase, StepTotals } from '../fault-case.ts';
import type { Fault, FaultRule, Step } from '../rules.ts';

/** `either`: the design asks only that it is one of the two. */
export type RightEnd = 'survived' | 'clean' | 'either';

export interface CellOptions extends Partial<FaultCase> {
  /** In a row; 1 by default. */
  readonly times?: number;
  /** Faults that bring the publish to this step. */
  readonly led?: readonly FaultRule[];
  /** Only requests with so large a body. */
  readonly minBodyBytes?: number;
  readonly onReusedConnection?: boolean;
}

/** Of publishes whose fault never ends. */
const foreverLimitMs = 180_000;

const laterOnes: readonly { readonly name: string; readonly nth: number; readonly atLeast: number }[] = [
  { name: 'second', nth: 2, atLeast: 2 },
  // With two requests the last is the second.
  { name: 'last', nth: -1, atLeast: 3 },
];

/** A fault at the first request of a step. */
export function cell(step: Step, name: string, fault: Fault, end: RightEnd, options: CellOptions = {}): FaultCase {
  return at(1, 'first', step, name, fault, end, options, (totals) =>
    has(totals, options.led?.[0]?.match.step ?? step, 1),
  );
}

/** A fault at the second and at the last request of a step, where there are so many. */
export function laterPlaces(
  step: Step,
  name: string,
  fault: Fault,
  end: RightEnd,
  options: CellOptions = {},
): readonly FaultCase[] {
  return laterOnes.map((place) =>
    at(place.nth, place.name, step, name, fault, end, options, (totals) => has(totals, step, place.atLeast)),
  );
}

function at(
  nth: number,
  place: string,
  step: Step,
  name: string,
  fault: Fault,
  end: RightEnd,
  options: CellOptions,
  applies: (totals: StepTotals) => boolean,
): FaultCase {
  const { times = 1, led = [], minBodyBytes, onReusedConnection, ...rest } = options;
  const row = times === 1 ? '' : ` x${times === Infinity ? 'ever' : times}`;
  const match = {
    step,
    nth,
    times,
    ...(minBodyBytes === undefined ? {} : { minBodyBytes }),
    ...(onReusedConnection === undefined ? {} : { onReusedConnection }),
  };
  return {
    id: `${step} ${name}${row}, ${place}`,
    group: 'registry',
    rules: [...led, { match, do: fault }],
    letters: end === 'either' ? ['survived', 'clean'] : [end],
    // A daemon may give up where we need not; what passes by itself has to be survived all the same. Tags are never its task.
    isDaemonFree: options.isTransient !== true && step !== 'pt' && step !== 'ht',
    applies,
    // A daemon that is asked again gives up slowly.
    ...(times === Infinity ? { limitMs: foreverLimitMs } : {}),
    ...settingsOf(step),
    ...rest,
  };
}

function has(totals: StepTotals, step: Step, atLeast: number): boolean {
  return (totals.get(step) ?? 0) >= atLeast;
}

/** Some requests are made only by a publish of a certain kind. */
function settingsOf(step: Step): Partial<FaultCase> {
  if (step === 'pa' || step === 'gs') return { settings: { upload_chunk_size: '1m' } };
  if (step === 'mo') return { isMountable: true };
  return step === 'tk' ? { auth: 'token' } : {};
}

/** A refusal as registries word it. */
export function refused(status: number, code: string, detail?: object): Fault {
  const body = JSON.stringify({ errors: [{ code, message: 'said by the fault proxy', detail }] });
  return { kind: 'answer', status, headers: { 'content-type': 'application/json' }, body };
}
