// Chapter: signatures. The key is opened before anything else is done, so that a wrong password costs no build; what was
// published, by whatever way, is signed by its digest at the end.
import { shortDigest } from '../base/digest.ts';
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import type { SigningPlan } from '../plan/signing-plan.ts';
import { describeOutcome } from '../publish/tag-failure.ts';
import type { Published } from '../publish/target.ts';
import type { SigningKey } from '../signing/signing-key.ts';
import type { SignOutcome } from '../signing/sign-image.ts';
import type { SigningTarget } from '../signing/sign-digest.ts';
import type { Tools } from './tools.ts';

/** An open key, and what to do with it. */
export interface Signer extends Omit<SigningPlan, 'key'> {
  readonly key: SigningKey;
}

/** Opens the key; undefined when nothing is to be signed. Throws PluginError (exit 2) for a key or password that is no good. */
export async function openSigner(plan: SigningPlan | undefined): Promise<Signer | undefined> {
  if (plan === undefined) return undefined;
  const { openSigningKey } = await import('../signing/signing-key.ts');
  return { ...plan, key: await openSigningKey(plan.key) };
}

/** What signing needs of a run. */
interface SigningTools {
  readonly world: Pick<Tools['world'], 'signal'>;
  readonly log: Log;
  readonly phases: Pick<Tools['phases'], 'start'>;
}

/**
 * Signs what was published in each repository.
 *
 * @returns what became of each repository; empty when there is nothing to sign
 * @throws PluginError (exit 4) when signatures are required and one is missing; its details say what was published
 */
export async function sign(
  published: Published | undefined,
  targets: readonly SigningTarget[],
  signer: Signer | undefined,
  { world, log, phases }: SigningTools,
): Promise<readonly SignOutcome[]> {
  if (published === undefined || signer === undefined) return [];
  phases.start('sign');
  const { signImage } = await import('../signing/sign-image.ts');
  // Where every tag was left as it was, nothing of ours goes by a name.
  const names = new Set(published.tags.filter(({ outcome }) => outcome !== 'kept').map(({ repository }) => repository));
  const own = targets.filter(({ repository }) => names.has(repository.name));
  const outcomes = await signImage({ ...signer, targets: own, digest: published.digest, log }, world.signal);
  const unsigned = outcomes.filter(({ outcome }) => outcome === 'failed').map(describeFailure);
  if (unsigned.length > 0 && (signer.required || world.signal.aborted)) throw notSigned(published, outcomes, unsigned);
  for (const line of unsigned) log.warn(line);
  return outcomes;
}

function describeFailure({ repository, digest, error }: SignOutcome): string {
  const reason = error instanceof Error ? error.message : String(error);
  return `${repository}@${digest} is published and not signed: ${reason}`;
}

function notSigned({ tags }: Published, outcomes: readonly SignOutcome[], unsigned: readonly string[]): PluginError {
  const [first = '', ...others] = unsigned;
  const cause = outcomes.find(({ outcome }) => outcome === 'failed')?.error;
  return new PluginError({
    code: 'not-signed',
    exitCode: 4,
    message: first,
    hint: (cause instanceof PluginError ? cause.hint : undefined) ?? 'cosign_required: false makes this a warning',
    details: [
      ...others,
      ...tags.map(describeOutcome),
      ...outcomes.map(({ repository, digest, outcome }) => {
        return `state: ${repository}@${shortDigest(digest)} ${outcome === 'failed' ? 'not signed' : 'signed'}`;
      }),
    ],
    cause,
  });
}
