// Settings of Heroku's registry that are wrong, or pointless, together.
import { addProblem, addWarning } from '../findings.ts';
import type { CrossInputs } from './cross-inputs.ts';
import { hasOtherLogin } from './other-login.ts';

/** Checks the login and the names of a step for Heroku. */
export function checkHeroku({ variant, given, dryRun, findings }: CrossInputs): void {
  if (variant.soft || variant.name !== 'heroku') return;
  if (!given.has('app')) {
    addProblem(findings, 'app', { wrong: 'it is required and missing', right: 'must be the name of the Heroku app' });
  }
  for (const name of ['repo', 'registry'].filter((setting) => given.has(setting))) {
    addWarning(findings, name, 'is not used: the image goes to registry.heroku.com/<app>/<process_type>');
  }
  if (given.has('api_key') || dryRun || hasOtherLogin(given)) return;
  addProblem(findings, 'api_key', {
    wrong: 'it is required and missing',
    right: 'must be a key of the Heroku account',
  });
}
