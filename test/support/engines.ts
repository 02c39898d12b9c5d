// Real Docker engines for tests: 20.10 (graphdriver) and 26.1 with each of its two image stores. Every engine has its own
// folder, containerd, socket and bridge, touches no iptables, and is gone without a trace after stop(). It dies with the
// process that started it; what a killed run leaves behind is swept away by the next start (engine-leftovers.ts).
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, openSync, closeSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { engineRequest } from './engine-api.ts';
import { createBridge } from './engine-bridge.ts';
import { cgroupOf, folderPrefix, markOwner, removeEngineFolder, sweepLeftovers } from './engine-leftovers.ts';
import { makeEngineCertificates } from './engine-certificates.ts';
import { overlayWorks } from './engine-storage.ts';

/** The three engines of the test matrix: version and image store. */
export type EngineKind = 'docker-20.10' | 'docker-26.1-graphdriver' | 'docker-26.1-containerd';

/** All of them, for `describe.each`. */
export const engineKinds: readonly EngineKind[] = ['docker-20.10', 'docker-26.1-graphdriver', 'docker-26.1-containerd'];

/**
 * One engine of each age, which have one of each store too: enough for what depends on either alone. ALL_ENGINES=1 takes
 * all three.
 */
export const contrastingEngineKinds: readonly EngineKind[] =
  process.env['ALL_ENGINES'] === '1' ? engineKinds : ['docker-20.10', 'docker-26.1-containerd'];

export interface EngineOptions {
  /** A second address on loopback: plain, or TLS with client certificates (files in `certPath`). */
  readonly tcp?: 'plain' | 'tls';
  /** Further keys of daemon.json. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** How to reach an engine; plain data, so that it can be handed to test files. */
export interface EngineAddress {
  readonly kind: EngineKind;
  /** Path of the unix socket. */
  readonly socket: string;
  /** The same as DOCKER_HOST wants it. */
  readonly host: string;
  /** `tcp://127.0.0.1:port`, when asked for. */
  readonly tcpHost?: string;
  /** Folder of ca.pem, cert.pem and key.pem, for `tcp: 'tls'`. */
  readonly certPath?: string;
  readonly dataRoot: string;
  /** The image store: what ListWorkers would tell. */
  readonly store: 'graphdriver' | 'containerd';
  readonly storageDriver: string;
  /** The docker program of the same version. */
  readonly dockerCli: string;
  /** Environment for that program: PATH, DOCKER_HOST and an own DOCKER_CONFIG. */
  readonly env: Readonly<Record<string, string>>;
  /** What the daemon wrote; worth reading when a test fails. */
  readonly logFile: string;
}

export interface Engine extends EngineAddress {
  /** Sends a signal to dockerd: SIGKILL, or SIGSTOP and SIGCONT. */
  signal(signal: NodeJS.Signals): void;
  /** Starts dockerd again, once, when it has ended; resolves once it answers. Its containerd goes on all the time. */
  revive(): Promise<void>;
  /** Ends the daemon and removes everything that it made. */
  stop(): Promise<void>;
}

/** A cold start took 1 to 7 seconds; a loaded machine gets ten times as long. */
const startLimitMs = 60_000;
/** Containers that ignore SIGTERM cost the daemon 10 to 15 s. */
const stopLimitMs = 30_000;

const repository = join(import.meta.dirname, '..', '..');

/** Starts an engine of its own for the caller, who has to stop it. Needs root and scripts/fetch-engines.js. */
export async function startEngine(kind: EngineKind, options: EngineOptions = {}): Promise<Engine> {
  const bin = join(repository, '.cache', 'engines', kind === 'docker-20.10' ? kind : 'docker-26.1', 'bin');
  if (process.getuid?.() !== 0) throw new Error('the test engines need root');
  if (!existsSync(join(bin, 'dockerd'))) throw new Error(`no ${bin}: run "node scripts/fetch-engines.js" first`);
  sweepLeftovers();

  const folder = mkdtempSync(join(tmpdir(), folderPrefix));
  markOwner(folder);
  try {
    return await startIn(folder, bin, kind, options);
  } catch (error) {
    removeEngineFolder(folder);
    throw error;
  }
}

async function startIn(folder: string, bin: string, kind: EngineKind, options: EngineOptions): Promise<Engine> {
  const store = kind === 'docker-26.1-containerd' ? 'containerd' : 'graphdriver';
  const overlay = overlayWorks(folder);
  const storageDriver = store === 'containerd' ? (overlay ? 'overlayfs' : 'native') : overlay ? 'overlay2' : 'vfs';
  const socket = join(folder, 'docker.sock');
  const tcpHost = options.tcp === undefined ? undefined : `tcp://127.0.0.1:${await freePort()}`;
  const certPath = options.tcp === 'tls' ? makeEngineCertificates(join(folder, 'certificates')) : undefined;
  const env = environmentOf(folder, bin, socket);

  const containerd = start(folder, env, join(bin, 'containerd'), ['--config', writeContainerdConfig(folder)]);
  const config = {
    'data-root': join(folder, 'data'),
    'exec-root': join(folder, 'exec'),
    pidfile: join(folder, 'dockerd.pid'),
    hosts: [`unix://${socket}`, ...(tcpHost === undefined ? [] : [tcpHost])],
    containerd: join(folder, 'containerd.sock'),
    bridge: createBridge(folder),
    // Nothing in the tests leaves the machine, and the chains of a daemon that runs here already stay as they are.
    iptables: false,
    ip6tables: false,
    'ip-forward': false,
    'ip-masq': false,
    'storage-driver': storageDriver,
    'exec-opts': ['native.cgroupdriver=cgroupfs'],
    'cgroup-parent': cgroupOf(folder),
    'insecure-registries': ['127.0.0.0/8'],
    ...(kind === 'docker-20.10' ? { 'deprecated-key-path': join(folder, 'key.json') } : {}),
    ...(store === 'containerd' ? { features: { 'containerd-snapshotter': true } } : {}),
    ...(certPath === undefined ? {} : tlsConfig(join(folder, 'certificates'))),
    ...options.config,
  };
  writeFileSync(join(folder, 'daemon.json'), JSON.stringify(config, undefined, 2));
  await untilReady('containerd', containerd, folder, () => existsSync(join(folder, 'containerd.sock')));
  const startDockerd = async (): Promise<ChildProcess> => {
    const daemon = start(folder, env, join(bin, 'dockerd'), ['--config-file', join(folder, 'daemon.json')]);
    try {
      await untilReady('dockerd', daemon, folder, () => answersPing(socket));
    } catch (error) {
      daemon.kill('SIGKILL');
      throw error;
    }
    return daemon;
  };
  let dockerd = await startDockerd();
  let reviving: Promise<void> | undefined;
  const revive = async (): Promise<void> => {
    if (dockerd.exitCode !== null || dockerd.signalCode !== null) dockerd = await startDockerd();
  };

  return {
    kind,
    socket,
    host: `unix://${socket}`,
    ...(tcpHost === undefined ? {} : { tcpHost }),
    ...(certPath === undefined ? {} : { certPath }),
    dataRoot: join(folder, 'data'),
    store,
    storageDriver,
    dockerCli: join(bin, 'docker'),
    env,
    logFile: join(folder, 'dockerd.log'),
    signal: (signal) => void dockerd.kill(signal),
    revive: async () => {
      reviving ??= revive().finally(() => {
        reviving = undefined;
      });
      await reviving;
    },
    stop: async () => {
      await reviving?.catch(() => undefined);
      await end(dockerd);
      await end(containerd);
      removeEngineFolder(folder);
    },
  };
}

function environmentOf(folder: string, bin: string, socket: string): Record<string, string> {
  const dockerConfig = join(folder, 'docker-config');
  mkdirSync(dockerConfig);
  return {
    PATH: `${bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    HOME: folder,
    DOCKER_CONFIG: dockerConfig,
    DOCKER_HOST: `unix://${socket}`,
  };
}

/** An own containerd: dockerd would otherwise join the machine's, if that is running. */
function writeContainerdConfig(folder: string): string {
  const path = join(folder, 'containerd.toml');
  const unused = [
    'grpc.v1.cri',
    'snapshotter.v1.aufs',
    'snapshotter.v1.btrfs',
    'snapshotter.v1.devmapper',
    'snapshotter.v1.zfs',
  ];
  const lines = [
    'version = 2',
    `root = "${join(folder, 'containerd')}"`,
    `state = "${join(folder, 'containerd-state')}"`,
    `disabled_plugins = [${unused.map((name) => `"io.containerd.${name}"`).join(', ')}]`,
    '[grpc]',
    `  address = "${join(folder, 'containerd.sock')}"`,
    '[plugins."io.containerd.internal.v1.opt"]',
    `  path = "${join(folder, 'containerd-opt')}"`,
  ];
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

function tlsConfig(certificates: string): Record<string, unknown> {
  return {
    tlsverify: true,
    tlscacert: join(certificates, 'ca.pem'),
    tlscert: join(certificates, 'server-cert.pem'),
    tlskey: join(certificates, 'server-key.pem'),
  };
}

/** Starts a daemon in its own process group (Ctrl-C is for the tests), yet ended when the process of the tests dies. */
function start(folder: string, env: Readonly<Record<string, string>>, program: string, args: string[]): ChildProcess {
  const name = program.slice(program.lastIndexOf('/') + 1);
  const log = openSync(join(folder, `${name}.log`), 'a');
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', program, ...args], {
    env: { ...env },
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  child.unref();
  return child;
}

async function untilReady(
  name: string,
  daemon: ChildProcess,
  folder: string,
  ready: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + startLimitMs;
  while (!(await ready())) {
    if (daemon.exitCode !== null || daemon.signalCode !== null || Date.now() > deadline) {
      const log = readFileSync(join(folder, `${name}.log`), 'utf8')
        .trim()
        .split('\n')
        .slice(-15);
      throw new Error(`${name} did not start:\n${log.join('\n')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function answersPing(socket: string): Promise<boolean> {
  if (!existsSync(socket)) return false;
  const answer = await engineRequest({ socket }, 'GET', '/_ping').catch(() => undefined);
  return answer?.status === 200;
}

async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
  const gone = once(daemon, 'exit');
  daemon.kill('SIGTERM');
  const impatience = setTimeout(() => daemon.kill('SIGKILL'), stopLimitMs);
  await gone;
  clearTimeout(impatience);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port on loopback');
  return address.port;
}
