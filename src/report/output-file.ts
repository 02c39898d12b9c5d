// The outputs of a step, which later steps read as variables: a dotenv file that other steps may have written to as well,
// so what is in it stays. Files that end in `.out` hold plain `K=V` lines.
import { familiarName, familiarRepository, publishedTags, type RunReport } from './run-report.ts';

/** The outputs by name; never a secret. */
export function stepOutputs(report: RunReport): ReadonlyMap<string, string> {
  const published = publishedTags(report);
  const names = published.map(familiarName);
  const [first] = published;
  const outputs: readonly (readonly [string, string | undefined])[] = [
    ['digest', report.digest],
    ['image', names[0]],
    ['image_ref', first && report.digest && `${familiarRepository(first.repository)}@${report.digest}`],
    ['images', names.length === 0 ? undefined : names.join(',')],
    ['tags', published.length === 0 ? undefined : [...new Set(published.map(({ tag }) => tag))].join(',')],
    ['published', String(published.length > 0)],
    ['skipped', report.notPublished],
    ['IMAGE_TAR_PATH', report.imageTarPath],
    ['LOCAL_IMAGE', report.localImage],
  ];
  return new Map(outputs.flatMap(([name, value]) => (value === undefined || value === '' ? [] : [[name, value]])));
}

/** Merges outputs into the text of a dotenv file: keys sorted, values quoted. */
export function mergeDotenv(existing: ReadonlyMap<string, string>, outputs: ReadonlyMap<string, string>): string {
  const merged = new Map([...existing, ...outputs]);
  const lines = [...merged]
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, value]) => `${name}=${quoted(value)}`);
  return `${lines.join('\n')}\n`;
}

/** Appends outputs as `K=V` lines, each value on one line. */
export function appendPlain(existing: string, outputs: ReadonlyMap<string, string>): string {
  const start = existing === '' || existing.endsWith('\n') ? existing : `${existing}\n`;
  return `${start}${[...outputs].map(([name, value]) => `${name}=${value.replace(/[\r\n]+/g, ' ')}\n`).join('')}`;
}

function quoted(value: string): string {
  if (/^-?(?:0|[1-9]\d{0,17})$/.test(value)) return value;
  const escaped = value
    .replace(/[\\"$!`]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r');
  return `"${escaped}"`;
}
