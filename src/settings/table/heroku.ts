// Rows: Heroku's registry.
import { herokuName } from '../heroku-kinds.ts';
import { secret, text } from '../kinds.ts';
import { known, works, worksWithDefault } from './row.ts';

export const herokuRows = {
  app: works({
    env: ['PLUGIN_APP'],
    kind: herokuName,
    help: 'Heroku: the app; the image goes to `registry.heroku.com/<app>/<process_type>`.',
  }),
  process_type: worksWithDefault('web', {
    env: ['PLUGIN_PROCESS_TYPE'],
    kind: herokuName,
    help: 'Heroku: the process type that the image is for.',
  }),
  email: works({
    env: ['PLUGIN_EMAIL', 'HEROKU_EMAIL'],
    plainIn: ['heroku'],
    plainOnlyWhenChosen: true,
    kind: text,
    defaultText: '`_`',
    help: 'Heroku: the user. Other registries do not ask for it.',
  }),
  api_key: works({
    env: ['PLUGIN_API_KEY', 'HEROKU_API_KEY'],
    plainIn: ['heroku'],
    plainOnlyWhenChosen: true,
    kind: secret,
    secret: true,
    help: 'Heroku: a key of the account, as password.',
  }),
  heroku_release: known('refused', ['PLUGIN_HEROKU_RELEASE'], 'Reserved.'),
};
