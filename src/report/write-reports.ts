// Writes the reports of a run. A report that the runner asked for by itself may fail with a warning; one that the author
// asked for is an input of later steps, so its failure is an error.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Log } from '../base/log.ts';
import { formatArtifacts } from './artifact-file.ts';
import { cardForLog, formatCard } from './card.ts';
import { formatMetadata } from './metadata-file.ts';
import { appendPlain, mergeDotenv, stepOutputs } from './output-file.ts';
import { familiarName, familiarRepository, publishedTags, type ReportedTag, type RunReport } from './run-report.ts';

/** Where a report goes: into the log of the step, or to an absolute path. */
export type ReportPlace = { readonly kind: 'log' } | { readonly kind: 'file'; readonly path: string };

/** The reports that are wanted, by the names of their settings. */
export interface WantedReports {
  readonly places: ReadonlyMap<string, ReportPlace>;
  /** Absolute paths of dotenv files. */
  readonly outputFiles: readonly string[];
}

export interface ReportTools {
  readonly log: Log;
  /** Takes text with its line ends and writes it at once. */
  readonly write: (text: string) => void;
}

/** Everything but the card, which comes last of all. @returns one line for each report that failed and was asked for */
export async function writeReports(
  report: RunReport,
  { places, outputFiles }: WantedReports,
  tools: ReportTools,
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const path of outputFiles) {
    const wrong = await attempt('output_file', () => writeOutputs(path, stepOutputs(report)));
    if (wrong !== undefined) tools.log.warn(wrong);
  }
  for (const [name, format] of formats) {
    const place = places.get(name);
    if (place === undefined) continue;
    const text = format(report);
    if (text === undefined) {
      tools.log.info(`${name} is not written: ${report.notPublished ?? 'there is nothing to write into it'}`);
      continue;
    }
    const wrong = await attempt(name, () => writePlace(place, text, tools));
    if (wrong === undefined) continue;
    if (name === 'artifact_file') tools.log.warn(wrong);
    else problems.push(wrong);
  }
  return problems;
}

/** The card: exactly one, with nothing behind it. */
export async function writeCard(report: RunReport, { places }: WantedReports, tools: ReportTools): Promise<void> {
  const place = places.get('card_path');
  if (place === undefined) return;
  const card = formatCard(report);
  if (place.kind === 'log') return tools.write(cardForLog(card));
  const wrong = await attempt('card_path', () => writePlace(place, card, tools));
  if (wrong !== undefined) tools.log.warn(wrong);
}

/** Writes a report that is text already. */
export async function writePlace(place: ReportPlace, text: string, { write }: ReportTools): Promise<void> {
  if (place.kind === 'log') return write(text.endsWith('\n') ? text : `${text}\n`);
  await writeWhole(place.path, text);
}

async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await writeFile(path, text, { mode: 0o644 });
}

/** What each file holds; undefined: there is nothing to say, and no file is better than an empty one. */
const formats: readonly (readonly [name: string, format: (report: RunReport) => string | undefined])[] = [
  ['artifact_file', (report) => (publishedTags(report).length === 0 ? undefined : formatArtifacts(report))],
  ['metadata_file', formatMetadata],
  ['digest_file', ({ digest }) => digest],
  ['iid_file', ({ image, digest }) => image?.configDigest ?? image?.id ?? digest],
  ['image_name_with_digest_file', (report) => lines(report, ({ repository }) => familiarRepository(repository))],
  ['image_name_tag_with_digest_file', (report) => lines(report, familiarName)],
];

/** `name@digest` lines, each once. */
function lines(report: RunReport, nameOf: (tag: ReportedTag) => string): string | undefined {
  const { digest } = report;
  if (digest === undefined) return undefined;
  const names = new Set(publishedTags(report).map((tag) => `${nameOf(tag)}@${digest}\n`));
  return names.size === 0 ? undefined : [...names].join('');
}

async function writeOutputs(path: string, outputs: ReadonlyMap<string, string>): Promise<void> {
  const existing = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  });
  const { default: dotenv } = await import('dotenv');
  const text = path.endsWith('.out')
    ? appendPlain(existing, outputs)
    : mergeDotenv(new Map(Object.entries(dotenv.parse(existing))), outputs);
  await writeWhole(path, text);
}

/** @returns what went wrong, in words */
async function attempt(name: string, write: () => Promise<void>): Promise<string | undefined> {
  try {
    await write();
    return undefined;
  } catch (error) {
    return `${name} could not be written: ${error instanceof Error ? error.message : String(error)}`;
  }
}
