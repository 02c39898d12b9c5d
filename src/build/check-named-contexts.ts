// Asks a daemon's Dockerfile frontend whether it knows named contexts, by a build of nothing. Frontends that do not know
// them ignore them without a word and look for an image of that name instead; what is asked for is the name of an image
// that no registry can have, so that the answer is the same everywhere and no version has to be compared.
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import { authCapability, type TokenSource } from '../buildkit/session/auth.ts';
import { fileSyncCapability } from '../buildkit/session/filesync.ts';
import { SolveError } from '../buildkit/solve-error.ts';
import { solve } from '../buildkit/solve.ts';
import { BuildFailure } from './build-failure.ts';
import type { Builder, PreparedBuild } from './build-image.ts';
import { usualSandbox } from './sandbox-attrs.ts';
import { solveRequest } from './solve-request.ts';

/** RFC 2606: nobody has this domain. */
const probeImage = 'docker-build.invalid/probe';
const folderName = 'docker-build-probe';

export interface CheckNamedContextsOptions {
  readonly builder: Builder;
  readonly tokens: TokenSource;
  readonly log: Log;
}

/** Does nothing without named contexts. Throws PluginError (exit 2) when the frontend would ignore them. */
export async function checkNamedContexts(
  { order, dockerfileText }: PreparedBuild,
  { builder, tokens, log }: CheckNamedContextsOptions,
  signal: AbortSignal,
): Promise<void> {
  if (order.namedContexts.size === 0) return;
  const text = `${directivesOf(dockerfileText)}FROM scratch\nCOPY --from=${probeImage} probe /\n`;
  const memory = (name: string, content: string) => ({ root: '/', files: new Map([[name, Buffer.from(content)]]) });
  const directories = new Map([
    ['context', memory('probe', '')],
    ['dockerfile', memory('Dockerfile', text)],
    [folderName, memory('probe', '')],
  ]);
  const { frontend, frontendAttrs } = solveRequest(
    {
      dockerfileName: 'Dockerfile',
      platforms: [],
      buildArgs: new Map([...order.buildArgs].filter(([name]) => name === 'BUILDKIT_SYNTAX')),
      labels: new Map(),
      pull: order.pull,
      noCache: false,
      cacheFrom: [],
      cacheTo: [],
      attestations: [],
      addHosts: [],
      exporterAttrs: {},
      sandbox: usualSandbox,
      frontendImage: order.frontendImage,
      namedContexts: new Map([[probeImage, { kind: 'address', address: `local:${folderName}` }]]),
    },
    { kind: 'nothing' },
    undefined,
  );
  await solve({
    dial: builder.dial,
    frontend,
    frontendAttrs,
    exporters: [],
    cacheImports: [],
    cacheExports: [],
    entitlements: [],
    sharedKey: folderName,
    capabilities: [fileSyncCapability({ directories, log }), authCapability(tokens)],
    onStatus: () => undefined,
    log,
    signal,
  }).catch((error: unknown) => {
    if (!(error instanceof SolveError)) throw error;
    throw error.image?.includes(probeImage) === true ? unknownToFrontend(error) : new BuildFailure(error, order);
  });
}

/** The comment lines in front of everything else: `# syntax=` among them chooses the frontend. */
function directivesOf(dockerfile: string): string {
  return /^(?:\u{feff}?#[^\n]*\r?\n)*/u.exec(dockerfile)?.[0] ?? '';
}

function unknownToFrontend(cause: SolveError): PluginError {
  return new PluginError({
    code: 'frontend-cannot',
    exitCode: 2,
    message: "settings.named_context: the Dockerfile frontend of this daemon's BuildKit does not know named contexts",
    hint: 'begin the Dockerfile with "# syntax=docker/dockerfile:1", or have the runner offer a newer daemon',
    cause,
  });
}
