// Settings and build facts -> what this run will do. Pure: no files, no clock but `now`, no randomness. Everything that is
// decided before the daemon is asked is decided here, so that `--check` can print it. Each part has a file of its own.
import { parseReference } from '../base/reference.ts';
import type { BuildInfo } from '../settings/build-info.ts';
import type { Settings } from '../settings/settings.ts';
import { buildPlan, type BuildPlan } from './build-plan.ts';
import { cachesPlan } from './cache-plan.ts';
import { cloudPlans, type CloudPlan } from './cloud-plan.ts';
import { copyPlan, type CopyPlan, copyPlanAt } from './copy-plan.ts';
import { daemonPlan, type DaemonPlan } from './daemon-plan.ts';
import {
  type Destination,
  destinationOf,
  mergeTargets,
  publishPlan,
  type PublishPlan,
  type PublishTargetPlan,
} from './destination-plan.ts';
import { herokuHint } from './heroku-plan.ts';
import { namedAt, outputPlan, type OutputPlan } from './output-plan.ts';
import { registryPlan, type RegistryPlan } from './registry-plan.ts';
import { reportPlan, type ReportPlan } from './report-plan.ts';
import { signingPlan, type SigningPlan } from './signing-plan.ts';
import { sourceDate } from './source-date.ts';
import { uploadPlan, type UploadPlan } from './upload-plan.ts';
import { registryFacts, type RegistryFacts, unnamedRegistry, variantNotes } from './variant.ts';

/** What a run does. */
export interface Plan {
  readonly action: { readonly kind: 'build' } | { readonly kind: 'nothing-to-do'; readonly reason: string };
  readonly daemon: DaemonPlan;
  readonly build: BuildPlan;
  /** Present when nothing is built and this is published instead. */
  readonly copy?: CopyPlan;
  /** Absent when nothing is published. */
  readonly publish?: PublishPlan;
  readonly output: OutputPlan;
  readonly registries: RegistryPlan;
  /** Clouds to ask for logins. */
  readonly clouds: readonly CloudPlan[];
  /** How reports name the registry. */
  readonly registryFacts: RegistryFacts;
  readonly upload: UploadPlan;
  /** What becomes of an image that holds the value of a secret. */
  readonly secretScan: 'fail' | 'warn' | 'off';
  /** For the whole run. */
  readonly timeoutMs?: number;
  /** Absent when nothing is to be signed. */
  readonly signing?: SigningPlan;
  readonly report: ReportPlan;
  readonly quiet: boolean;
  readonly debug: boolean;
  /** Facts for the log. */
  readonly notes: readonly string[];
  /** What is left to do once the image is published. */
  readonly nextSteps: readonly string[];
  /** What the pipeline author should look at. */
  readonly warnings: readonly string[];
}

/** Makes the plan. Throws PluginError (exit 2) when the git ref gives no legal tags. */
export function makePlan(settings: Settings, info: BuildInfo, now: Date): Plan {
  const { values } = settings;
  const destination = destinationOf(settings, info);
  const signing = signingPlan(settings);
  const wanted = destination.kind === 'tags' ? publishPlan(settings, destination.tags, destination.release) : undefined;
  const publish = settings.dryRun ? undefined : wanted;
  const registries = registryPlan(settings);
  const caches = cachesPlan(settings, registries.insecureHosts, publish !== undefined);
  const copy = values.push_only && publish !== undefined ? copyPlan(settings, publish) : undefined;
  return {
    action: actionOf(destination, values.push_only),
    daemon: daemonPlan(settings),
    build: buildPlan(settings, info, caches, now),
    ...(copy === undefined ? {} : { copy: copy.copy }),
    ...(publish === undefined ? {} : { publish: copy?.publish ?? publish }),
    output: outputPlan(settings, wanted?.targets ?? []),
    registries,
    clouds: cloudPlans(settings, info),
    registryFacts: registryFacts(settings),
    upload: uploadPlan(settings),
    secretScan: values.secret_scan,
    ...(signing === undefined ? {} : { signing }),
    ...(values.timeout === undefined || values.timeout === 0 ? {} : { timeoutMs: values.timeout }),
    report: reportPlan(settings, (copy?.publish ?? wanted)?.targets ?? []),
    quiet: values.quiet || values.progress === 'quiet' || ['error', 'fatal', 'panic'].includes(values.log_level),
    debug: values.debug || ['debug', 'trace'].includes(values.log_level),
    notes: [
      ...variantNotes(settings),
      ...settings.notes,
      ...(destination.kind === 'unpublished' ? [destination.reason] : []),
      ...(signing !== undefined && publish === undefined ? ['nothing is published, so nothing is signed'] : []),
    ],
    nextSteps: herokuHint(settings),
    warnings: [
      ...(destination.kind === 'tags' ? destination.warnings : []),
      ...sourceDate(values, info).warnings,
      ...caches.warnings,
    ],
  };
}

/** The plan with what the clouds have answered: their page for people, and the registry in the place of the unnamed one. */
export function withClouds(
  planned: Plan,
  { registry: host, portalUrl }: { readonly registry?: string; readonly portalUrl?: string },
): Plan {
  const registryFacts = { ...planned.registryFacts, ...(portalUrl === undefined ? {} : { portalUrl }) };
  const plan = { ...planned, registryFacts, output: namedAt(planned.output, unnamedRegistry, host) };
  if (host === undefined) return plan;
  const atHost = (targets: readonly PublishTargetPlan[]): readonly PublishTargetPlan[] =>
    mergeTargets(
      targets.map((target) =>
        target.repository.domain === unnamedRegistry
          ? { ...target, repository: parseReference(`${host}/${target.repository.path}`) }
          : target,
      ),
    );
  const { publish, report } = plan;
  const { registryUrl } = plan.registryFacts;
  return {
    ...plan,
    ...(plan.copy === undefined ? {} : { copy: copyPlanAt(host, plan.copy) }),
    ...(publish === undefined ? {} : { publish: { ...publish, targets: atHost(publish.targets) } }),
    report: { ...report, wanted: atHost(report.wanted) },
    registryFacts: { ...plan.registryFacts, registryUrl: registryUrl === unnamedRegistry ? host : registryUrl },
  };
}

/** Without a build, an image that is not published is nothing to do. */
function actionOf(destination: Destination, pushOnly: boolean): Plan['action'] {
  if (destination.kind === 'nothing' || (destination.kind === 'unpublished' && pushOnly)) {
    return { kind: 'nothing-to-do', reason: destination.reason };
  }
  return { kind: 'build' };
}
