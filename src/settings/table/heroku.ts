// Rows: Heroku's registry.
import { cloud, cloudSecret } from './cloud-row.ts';
import { known } from './row.ts';

export const herokuRows = {
  app: cloud('PLUGIN_APP'),
  process_type: cloud('PLUGIN_PROCESS_TYPE'),
  api_key: cloudSecret('PLUGIN_API_KEY'),
  heroku_release: known('refused', ['PLUGIN_HEROKU_RELEASE'], 'Reserved.'),
};
