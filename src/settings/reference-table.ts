// The table of settings for people and machines: docs/settings.md, plugin.yml and the text of --help. All are generated
// (scripts/settings-reference.js), and a test fails when a file and the table differ.
import { table, topics } from './table.ts';
import type { KnownStatus, Row, WorkingRow } from './table/row.ts';

/** The page docs/settings.md. */
export function referencePage(): string {
  const parts = topics.map(({ title, names }) => topicSection(title, names));
  return `${[introduction, ...parts, knownSection()].join('\n\n')}\n`;
}

const introduction = `# Settings

<!-- Made by scripts/settings-reference.js from src/settings/table; do not edit. -->

In \`.drone.yml\` each setting is a key under \`settings:\`; the runner hands it over as the environment variable
\`PLUGIN_<NAME>\`. Every setting that is no secret is also a flag (\`--dry-run\`, \`--repo name\`), which wins. Of several
variables the first non-empty one counts, and an empty value is the same as none.

- **Booleans**: \`true\`/\`false\`, \`yes\`/\`no\`, \`on\`/\`off\`, \`1\`/\`0\`, in any case.
- **Lists**: a YAML list, JSON, or text split at line ends and commas; \`\\,\` is a comma that does not split.
- **Maps**: a YAML map is best. Text is split at line ends when each line begins with \`NAME=\`, else at commas.
- **Paths** are relative to the workspace. Links of the workspace may not lead out of it; \`/proc\`, \`/sys\` and \`/dev\` are
  never read.
- **Secrets** are never shown, not even in part, and masked in everything that is printed.

All problems are found before anything is connected, and reported together with exit code 2. Unknown names cause a warning.`;

function topicSection(title: string, names: readonly string[]): string {
  const rows = names.flatMap((name) => {
    const row = table.get(name);
    return row?.status === 'works' ? [tableRow(name, row)] : [];
  });
  if (rows.length === 0) return `## ${title}\n\nNothing in this version.`;
  return [`## ${title}\n`, '| setting | kind | default | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

function tableRow(name: string, row: WorkingRow<unknown, unknown>): string {
  const usual = `PLUGIN_${name.toUpperCase()}`;
  const isUsual = row.env.length === 1 && row.env[0] === usual;
  const plain = row.plainIn === undefined ? '' : ` (those without \`PLUGIN_\` for ${row.plainIn.join(' and ')} only)`;
  const single = Object.entries(row.onlyIn ?? {}).map(([name, variant]) => ` (\`${name}\` for ${variant} only)`);
  const variables = isUsual
    ? ''
    : `<br>${row.env.map((variable) => `\`${variable}\``).join(', ')}${plain}${single.join('')}`;
  const kind = row.secret === true && row.kind.name !== 'secret' ? `${row.kind.name}, secret` : row.kind.name;
  return `| **\`${name}\`**${variables} | ${escapeCell(kind)} | ${defaultOf(row)} | ${escapeCell(row.help)} |`;
}

/** The default as text; a dash when there is none. */
function defaultOf(row: WorkingRow<unknown, unknown>): string {
  if (row.defaultText !== undefined) return row.defaultText;
  const { fallback } = row;
  if (typeof fallback === 'string' || typeof fallback === 'number' || typeof fallback === 'boolean') {
    return `\`${String(fallback)}\``;
  }
  return '–';
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|');
}

const knownTitles: readonly (readonly [status: KnownStatus, text: string])[] = [
  [
    'accepted',
    'Belong to a daemon of the step’s own. The runner’s daemon is used instead, whose administrator sets them; one warning names them.',
  ],
  ['declined', 'Done by nothing here; the result is right without them. A warning says what to use instead.'],
  [
    'refused',
    'Known, but not available in this version. Leaving them out would build or publish something else, so they are an error.',
  ],
  ['ignored', 'Change nothing here and are passed over in silence.'],
];

function knownSection(): string {
  const parts = knownTitles.map(([status, text]) => {
    const rows = [...table].flatMap(([name, row]) => (row.status === status ? [`- \`${name}\`: ${row.help}`] : []));
    return [`### ${status.charAt(0).toUpperCase()}${status.slice(1)}\n`, `${text}\n`, ...rows].join('\n');
  });
  return ['## Settings of other plugins that do nothing here', ...parts].join('\n\n');
}

/** Where the image of the plugin is, until a release names its registry. */
const image = 'registry.example/docker-build';

const description =
  'Builds container images with the BuildKit of the daemon that the runner provides, and publishes them without leaving anything in it';

/** The manifest plugin.yml, as github.com/drone/plugin reads it (`run.docker.image`), with the settings for catalogues. */
export function pluginManifest(): string {
  const settings = [...table].flatMap(([name, row]) => (row.status === 'works' ? [manifestEntry(name, row)] : []));
  return [
    '# Made by scripts/settings-reference.js from src/settings/table; do not edit.',
    'name: docker-build',
    `description: ${yamlText(description)}`,
    'run:',
    '  docker:',
    `    image: ${image}`,
    'settings:',
    ...settings,
    '',
  ].join('\n');
}

function manifestEntry(name: string, row: WorkingRow<unknown, unknown>): string {
  return [
    `  - name: ${name}`,
    `    kind: ${yamlText(row.kind.name)}`,
    ...(row.secret === true ? ['    secret: true'] : []),
    `    description: ${yamlText(row.help)}`,
  ].join('\n');
}

/** A YAML scalar in single quotes, or double ones where that needs no doubling. */
function yamlText(text: string): string {
  return text.includes("'") && !/["\\]/.test(text) ? `"${text}"` : `'${text.replaceAll("'", "''")}'`;
}

/** The text of --help. */
export function usage(): string {
  const lines = [...table].flatMap(([name, row]) => (row.status === 'works' ? [usageLine(name, row)] : []));
  return [
    'docker-build: builds a container image in the daemon that the runner provides, and publishes it.',
    '',
    'Settings come from PLUGIN_* variables; all but secrets may be given as flags. Besides:',
    '  --check     check the settings and say what would be done',
    '  --version   print the version',
    '  --help      print this',
    '',
    ...lines,
    '',
  ].join('\n');
}

function usageLine(name: string, row: Row & { readonly status: 'works' }): string {
  const flag = row.secret === true ? (row.env[0] ?? name) : `--${name.replaceAll('_', '-')}`;
  return `  ${flag}\n      ${row.help.replaceAll('`', '')}`;
}
