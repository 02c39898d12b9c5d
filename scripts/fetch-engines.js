// Puts the Docker engines that the tests need into .cache/engines/, unpacked and never installed. Debian 12's is taken from
// the machine when it is there. Packages come from the mirror that this machine's apt already uses, only the suite is another.
// Nothing is fetched when it is there already: run it as often as you like.
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { run, unpackPackages } from './debian-packages.js';

/** Bump it when the layout below changes: older caches are then thrown away. */
const layout = '1';

const programs = ['dockerd', 'docker-proxy', 'containerd', 'containerd-shim-runc-v2', 'ctr', 'docker', 'runc'];

/** What the tests are written against: the version must begin with `version`, whatever else the suite has by then. */
const engines = [
  { name: 'docker-20.10', version: '20.10.', suite: 'bookworm', packages: ['docker.io', 'containerd', 'runc'] },
  {
    name: 'docker-26.1',
    version: '26.1.',
    suite: 'trixie',
    packages: ['docker.io', 'docker-cli', 'containerd', 'docker-buildx'],
    // A newer runc wants a newer C library than Debian 12 has; dockerd and containerd do not.
    borrow: { runc: 'docker-20.10' },
  },
];

const root = resolve(import.meta.dirname, '..', '.cache', 'engines');

/** The machine's own engine, when it is the very one that we want. */
function installed(engine) {
  const dockerd = '/usr/sbin/dockerd';
  if (!existsSync(dockerd) || !existsSync('/usr/bin/docker') || !existsSync('/usr/bin/containerd')) return false;
  return run(dockerd, ['--version']).includes(` ${engine.version}`);
}

/** Where the programs of an engine lie below a root folder. */
function find(prefix, program) {
  const candidates = ['usr/sbin', 'usr/bin', 'sbin', 'bin'].map((folder) => join(prefix, folder, program));
  return candidates.find((path) => existsSync(path));
}

function link(engine, target, prefix) {
  const bin = join(target, 'bin');
  mkdirSync(bin, { recursive: true });
  for (const program of programs) {
    const lender = engine.borrow?.[program];
    const path = lender === undefined ? find(prefix, program) : join(root, lender, 'bin', program);
    if (path === undefined) throw new Error(`${engine.name}: no ${program} in ${engine.packages.join(', ')}`);
    symlinkSync(path.startsWith(root) ? relative(bin, path) : path, join(bin, program));
  }
  const buildx = join(prefix, 'usr/libexec/docker/cli-plugins/docker-buildx');
  if (existsSync(buildx) && prefix !== '/') symlinkSync(relative(bin, buildx), join(bin, 'docker-buildx'));
}

function fetchEngine(engine) {
  const target = join(root, engine.name);
  const stamp = join(target, 'complete');
  const wanted = `${layout} ${engine.version}\n`;
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted && existsSync(join(target, 'bin', 'dockerd'))) return;
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const own = installed(engine);
  if (!own) {
    console.log(
      `${engine.name}: fetching ${engine.packages.join(', ')} of Debian ${engine.suite} (not installed, only unpacked)`,
    );
    unpackPackages({ suite: engine.suite, packages: engine.packages, folder: join(target, 'root') });
  }
  link(engine, target, own ? '/' : join(target, 'root'));
  const version = run(join(target, 'bin', 'dockerd'), ['--version']).trim();
  if (!version.includes(` ${engine.version}`))
    throw new Error(`${engine.name}: the suite has another version: ${version}`);
  console.log(
    `${engine.name}: ${version}${own ? ', installed on this machine' : `, in ${relative(dirname(dirname(root)), target)}`}`,
  );
  writeFileSync(stamp, wanted);
}

for (const engine of engines) fetchEngine(engine);
