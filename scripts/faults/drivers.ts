// Who is put to the test: the plugin by each of its roads, and the other tools that are installed. Engines are started when they are
// needed, and only those.
import { type Engine, type EngineKind, startEngine } from '../../test/support/engines.ts';
import type { BenchRegistries } from '../../test/faults/bench-registries.ts';
import { crane } from '../../test/faults/drivers/crane.ts';
import { dockerPush } from '../../test/faults/drivers/docker-push.ts';
import type { Driver } from '../../test/faults/drivers/driver.ts';
import { buildingPlugin, engineOfScenario, promotingPlugin } from '../../test/faults/drivers/plugin.ts';
import { skopeo } from '../../test/faults/drivers/skopeo.ts';
import { type ScenarioName, scenarioNames } from '../../test/faults/fault-case.ts';

export interface DriverChoice {
  /** Part of the name; all by default. */
  readonly driver: string | undefined;
  /** Only those that work with such an image store. */
  readonly store: string | undefined;
  readonly peers: boolean;
}

type StartEngine = (kind: EngineKind) => Promise<Engine>;

interface Candidate {
  readonly name: string;
  readonly isPeer: boolean;
  readonly engine?: EngineKind;
  make(start: StartEngine): Promise<Driver | undefined>;
}

/** The engines of one run of the bench. */
export class BenchEngines {
  readonly #started = new Map<EngineKind, Promise<Engine>>();

  readonly start: StartEngine = (kind) => {
    const engine = this.#started.get(kind) ?? startEngine(kind);
    this.#started.set(kind, engine);
    return engine;
  };

  async stop(): Promise<void> {
    // One that did not start has nothing to stop, and has told so to whoever asked for it.
    const started = await Promise.allSettled(this.#started.values());
    for (const one of started) if (one.status === 'fulfilled') await one.value.stop();
  }
}

export interface ChosenDrivers {
  readonly drivers: readonly Driver[];
  /** Names of those that are not installed here. */
  readonly absent: readonly string[];
}

/** The drivers that were asked for. Throws when there is none. */
export async function chooseDrivers(
  choice: DriverChoice,
  engines: BenchEngines,
  registries: BenchRegistries,
): Promise<ChosenDrivers> {
  const drivers: Driver[] = [];
  const absent: string[] = [];
  for (const candidate of candidates(registries).filter((each) => isChosen(each, choice))) {
    const driver = await candidate.make(engines.start);
    if (driver === undefined) absent.push(candidate.name);
    else drivers.push(driver);
  }
  if (drivers.length === 0) throw new Error('no driver is called so, or none is installed');
  return { drivers, absent };
}

function isChosen({ name, isPeer, engine }: Candidate, { driver, store, peers }: DriverChoice): boolean {
  if (isPeer && !peers) return false;
  if (driver !== undefined && !name.includes(driver)) return false;
  return (
    store === undefined || engine?.includes(store) === true || (engine === 'docker-20.10' && store === 'graphdriver')
  );
}

function candidates(registries: BenchRegistries): readonly Candidate[] {
  const graphDriver: EngineKind = 'docker-26.1-graphdriver';
  const containerd: EngineKind = 'docker-26.1-containerd';
  return [
    ...scenarioNames.map((name) => pluginCandidate(name, registries)),
    { name: 'crane', isPeer: true, make: async () => crane() },
    pushCandidate('docker push (graph-driver store)', graphDriver),
    pushCandidate('docker push (containerd store)', containerd),
    { name: 'skopeo', isPeer: true, make: async () => skopeo(0) },
    { name: 'skopeo --retry-times 3', isPeer: true, make: async () => skopeo(3) },
  ];
}

function pluginCandidate(name: ScenarioName, registries: BenchRegistries): Candidate {
  const engine = engineOfScenario[name];
  if (name === 'promotion' || engine === undefined) {
    return { name, isPeer: false, make: async () => promotingPlugin(await registries.source()) };
  }
  return { name, isPeer: false, engine, make: async (start) => buildingPlugin(name, await start(engine)) };
}

function pushCandidate(name: string, engine: EngineKind): Candidate {
  return { name, isPeer: true, engine, make: async (start) => dockerPush(await start(engine)) };
}
