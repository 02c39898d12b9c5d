// What publishes: the plugin by one of its roads, or another tool. A driver is given an image that nobody has seen, a registry that
// is about to fail, and a time limit.
import type { EngineAddress } from '../../support/engines.ts';
import type { BenchRegistry } from '../bench-registries.ts';
import type { ScenarioName } from '../fault-case.ts';
import type { WantedImage } from '../registry-graph.ts';

/** One publish. */
export interface PublishJob {
  /** Of the run: the label of its image, and a part of its repository's name. */
  readonly id: string;
  /** The driver's own: everything in it goes away after the run. */
  readonly workspace: string;
  /** TMPDIR of the process; nothing may be left in it. */
  readonly temporary: string;
  /** `127.0.0.1:port` of the failing registry. */
  readonly host: string;
  /** Paths of the repositories there; other tools publish to the first one only. */
  readonly repositories: readonly [string, ...string[]];
  /** The failing registry itself, past the proxy. */
  readonly registry: BenchRegistry;
  /** A promotion reads from the same registry. */
  readonly isMountable: boolean;
  readonly tags: readonly string[];
  /** The bytes of the image's one file. */
  readonly content: Buffer;
  /** Of the plugin, beyond those of the scenario. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface PublishEnd {
  /** undefined: ended by a signal. */
  readonly exitCode: number | undefined;
  readonly output: string;
  readonly ms: number;
}

export interface PreparedJob {
  /** What the tags have to show afterwards. */
  readonly wanted: WantedImage;
  /** Takes back what only the preparation has made. */
  clean(): Promise<void>;
}

export interface Driver {
  /** `skopeo --retry-times 3`, or the name of a scenario. */
  readonly name: string;
  readonly version: string;
  /** undefined for other tools. */
  readonly scenario?: ScenarioName;
  /** The daemon that it works with. */
  readonly engine?: EngineAddress;
  /** Done before the registry fails, and not measured. */
  prepare(job: PublishJob): Promise<PreparedJob>;
  /** Runs until its end, or until `signal` is aborted: the process is then killed. */
  publish(job: PublishJob, signal: AbortSignal): Promise<PublishEnd>;
}
