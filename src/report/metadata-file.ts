// The metadata file: keys as `docker buildx build --metadata-file` writes them, so that scripts go on working, and facts of
// our own under a key of their own.
import { familiarName, publishedTags, type RunReport } from './run-report.ts';

/** The text of the file. */
export function formatMetadata(report: RunReport): string {
  const { digest, image, tags } = report;
  // buildx writes names in full.
  const names = publishedTags(report).map(({ repository, tag }) => `${repository}:${tag}`);
  return `${JSON.stringify(
    {
      ...(image?.configDigest === undefined ? {} : { 'containerimage.config.digest': image.configDigest }),
      ...(digest === undefined || image === undefined
        ? {}
        : { 'containerimage.descriptor': { mediaType: image.mediaType, digest, size: image.sizeBytes } }),
      ...(digest === undefined ? {} : { 'containerimage.digest': digest }),
      ...(names.length === 0 ? {} : { 'image.name': names.join(',') }),
      'docker-build': {
        version: report.version,
        images: tags.map(({ repository, tag, digest: own, state }) => ({
          name: familiarName({ repository, tag }),
          ...(own === undefined ? {} : { digest: own }),
          state: state === 'intended' ? 'skipped' : state,
        })),
        cachedSteps: report.cachedSteps,
        totalSteps: report.steps,
        seconds: report.seconds,
      },
    },
    undefined,
    2,
  )}\n`;
}
