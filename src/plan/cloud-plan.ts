// The clouds that a step may ask for logins: that of its kind of registry, and each further one whose hosts it names. Each
// kind has a file of its own.
import type { BuildInfo } from '../settings/build-info.ts';
import type { Settings } from '../settings/settings.ts';
import { azurePlans, type AzurePlan } from './azure-plan.ts';
import { ecrPlans, type EcrPlan, type EcrPublicPlan } from './ecr-plan.ts';
import { googlePlans, type GooglePlan } from './google-plan.ts';
import { herokuPlans, type HerokuPlan } from './heroku-plan.ts';

/** A cloud to ask for logins. `soft`: only what the machine has at hand is tried, and without it nobody logs in. */
export type CloudPlan = EcrPlan | EcrPublicPlan | GooglePlan | AzurePlan | HerokuPlan;

/** The clouds of a step. */
export function cloudPlans(settings: Settings, info: BuildInfo): readonly CloudPlan[] {
  return [...ecrPlans(settings, info), ...googlePlans(settings), ...azurePlans(settings), ...herokuPlans(settings)];
}
