// Which daemon the demo builds in: the one at DOCKER_HOST or the default socket, if it answers and can reach this machine's
// loopback (a registry will listen there), else a private one that is started for the demo and ended with it.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import Docker from 'dockerode';

const startLimitMs = 60_000;

/** @returns {Promise<{ docker: Docker, env: Record<string, string>, isPrivate: boolean }>} it, and how the plugin finds it */
export async function findDaemon({ say, atTheEnd, installPackages }) {
  const address = process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock';
  const docker = new Docker();
  const version = await docker.version().catch((error) => {
    say(`No daemon answers at ${address} (${error.code ?? error.message}), so this demo starts a private one.`);
    return undefined;
  });
  if (version !== undefined) {
    if (await reachesLoopback(docker)) {
      say(`The daemon at ${address} is Docker ${version.Version}. It will build, and it will keep nothing.`);
      return { docker, env: passOn(), isPrivate: false };
    }
    say(`The daemon at ${address} (Docker ${version.Version}) runs somewhere else: it cannot reach the loopback of`);
    say('this machine, where the throwaway registry of this demo listens. So a private daemon is started here.');
  }
  installPackages('docker.io', 'iproute2');
  return { ...(await startPrivateDaemon({ say, atTheEnd })), isPrivate: true };
}

function passOn() {
  const names = ['DOCKER_HOST', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH'];
  return Object.fromEntries(names.filter((name) => process.env[name]).map((name) => [name, process.env[name]]));
}

/** Has the daemon ask a server on our loopback for an image that does not exist: it gets here, or it does not. */
async function reachesLoopback(docker) {
  let asked = false;
  const server = createServer((socket) => {
    asked = true;
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stream = await docker.pull(`127.0.0.1:${server.address().port}/demo/nothing:1`).catch(() => undefined);
  if (stream !== undefined) {
    stream.resume();
    await once(stream, 'close').catch(() => undefined);
  }
  server.close();
  return asked;
}

async function startPrivateDaemon({ say, atTheEnd }) {
  if (process.getuid?.() !== 0)
    throw new Error('a private daemon needs root: run `make demo` as root, or set DOCKER_HOST');
  const folder = mkdtempSync(join(tmpdir(), 'docker-build-demo-'));
  atTheEnd(() => {
    // dockerd mounts its data folder on itself.
    for (const [, path] of readFileSync('/proc/self/mounts', 'utf8').matchAll(/^\S+ (\S+)/gm)) {
      if (path.startsWith(`${folder}/`)) execFileSync('umount', ['--lazy', path]);
    }
    removeCgroups(basename(folder));
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  const bridge = makeBridge();
  atTheEnd(() => execFileSync('ip', ['link', 'delete', bridge]));
  const socket = join(folder, 'docker.sock');
  const config = {
    'data-root': join(folder, 'data'),
    'exec-root': join(folder, 'exec'),
    pidfile: join(folder, 'dockerd.pid'),
    hosts: [`unix://${socket}`],
    bridge,
    'exec-opts': ['native.cgroupdriver=cgroupfs'],
    'cgroup-parent': `/${basename(folder)}`,
    // The demo stays on this machine, and so the machine's packet filter stays as it is.
    iptables: false,
    ip6tables: false,
    'ip-forward': false,
    'ip-masq': false,
  };
  writeFileSync(join(folder, 'daemon.json'), JSON.stringify(config));
  const log = openSync(join(folder, 'dockerd.log'), 'w');
  const daemon = spawn('setpriv', ['--pdeathsig', 'TERM', 'dockerd', '--config-file', join(folder, 'daemon.json')], {
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  const ended = once(daemon, 'exit');
  atTheEnd(async () => {
    daemon.kill('SIGTERM');
    await ended;
  });
  const docker = new Docker({ socketPath: socket });
  const deadline = Date.now() + startLimitMs;
  while (!existsSync(socket) || !(await docker.ping().catch(() => false))) {
    if (daemon.exitCode !== null || Date.now() > deadline) {
      const lines = readFileSync(join(folder, 'dockerd.log'), 'utf8').trim().split('\n').slice(-8);
      throw new Error(`dockerd does not start here:\n${lines.join('\n')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const version = await docker.version();
  say(`Started Docker ${version.Version} with everything of its own in ${folder}.`);
  return { docker, env: { DOCKER_HOST: `unix://${socket}` } };
}

/** What the daemon's containers lived in: one tree for each controller (version 1) or a single one (version 2). */
function removeCgroups(name) {
  const root = '/sys/fs/cgroup';
  for (const top of ['', ...readdirSync(root)]
    .map((tree) => join(root, tree, name))
    .filter((path) => existsSync(path))) {
    const folders = readdirSync(top, { recursive: true, withFileTypes: true }).filter((entry) => entry.isDirectory());
    const deepestFirst = folders.map((entry) => join(entry.parentPath, entry.name)).sort((a, b) => b.length - a.length);
    for (const path of [...deepestFirst, top]) rmdirSync(path);
  }
}

/** A bridge of its own: docker0 may belong to somebody. 198.18.0.0/15 is set aside for tests (RFC 2544). */
function makeBridge() {
  for (let number = 0; number < 16; number += 1) {
    const name = `dbdemo${number}`;
    if (existsSync(`/sys/class/net/${name}`)) continue;
    execFileSync('ip', ['link', 'add', name, 'type', 'bridge']);
    execFileSync('ip', ['address', 'add', `198.19.${240 + number}.1/24`, 'dev', name]);
    execFileSync('ip', ['link', 'set', name, 'up']);
    return name;
  }
  throw new Error('sixteen demos run already');
}
