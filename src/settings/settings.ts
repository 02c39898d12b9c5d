// What a step asked for, complete and checked: the values of the table, and what reading the workspace and the environment
// made of them. The plan is made from this and the build facts alone.
import type { HelperHost } from '../base/credential-helpers.ts';
import type { CacheSpec } from './cache-kinds.ts';
import type { ImageTag } from './destination-kinds.ts';
import type { PlacedOutput } from './read-outputs.ts';
import type { RepositoryPolicies } from './read-policies.ts';
import type { Reports } from './read-reports.ts';
import type { MachineLogins } from './machine-logins.ts';
import type { TrustSettings } from './read-trust.ts';
import type { Values } from './table.ts';
import type { VariantChoice } from './variant.ts';

/** Everything that a step asked for. */
export interface Settings {
  readonly values: Values;
  readonly variant: VariantChoice;
  readonly machine: MachineLogins;
  /** What ECR repositories get. */
  readonly policies: RepositoryPolicies;
  readonly tags: TagChoice;
  /** Full references that are published besides repo and tags. */
  readonly extraTags: readonly ImageTag[];
  readonly source: BuildSource;
  /** By the name that the Dockerfile uses. */
  readonly namedContexts: ReadonlyMap<string, NamedContext>;
  /** What `push_only` publishes, when it is a file. */
  readonly archive?: SourceArchive;
  readonly buildArgs: BuildArgSources;
  readonly caches: Caches;
  readonly attestations: readonly AttestationChoice[];
  /** Build secrets by id. */
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  /** What build steps may sign with, at most one for each id. */
  readonly ssh: readonly SshOffer[];
  /** docker config.json texts, in the order in which they are asked. */
  readonly dockerConfigs: readonly DockerConfigText[];
  readonly trust: TrustSettings;
  /** Absent when nothing is to be signed. */
  readonly signing?: SigningSettings;
  /** What is written about the run, and where. */
  readonly reports: Reports;
  /** What is written to the workspace, and where. */
  readonly outputs: readonly PlacedOutput[];
  /** No publishing: `dry_run: true` or `push: false`. */
  readonly dryRun: boolean;
  /** Facts for the log, e.g. that the tags came from a file. */
  readonly notes: readonly string[];
}

/** The tags of `tags`, `tags_file` or `.tags`. */
export interface TagChoice {
  readonly list: readonly string[];
  /** False when nobody asked: the list is then `latest`. */
  readonly chosen: boolean;
}

/** Where the build's files are. */
export type BuildSource = LocalSource | RemoteSource;

interface LocalSource {
  readonly kind: 'local';
  /** Absolute, links resolved. */
  readonly contextDirectory: string;
  /** The context as seen from the workspace (`.`, `app`), or its absolute path when outside. */
  readonly contextName: string;
  /** Absolute, links resolved; may lie outside the context. */
  readonly dockerfileDirectory: string;
  readonly dockerfileName: string;
  /** As people wrote it. */
  readonly dockerfileDisplay: string;
}

/** The daemon fetches it. */
interface RemoteSource {
  readonly kind: 'remote';
  /** `https://….git#ref`, `git@host:path#ref`, or the address of an archive or a Dockerfile. */
  readonly address: string;
  /** The folder of it that is the context. */
  readonly subdirectory?: string;
  readonly isGit: boolean;
  /** Inside of all that is fetched, so with the subdirectory in front. */
  readonly dockerfileName: string;
  readonly dockerfileDisplay: string;
}

/** What a named context of the Dockerfile stands for. */
export type NamedContext =
  /** Absolute, links resolved. */
  | { readonly kind: 'folder'; readonly directory: string }
  /** `docker-image://…` or what the daemon fetches. */
  | { readonly kind: 'address'; readonly address: string; readonly isGit: boolean };

/** An image as a file, or as the folder of an OCI layout. */
export interface SourceArchive {
  /** Absolute, links resolved. */
  readonly path: string;
  /** As people wrote it. */
  readonly display: string;
  readonly isDirectory: boolean;
}

/** Build arguments by origin; the plan decides who wins. */
export interface BuildArgSources {
  /** From build_args or build_args_new. */
  readonly explicit: ReadonlyMap<string, string>;
  /** From build_args_from_env, in order. */
  readonly fromEnvironment: readonly { readonly name: string; readonly value: string }[];
  /** Proxies by lower-case name; empty ones are missing. */
  readonly proxies: ReadonlyMap<string, string>;
}

/** Caches beside the daemon's own, as `cache_from` and `cache_to` say, complete. */
export interface Caches {
  readonly from: readonly CacheSpec[];
  readonly to: readonly CacheSpec[];
}

/** What the image is to say about its own making. */
export interface AttestationChoice {
  readonly type: 'provenance' | 'sbom';
  readonly attrs: Readonly<Record<string, string>>;
  /** It was spelled out, not only switched on. */
  readonly required: boolean;
}
/** Keys or an agent for `RUN --mount=type=ssh`. */
export type SshOffer =
  /** Texts of private keys. */
  | { readonly id: string; readonly keys: readonly string[] }
  /** Path of the socket of an agent on this machine. */
  | { readonly id: string; readonly agentSocket: string };

/** The text of a docker config.json. */
export interface DockerConfigText {
  readonly text: string;
  /** "settings config", "~/.docker/config.json": for messages. */
  readonly source: string;
  /** Hosts that it leaves to the credential program of a cloud. */
  readonly helperHosts?: readonly HelperHost[];
}

/** How what is published is signed. */
export interface SigningSettings {
  /** A single private key block, and the password that may be needed to open it. */
  readonly key: { readonly pem: string; readonly password: string | undefined };
  /** Signed along with each digest. */
  readonly annotations: ReadonlyMap<string, string>;
  /** The images of an index are signed too. */
  readonly recursive: boolean;
  /** A failure to sign fails the step. */
  readonly required: boolean;
}
