// Writes docs/settings.md and plugin.yml from the table of settings. The table is TypeScript, so it is bundled first.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const bundle = `.cache/settings-reference-${process.pid}.mjs`;

await build({
  entryPoints: ['src/settings/reference-table.ts'],
  outfile: bundle,
  bundle: true,
  format: 'esm',
  platform: 'node',
  logLevel: 'warning',
});
try {
  const { pluginManifest, referencePage } = await import(pathToFileURL(bundle).href);
  await mkdir('docs', { recursive: true });
  await writeFile('docs/settings.md', referencePage());
  await writeFile('plugin.yml', pluginManifest());
} finally {
  await rm(bundle);
}
