// One fault as data: what goes wrong during one publish, where that applies, and which ends are allowed. The files under cells/
// are lists of these; run-fault.ts carries one out.
import type { RecordedRequest } from '../support/recording-proxy.ts';
import type { Letter } from './judge.ts';
import type { FaultRule, RandomFaults, Step } from './rules.ts';

/** The roads by which the plugin publishes. */
export const scenarioNames = [
  'plugin upload (26.1 graphdriver)',
  'plugin upload (20.10)',
  'daemon push (26.1 containerd)',
  'plugin upload (26.1 containerd, push_via: plugin)',
  'promotion',
] as const;

export type ScenarioName = (typeof scenarioNames)[number];

/** Requests of each step in an undisturbed publish of the same kind. */
export type StepTotals = ReadonlyMap<Step, number>;

export type FaultGroup = 'measured' | 'registry' | 'tags' | 'storm' | 'daemon' | 'process';

export interface FaultCase {
  /** Unique among all cases: `po 503 x3, first`. */
  readonly id: string;
  readonly group: FaultGroup;
  /** What the registry side does; a function where it depends on how the client uploads. */
  readonly rules: readonly FaultRule[] | ((totals: StepTotals) => readonly FaultRule[]);
  /** Whether an undisturbed publish of this kind makes such requests at all; without it, always. */
  readonly applies?: (totals: StepTotals) => boolean;
  /** One that passes within a few tries: it should be survived. */
  readonly isTransient?: boolean;
  /** All by default. */
  readonly scenarios?: readonly ScenarioName[];
  /** Allowed ends; survived and clean by default. */
  readonly letters?: readonly Letter[];
  /** Where the daemon pushes, any clean end with any code will do. */
  readonly isDaemonFree?: boolean;
  /** Exit codes that a clean end may have; every documented one by default. */
  readonly exitCodes?: readonly number[];
  /** Tags to publish; `['1']` by default. */
  readonly tags?: readonly string[];
  /** Those of them that show an older image before; all by default. */
  readonly oldTags?: readonly string[];
  /** Further settings of the plugin; `request_timeout` is 5 s unless it is here. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Of the image's one file; 3 MB by default. */
  readonly layerBytes?: number;
  /** A second repository of the same registry is published to, or promoted from: blobs can be mounted. */
  readonly isMountable?: boolean;
  /** What the registry asks for; `open` by default. */
  readonly auth?: 'open' | 'htpasswd' | 'token';
  /** For `token`: how long a token is good. */
  readonly tokenLifeSeconds?: number;
  readonly random?: RandomFaults;
  /** 75 s by default. */
  readonly limitMs?: number;
  /** Further demands: what was not as it should be makes the run dirty. */
  readonly check?: (run: {
    readonly requests: readonly RecordedRequest[];
    readonly output: string;
  }) => readonly string[];
}
