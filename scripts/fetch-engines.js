// Puts the Docker engines that the tests need into .cache/engines/, unpacked and never installed. Debian 12's is taken from
// the machine when it is there. Packages come from the mirror that this machine's apt already uses, only the suite is another.
// Nothing is fetched when it is there already: run it as often as you like.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

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

function run(command, args, options = {}) {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], ...options });
}

/** The address of the Debian archive in this machine's own apt configuration. */
function mirror() {
  const targets = run('apt-get', [
    'indextargets',
    '--no-release-info',
    '--format',
    '$(SITE)\t$(RELEASE)\t$(COMPONENT)',
  ]);
  const rows = targets.split('\n').map((line) => line.split('\t'));
  const codename = /^VERSION_CODENAME=(.+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  const found = rows.find(([, release, component]) => component === 'main' && [codename, 'stable'].includes(release));
  if (found === undefined) throw new Error('no Debian archive with "main" in the apt configuration of this machine');
  return found[0];
}

/** apt-get with its own lists, state and cache in `folder`: the machine's own are neither read nor written. */
function aptIn(folder, suite) {
  for (const path of ['lists/partial', 'cache/archives/partial', 'empty']) {
    mkdirSync(join(folder, path), { recursive: true });
  }
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  const trust = existsSync(keyring) ? `[signed-by=${keyring}] ` : '';
  writeFileSync(join(folder, 'sources.list'), `deb ${trust}${mirror()} ${suite} main\n`);
  writeFileSync(join(folder, 'status'), '');
  const options = {
    'Dir::Etc::sourcelist': join(folder, 'sources.list'),
    'Dir::Etc::sourceparts': join(folder, 'empty'),
    'Dir::Etc::preferencesparts': join(folder, 'empty'),
    'Dir::State': folder,
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': join(folder, 'cache'),
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
  };
  const flags = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  return (...args) => run('apt-get', ['-q', ...flags, ...args], { cwd: folder });
}

function download(engine, target) {
  const work = join(target, 'apt');
  const apt = aptIn(work, engine.suite);
  apt('update');
  apt('download', ...engine.packages);
  for (const file of readdirSync(work).filter((name) => name.endsWith('.deb'))) {
    run('dpkg', ['-x', join(work, file), join(target, 'root')]);
  }
  rmSync(work, { recursive: true });
}

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
    download(engine, target);
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
