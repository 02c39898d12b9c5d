// The card that Drone shows on the page of a step, in the form of drone-docker's template. Made of the image's config, not
// of a daemon's answer. Schema: https://drone-plugins.github.io/drone-docker/card.json
import { registryLink } from './registry-link.ts';
import { familiarRepository, type ReportedTag, type RunReport } from './run-report.ts';

const schema = 'https://drone-plugins.github.io/drone-docker/card.json';

/** The card as JSON text. */
export function formatCard(report: RunReport): string {
  const { image, tags, finishedAt } = report;
  const names = tags.filter(({ state }) => state !== 'skipped').map(nameOf);
  const time = finishedAt.toISOString();
  const sizeBytes = image?.contentBytes ?? 0;
  const [first] = tags;
  const url = first === undefined ? '' : registryLink(first.repository, report.portalUrl);
  return JSON.stringify({
    schema,
    data: {
      Id: image?.id ?? '',
      RepoTags: names,
      ParsedRepoTags: names.map((name) => ({ Tag: name })),
      RepoDigests: digestNames(report),
      Parent: '',
      Comment: image?.comment ?? '',
      Created: image?.created ?? '',
      Container: '',
      DockerVersion: image?.dockerVersion ?? '',
      Author: image?.author ?? '',
      Architecture: image?.architecture ?? '',
      Os: image?.os ?? '',
      Size: sizeBytes,
      VirtualSize: sizeBytes,
      Metadata: { LastTagTime: time },
      SizeString: binarySize(sizeBytes),
      VirtualSizeString: binarySize(sizeBytes),
      Time: time,
      URL: url,
      // The published template reads this spelling.
      url,
    },
  });
}

/**
 * A card for a log: runners cut it out of the step's output. They look for the sequence at the beginning of a write, so
 * it has to travel as one.
 */
export function cardForLog(card: string): string {
  return `\u001b]1338;${Buffer.from(card, 'utf8').toString('base64')}\u001b]0m\n`;
}

/** `name@digest` of each repository that has the image. */
function digestNames({ tags, digest }: RunReport): readonly string[] {
  if (digest === undefined) return [];
  const repositories = tags.filter(({ state }) => state !== 'skipped').map(({ repository }) => repository);
  return [...new Set(repositories)].map((repository) => `${familiarRepository(repository)}@${digest}`);
}

function nameOf({ repository, tag }: ReportedTag): string {
  return `${familiarRepository(repository)}:${tag}`;
}

/** 1024-based with two decimals and no blank, as cards show sizes: `13.40MB`. */
function binarySize(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(2)}${units[power] ?? ''}`;
}
