// Clean-up of test engines, for a regular stop and for what a killed test run left: daemons, containers, mounts, bridge and
// folder. A folder belongs to the process named in its owner file; it is swept only when that process is gone.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/** How the folder of every test engine begins, below the machine's folder for temporary files. */
export const folderPrefix = 'docker-build-engine-';

/** Only these are ever ended by the sweep. */
const enginePrograms = new Set(['dockerd', 'containerd', 'containerd-shim-runc-v2', 'docker-proxy', 'runc']);
/** A daemon that is told to end stops its containers first. */
const daemonLimitMs = 20_000;
const killLimitMs = 5_000;

/** The cgroup below which an engine keeps its containers and build steps. */
export function cgroupOf(folder: string): string {
  return `/${basename(folder)}`;
}

/** Notes that this process owns the engine in `folder`. */
export function markOwner(folder: string): void {
  writeFileSync(join(folder, 'owner'), `${process.pid} ${startTime(process.pid)}`);
}

/** Removes the engines of test runs that no longer exist. */
export function sweepLeftovers(): void {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(folderPrefix))) {
    const folder = join(tmpdir(), name);
    if (!isOwned(folder)) removeEngineFolder(folder);
  }
}

function isOwned(folder: string): boolean {
  const owner = readOrEmpty(join(folder, 'owner'));
  const [pid, started] = owner.split(' ');
  // A folder without a note is being made right now, or its maker died within the same millisecond: leave it.
  return owner === '' || startTime(Number(pid)) === started;
}

/** When a process started, in clock ticks since boot: tells a process from a later one with the same id. */
function startTime(pid: number): string {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

/** Takes away what an ended engine left: stray processes, mounts, the bridge, cgroups and the folder. */
export function removeEngineFolder(folder: string): void {
  endAll(() => processes((pid) => isEngineProgram(pid, folder)), 'SIGTERM', daemonLimitMs);
  const strays = (): readonly number[] =>
    processes((pid) => isEngineProgram(pid, folder) || isInContainer(pid, folder));
  endAll(strays, 'SIGKILL', killLimitMs);
  for (const mount of mountsBelow(folder)) spawnSync('umount', ['--lazy', mount]);
  const bridge = readOrEmpty(join(folder, 'bridge'));
  if (existsSync(`/sys/class/net/${bridge}/bridge`)) spawnSync('ip', ['link', 'delete', bridge]);
  removeCgroups(cgroupOf(folder));
  if (mountsBelow(folder).length > 0) throw new Error(`${folder} holds mounts that cannot be undone`);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

function endAll(find: () => readonly number[], name: 'SIGTERM' | 'SIGKILL', limitMs: number): void {
  const deadline = Date.now() + limitMs;
  for (const pid of find()) signal(pid, name);
  while (find().length > 0 && Date.now() < deadline) pause(50);
}

function processes(wanted: (pid: number) => boolean): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter(wanted);
}

/** An engine's own program, whose command line names the folder. */
function isEngineProgram(pid: number, folder: string): boolean {
  const [program, ...args] = readOrEmpty(`/proc/${pid}/cmdline`).split('\0');
  return enginePrograms.has(basename(program ?? '')) && args.some((arg) => arg.includes(folder));
}

/** A process of a container or build step: its root lies in the folder. */
function isInContainer(pid: number, folder: string): boolean {
  const mounts = readOrEmpty(`/proc/${pid}/mountinfo`).split('\n');
  return mounts.some((line) => line.split(' ')[4] === '/' && line.includes(`${folder}/`));
}

/** Deepest first. */
function mountsBelow(folder: string): readonly string[] {
  return readOrEmpty('/proc/self/mounts')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${folder}/`))
    .reverse();
}

/** Version 1 has one tree for each controller, version 2 a single one. */
function removeCgroups(cgroup: string): void {
  const root = '/sys/fs/cgroup';
  const trees = existsSync(root) ? ['', ...readdirSync(root)] : [];
  for (const top of trees.map((tree) => join(root, tree, cgroup)).filter((path) => existsSync(path))) {
    const below = readdirSync(top, { recursive: true, withFileTypes: true }).filter((entry) => entry.isDirectory());
    const deepestFirst = below.map((entry) => join(entry.parentPath, entry.name)).sort((a, b) => b.length - a.length);
    for (const path of [...deepestFirst, top]) spawnSync('rmdir', [path]);
  }
}

function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself in the meantime.
  }
}

function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
