// Outputs that the daemon sends to this side while it builds, one exporter each. Engines before 26 know a single exporter
// and ignore the others without a word: what has not arrived after a build is asked for by another one, which is cached.
import { PluginError } from '../base/plugin-error.ts';
import type { SessionCapability } from '../buildkit/session/capability.ts';
import { fileSendCapability, type ExportTarget } from '../buildkit/session/file-send.ts';
import type { TypedAttrs } from '../buildkit/solve.ts';

/** A further exporter, and where its result goes; none when it stays on the daemon. */
export interface ExtraExporter extends TypedAttrs {
  readonly target?: ExportTarget;
}

/** What a build takes in. */
export interface ReceivedExports {
  readonly capabilities: readonly SessionCapability[];
  /** Why an output could not be written, in words for people: the daemon may know no more than that we hung up. */
  readonly failure: () => PluginError | undefined;
}

/** Receives from exporters in the order of the solve request, in which the main one stands last. */
export function receiveExports(exporters: readonly ExtraExporter[]): ReceivedExports {
  let failure: PluginError | undefined;
  const targets = exporters.map(({ target }): ExportTarget | undefined => {
    if (target === undefined) return undefined;
    const wordFailure = (error: unknown): unknown => {
      const worded = target.wordFailure(error);
      if (worded instanceof PluginError) failure ??= worded;
      return worded;
    };
    return { ...target, wordFailure };
  });
  // An engine that does not say which exporter sends has heeded the last one only.
  const capability = fileSendCapability((exporterId) => targets.at(exporterId ?? -1));
  return {
    capabilities: targets.some((target) => target !== undefined) ? [capability] : [],
    failure: () => failure,
  };
}
