// The facts of a run as the reports need them. Each report is a function of these.
import { parseReference } from '../base/reference.ts';
import type { ImageFacts } from './image-facts.ts';

/** A tag, with what is under it now. */
export interface ReportedTag {
  /** `host/path`; Docker Hub as `docker.io/...`. */
  readonly repository: string;
  readonly tag: string;
  /** Absent when nothing was published, or the tag does not exist. */
  readonly digest?: string;
  /** `published`: points at the new image; `unchanged`: did so before; `skipped`: left alone. */
  readonly state: 'published' | 'unchanged' | 'skipped' | 'intended';
}

export interface RunReport {
  readonly version: string;
  readonly finishedAt: Date;
  readonly seconds: number;
  readonly steps: number;
  readonly cachedSteps: number;
  /** In the order of the settings; `intended` in a dry run. */
  readonly tags: readonly ReportedTag[];
  /** Of the image that was published. */
  readonly digest?: string;
  /** Known when a report needs it. */
  readonly image?: ImageFacts;
  /** Why nothing was published; absent when something was. */
  readonly notPublished?: string;
  /** As the artifact file names the registry. */
  readonly registryType: string;
  readonly registryUrl: string;
  /** Portal address of an Azure registry, when it is known. */
  readonly portalUrl?: string;
  /** An archive of the image in the workspace, and its name on the daemon, where the step asked for them. */
  readonly imageTarPath?: string;
  readonly localImage?: string;
}

/** The repository as people write it: Docker Hub's own name is left out. */
export function familiarRepository(repository: string): string {
  return parseReference(repository).familiar;
}

/** `name:tag` as people write it. */
export function familiarName({ repository, tag }: Pick<ReportedTag, 'repository' | 'tag'>): string {
  return `${familiarRepository(repository)}:${tag}`;
}

/** Tags that point at the published image. */
export function publishedTags({ tags }: RunReport): readonly ReportedTag[] {
  return tags.filter(({ state }) => state === 'published' || state === 'unchanged');
}
