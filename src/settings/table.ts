// The one table of settings. Reading, validation, warnings about unknown names, command line flags and the reference page
// (docs/settings.md, plugin.yml) all come from it; a setting is added here and nowhere else.
import { attestationRows } from './table/attestations.ts';
import { azureRows } from './table/azure.ts';
import { buildSourceRows } from './table/build-source.ts';
import { buildRows } from './table/build.ts';
import { buildValueRows } from './table/build-values.ts';
import { cacheRows } from './table/cache.ts';
import { credentialRows } from './table/credentials.ts';
import { daemonRows } from './table/daemon.ts';
import { destinationRows } from './table/destination.ts';
import { ecrRows } from './table/ecr.ts';
import { googleRows } from './table/google.ts';
import { herokuRows } from './table/heroku.ts';
import { outputRows } from './table/outputs.ts';
import { publishingRows } from './table/publishing.ts';
import { reportRows } from './table/reports.ts';
import type { Row, ValueOf } from './table/row.ts';
import { secretRows } from './table/secrets.ts';
import { signingRows } from './table/signing.ts';
import { variantRows } from './table/variants.ts';

const rows = {
  ...destinationRows,
  ...buildSourceRows,
  ...buildRows,
  ...buildValueRows,
  ...secretRows,
  ...cacheRows,
  ...credentialRows,
  ...daemonRows,
  ...publishingRows,
  ...outputRows,
  ...reportRows,
  ...signingRows,
  ...attestationRows,
  ...variantRows,
  ...ecrRows,
  ...googleRows,
  ...azureRows,
  ...herokuRows,
};

type Rows = typeof rows;

/** Names of the settings that do something. */
export type WorkingName = {
  [K in keyof Rows]: Rows[K] extends { readonly status: 'works' } ? K : never;
}[keyof Rows];

/** The value of each setting, typed by its row. */
export type Values = { readonly [K in WorkingName]: ValueOf<Rows[K]> };

/** Every setting, in the order of the reference page. */
export const table: ReadonlyMap<string, Row> = new Map<string, Row>(Object.entries(rows));

/** A group of settings on the reference page. */
export interface Topic {
  readonly title: string;
  readonly names: readonly string[];
}

/** The table by topic. */
export const topics: readonly Topic[] = [
  { title: 'Destination and tags', names: Object.keys(destinationRows) },
  { title: 'Sources of the build', names: Object.keys(buildSourceRows) },
  { title: 'Build', names: Object.keys(buildRows) },
  { title: 'Build arguments and labels', names: Object.keys(buildValueRows) },
  { title: 'Secrets', names: Object.keys(secretRows) },
  { title: 'Cache', names: Object.keys(cacheRows) },
  { title: 'Logins and trust', names: Object.keys(credentialRows) },
  { title: 'Daemon and log', names: Object.keys(daemonRows) },
  { title: 'Publishing', names: Object.keys(publishingRows) },
  { title: 'The image as files', names: Object.keys(outputRows) },
  { title: 'Reports', names: Object.keys(reportRows) },
  { title: 'Signing', names: Object.keys(signingRows) },
  { title: 'Attestations', names: Object.keys(attestationRows) },
  { title: 'Registry variants', names: Object.keys(variantRows) },
  { title: 'Amazon ECR', names: Object.keys(ecrRows) },
  { title: 'Google GCR and GAR', names: Object.keys(googleRows) },
  { title: 'Azure ACR', names: Object.keys(azureRows) },
  { title: 'Heroku', names: Object.keys(herokuRows) },
];
