// A throwaway registry on loopback: Debian's docker-registry; where there is no apt, the image registry:2 in a container.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const startLimitMs = 30_000;

/** @returns {Promise<string>} `127.0.0.1:port` of a registry that is up and empty */
export async function startRegistry({ docker, say, atTheEnd, installPackages }) {
  const host = hasApt()
    ? await startProgram({ atTheEnd, installPackages })
    : await startContainer({ docker, atTheEnd });
  const deadline = Date.now() + startLimitMs;
  while (!(await fetch(`http://${host}/v2/`).catch(() => undefined))?.ok) {
    if (Date.now() > deadline) throw new Error(`the registry at ${host} does not answer`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  say(`A throwaway registry listens at ${host}. It is empty.`);
  return host;
}

function hasApt() {
  try {
    execFileSync('sh', ['-c', 'command -v docker-registry || command -v apt-get'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function startProgram({ atTheEnd, installPackages }) {
  installPackages('docker-registry');
  const folder = mkdtempSync(join(tmpdir(), 'docker-build-demo-registry-'));
  atTheEnd(() => rmSync(folder, { recursive: true, force: true }));
  const host = `127.0.0.1:${await freePort()}`;
  const storage = { filesystem: { rootdirectory: join(folder, 'data') } };
  const config = { version: 0.1, log: { level: 'error' }, storage, http: { addr: host } };
  // JSON is YAML.
  writeFileSync(join(folder, 'config.yml'), JSON.stringify(config));
  const registry = spawn('setpriv', ['--pdeathsig', 'TERM', 'docker-registry', 'serve', join(folder, 'config.yml')], {
    stdio: 'ignore',
    detached: true,
  });
  const ended = once(registry, 'exit');
  atTheEnd(async () => {
    registry.kill('SIGTERM');
    await ended;
  });
  return host;
}

async function startContainer({ docker, atTheEnd }) {
  const image = 'registry:2';
  const present = await docker
    .getImage(image)
    .inspect()
    .catch(() => undefined);
  if (present === undefined) {
    const pull = await docker.pull(image);
    await new Promise((resolve, reject) =>
      docker.modem.followProgress(pull, (error) => (error ? reject(error) : resolve())),
    );
    atTheEnd(() => docker.getImage(image).remove());
  }
  const container = await docker.createContainer({
    Image: image,
    HostConfig: { PortBindings: { '5000/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } },
  });
  atTheEnd(() => container.remove({ force: true, v: true }));
  await container.start();
  const { NetworkSettings: network } = await container.inspect();
  return `127.0.0.1:${network.Ports['5000/tcp'][0].HostPort}`;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}
