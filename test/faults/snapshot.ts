// What a publish may leave behind, before and after: image names, containers, volumes and networks of the daemon, files in the
// folders of the step, open uploads in the registry. Images of a run are known by its label or by its id in their name, so that
// many runs can share a daemon.
import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { engineJson } from '../support/engine-api.ts';
import { imageLabel } from './make-image.ts';
import { openUploads, type StoredRegistry } from './registry-graph.ts';

/** Where to look. */
export interface Scene {
  /** Of the run: in the label of its image, and a part of its repository's name. */
  readonly id: string;
  /** Without a daemon: undefined. */
  readonly engine?: { readonly socket: string } | undefined;
  /** Of the step: its workspace and its TMPDIR. */
  readonly folders: readonly string[];
  readonly registry: StoredRegistry;
  readonly repositories: readonly string[];
}

/** Everything that was found, in words: `image docker-build.invalid/x:1`, `file tmp/layer`. */
export type Snapshot = ReadonlySet<string>;

/** How open uploads are worded; the id follows. */
export const uploadPrefix = 'open upload ';

/** A daemon that was killed by the fault itself needs this long to be back. */
const daemonLimitMs = 30_000;
const betweenLooksMs = 100;

/** Looks once. */
export async function takeSnapshot(scene: Scene): Promise<Snapshot> {
  const daemon = scene.engine === undefined ? [] : await daemonObjects(scene.engine, scene.id);
  const files = scene.folders.flatMap((folder) => filesBelow(folder).map((path) => `file ${folder}/${path}`));
  const uploads = scene.repositories.flatMap((repository) =>
    openUploads(scene.registry, repository).map((id) => `${uploadPrefix}${id} of ${repository}`),
  );
  return new Set([...daemon, ...files, ...uploads]);
}

/**
 * What is there and was not there before, without what is excused. Daemon and registry finish what they were told a moment later:
 * what is left is looked at again until it is gone or `patienceMs` are over.
 */
export async function whatIsLeft(
  before: Snapshot,
  scene: Scene,
  patienceMs: number,
  withoutExcused: (left: readonly string[]) => readonly string[] = (left) => left,
): Promise<readonly string[]> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const found = [...(await takeSnapshot(scene))].filter((what) => !before.has(what));
    const left = withoutExcused(found);
    if (left.length === 0 || performance.now() > deadline) return left;
    await delay(betweenLooksMs);
  }
}

function filesBelow(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
}

async function daemonObjects(engine: { readonly socket: string }, id: string): Promise<readonly string[]> {
  const ask = (path: string): Promise<unknown> => askPatiently(engine, path);
  const [images, containers, volumes, networks] = await Promise.all([
    ask('/images/json?all=1'),
    ask('/containers/json?all=1'),
    ask('/volumes'),
    ask('/networks'),
  ]);
  return [
    ...(images as ListedImage[]).flatMap((image) => imageNames(image, id)),
    ...(containers as { Id: string }[]).map(({ Id: container }) => `container ${container}`),
    ...((volumes as { Volumes: { Name: string }[] | null }).Volumes ?? []).map(({ Name: name }) => `volume ${name}`),
    ...(networks as { Name: string }[]).map(({ Name: name }) => `network ${name}`),
  ];
}

interface ListedImage {
  readonly Id: string;
  readonly RepoTags: readonly string[] | null;
  readonly Labels: Readonly<Record<string, string>> | null;
}

function imageNames({ Id, RepoTags, Labels }: ListedImage, id: string): readonly string[] {
  const names = RepoTags ?? [];
  if (Labels?.[imageLabel] !== id && !names.some((name) => name.includes(id))) return [];
  return names.length === 0 ? [`image ${Id} without a name`] : names.map((name) => `image ${name}`);
}

async function askPatiently(engine: { readonly socket: string }, path: string): Promise<unknown> {
  const deadline = performance.now() + daemonLimitMs;
  for (;;) {
    try {
      return await engineJson(engine, 'GET', path);
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(betweenLooksMs);
    }
  }
}
