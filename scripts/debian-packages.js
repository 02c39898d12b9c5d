// Packages of any suite of the Debian archive, unpacked and never installed: for the programs that the tests run against.
// They come from the mirror that this machine's apt already uses, checked by apt against Debian's keys, only the suite is another.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Runs a program and returns what it prints. */
export function run(command, args, options = {}) {
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

/** Unpacks packages into `folder`, which is made; what apt needs meanwhile lies beside it. */
export function unpackPackages({ suite, packages, folder }) {
  const work = `${folder}.apt`;
  const apt = aptIn(work, suite);
  apt('update');
  apt('download', ...packages);
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(work).filter((name) => name.endsWith('.deb'))) {
    run('dpkg', ['-x', join(work, file), folder]);
  }
  rmSync(work, { recursive: true });
}
