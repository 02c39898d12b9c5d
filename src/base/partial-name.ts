// Names of files that are still being written. An output lies beside its destination under such a name until it is whole;
// since that is often inside the build context, files with these names are part of no context.

const prefix = '.docker-build-partial-';

/** A name that no other run uses. @param random hexadecimal digits */
export function partialName(random: string): string {
  return `${prefix}${random}`;
}

/** Whether a file name is one of ours. */
export function isPartialName(name: string): boolean {
  return name.startsWith(prefix);
}
