// The Heroku side of a step: one registry, one repository for each app and process type, a key of the account as password.
import { parseReference, type Reference } from '../base/reference.ts';
import type { Settings } from '../settings/settings.ts';

/** Heroku as a source of logins. */
export interface HerokuPlan {
  readonly variant: 'heroku';
  readonly soft: false;
  readonly login: {
    readonly registry: string;
    readonly username: string;
    readonly password: string;
    readonly source: string;
  };
}

/** Heroku's only registry. */
export const herokuRegistry = 'registry.heroku.com';

/** Any name does; this is what Heroku's manual uses. */
const defaultUser = '_';

/** Empty when the step is for another registry, or has no key. */
export function herokuPlans({ values, variant }: Settings): readonly HerokuPlan[] {
  if (variant.name !== 'heroku' || values.api_key === undefined) return [];
  const username = values.email ?? defaultUser;
  const login = { registry: herokuRegistry, username, password: values.api_key, source: 'settings api_key' };
  return [{ variant: 'heroku', soft: false, login }];
}

/** The repository of an app's process type; undefined without an app. */
export function herokuRepository({ values }: Settings): Reference | undefined {
  if (values.app === undefined) return undefined;
  return parseReference(`${herokuRegistry}/${values.app}/${values.process_type}`);
}

/** How to make Heroku run the image, which pushing alone does not; none when the step is for another registry. */
export function herokuHint({ values, variant }: Settings): readonly string[] {
  if (variant.name !== 'heroku' || values.app === undefined) return [];
  return [
    `the image is not running yet: release it with \`heroku container:release ${values.process_type} --app ${values.app}\``,
  ];
}
