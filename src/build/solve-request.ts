// What to build -> the solve request. Pure, and golden-tested: only what the settings ask for is sent, because BuildKit
// ignores unknown attributes silently. Keys are those of the dockerfile.v0 frontend (moby/buildkit
// frontend/dockerfile/docs and frontend/dockerui) and of the exporters.
import { attestationAttrs, type AttestationOrder } from './attestation-attrs.ts';
import { csvField } from './csv-field.ts';
import { sandboxAttrs, type Sandbox } from './sandbox-attrs.ts';

import { contextAttrs, type ContextFiles } from './build-context.ts';

/** Where the result goes. Never a real name in the daemon. */
export type BuildOutput =
  /** Containerd image store: the daemon pushes by digest and stores nothing. Repositories as `host/path`, no tag. */
  | { readonly kind: 'push-by-digest'; readonly repositories: readonly string[]; readonly insecure: boolean }
  /** Containerd image store: the image comes to us as one OCI archive, and the daemon stores nothing. */
  | { readonly kind: 'archive' }
  /** Graphdriver store: one image under a temporary name. */
  | { readonly kind: 'temporary-image'; readonly name: string }
  /** Dry run: the build cache only. */
  | { readonly kind: 'nothing' };

/** The part of a plan that the frontend needs. */
export interface BuildInputs extends ContextFiles {
  /** Relative to the folder that holds the Dockerfile. */
  readonly dockerfileName: string;
  readonly target?: string | undefined;
  readonly platforms: readonly string[];
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, string>;
  readonly pull: boolean;
  readonly noCache: boolean;
  readonly noCacheFilter?: readonly string[] | undefined;
  readonly cacheFrom: readonly CacheImport[];
  readonly cacheTo: readonly CacheImport[];
  readonly attestations: readonly AttestationOrder[];
  readonly addHosts: readonly { readonly host: string; readonly address: string }[];
  /** Unix seconds. */
  readonly sourceDateEpoch?: number | undefined;
  /** For exporters of an image that leaves the daemon; a name in the daemon's own store gets none of them. */
  readonly exporterAttrs: Readonly<Record<string, string>>;
  readonly sandbox: Sandbox;
  /** Image of another Dockerfile frontend; the build argument BUILDKIT_SYNTAX asks for one too. */
  readonly frontendImage?: string | undefined;
  /** Whose `RUN --mount=type=cache` this build shares, unless the build argument BUILDKIT_CACHE_MOUNT_NS says. */
  readonly cacheMountNamespace?: string | undefined;
}

export interface CacheImport {
  readonly type: string;
  readonly attrs: Readonly<Record<string, string>>;
}

export interface SolveRequest {
  readonly frontend: 'dockerfile.v0' | 'gateway.v0';
  readonly frontendAttrs: Readonly<Record<string, string>>;
  readonly exporters: readonly CacheImport[];
  readonly cacheImports: readonly CacheImport[];
  readonly cacheExports: readonly CacheImport[];
  readonly entitlements: readonly string[];
}

/** @param hostGatewayAddress what `host-gateway` in addHosts stands for on this daemon, when it told us */
export function solveRequest(
  inputs: BuildInputs,
  output: BuildOutput,
  hostGatewayAddress: string | undefined,
): SolveRequest {
  const image = frontendImage(inputs);
  return {
    frontend: image === undefined ? 'dockerfile.v0' : 'gateway.v0',
    frontendAttrs: { ...frontendAttrs(inputs, hostGatewayAddress), ...image },
    exporters: exporters(output, inputs.exporterAttrs),
    cacheImports: inputs.cacheFrom,
    cacheExports: inputs.cacheTo,
    entitlements: inputs.sandbox.entitlements,
  };
}

const syntaxArgument = 'BUILDKIT_SYNTAX';
const cacheMountArgument = 'BUILDKIT_CACHE_MOUNT_NS';

/** What the gateway wants to know about the frontend to load; as a `# syntax=` line, it may hold more than the image. */
function frontendImage(inputs: BuildInputs): Readonly<Record<string, string>> | undefined {
  const line = (inputs.frontendImage ?? inputs.buildArgs.get(syntaxArgument) ?? '').trim();
  const [source = ''] = line.split(/\s/, 1);
  return source === '' ? undefined : { source, cmdline: line };
}

function frontendAttrs(inputs: BuildInputs, hostGatewayAddress: string | undefined): Readonly<Record<string, string>> {
  const attrs = new Map<string, string>([['filename', inputs.dockerfileName], ...contextAttrs(inputs)]);
  if (inputs.target !== undefined) attrs.set('target', inputs.target);
  if (inputs.platforms.length > 0) attrs.set('platform', inputs.platforms.join(','));
  // 'pull' always asks the registry what a name means; 'local' lets a name that exists in the daemon decide.
  attrs.set('image-resolve-mode', inputs.pull ? 'pull' : 'local');
  if (inputs.noCache) attrs.set('no-cache', '');
  else if (inputs.noCacheFilter !== undefined && inputs.noCacheFilter.length > 0) {
    attrs.set('no-cache', inputs.noCacheFilter.join(','));
  }
  if (inputs.addHosts.length > 0) {
    const hosts = inputs.addHosts.map(({ host, address }) =>
      csvField(`${host}=${address === 'host-gateway' ? (hostGatewayAddress ?? address) : address}`),
    );
    attrs.set('add-hosts', hosts.join(','));
  }
  if (inputs.cacheFrom.length > 0) {
    attrs.set(
      'cache-imports',
      JSON.stringify(inputs.cacheFrom.map(({ type, attrs }) => ({ Type: type, Attrs: attrs }))),
    );
  }
  for (const [name, value] of attestationAttrs(inputs.attestations)) attrs.set(name, value);
  for (const [name, value] of sandboxAttrs(inputs.sandbox)) attrs.set(name, value);
  if (inputs.cacheMountNamespace !== undefined) {
    attrs.set(`build-arg:${cacheMountArgument}`, inputs.cacheMountNamespace);
  }
  for (const [name, value] of inputs.buildArgs) attrs.set(`build-arg:${name}`, value);
  if (inputs.sourceDateEpoch !== undefined) attrs.set('build-arg:SOURCE_DATE_EPOCH', String(inputs.sourceDateEpoch));
  for (const [name, value] of inputs.labels) attrs.set(`label:${name}`, value);
  return Object.fromEntries(attrs);
}

function exporters(output: BuildOutput, attrs: BuildInputs['exporterAttrs']): readonly CacheImport[] {
  switch (output.kind) {
    case 'nothing':
      return [];
    case 'temporary-image':
      return [{ type: 'moby', attrs: { name: output.name } }];
    case 'archive':
      // This exporter writes OCI types unless told; the daemon's push would not, and the way must not show in the image.
      return [{ type: 'oci', attrs: { 'oci-mediatypes': 'false', ...attrs } }];
    case 'push-by-digest':
      return [
        {
          type: 'image',
          attrs: {
            ...attrs,
            name: output.repositories.map(csvField).join(','),
            push: 'true',
            'push-by-digest': 'true',
            store: 'false',
            ...(output.insecure ? { 'registry.insecure': 'true' } : {}),
          },
        },
      ];
  }
}
