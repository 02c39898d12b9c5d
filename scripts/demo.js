// `make demo`: builds a base image and an application on top of it with the plugin, publishes the application under three tags
// in a throwaway registry, does it again to show the cache, and shows that the daemon is as it was. Needs a Docker daemon, or
// root on Debian. Cleans up after itself, after Ctrl-C too.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { findDaemon } from './demo/daemon.js';
import { startRegistry } from './demo/registry.js';

const home = resolve(import.meta.dirname, '..');
const plugin = join(home, 'dist', 'main.js');
const interrupt = new AbortController();
const undo = [];
const atTheEnd = (action) => undo.push(action);

const inColour = process.stdout.isTTY;
const say = (text) => console.log(inColour ? `\x1b[36m${text}\x1b[0m` : text);
const chapter = (text) => console.log(inColour ? `\n\x1b[1;36m== ${text}\x1b[0m` : `\n== ${text}`);

function installPackages(...names) {
  execFileSync(join(home, 'scripts', 'install-packages.sh'), names, { stdio: 'inherit' });
}

/** What `docker images --all` shows. */
async function imageList(docker) {
  const images = await docker.listImages({ all: true });
  return images.map((image) => `${image.Id.slice(7, 19)}  ${(image.RepoTags ?? []).join(' ')}`).sort();
}

/** Runs the plugin as a pipeline step would: settings in the environment, the workspace as current directory. */
async function runStep(daemon, workspace, settings, facts = {}) {
  for (const [name, value] of Object.entries(settings)) console.log(`    ${name}: ${value}`);
  console.log();
  const names = Object.entries(settings).map(([name, value]) => [`PLUGIN_${name.toUpperCase()}`, value]);
  const env = { PATH: process.env['PATH'], HOME: workspace, ...daemon.env, ...Object.fromEntries(names), ...facts };
  // In a process group of its own, so that Ctrl-C comes once: from us, and not from the terminal as well.
  const step = spawn(process.execPath, [plugin], { cwd: workspace, env, stdio: 'inherit', detached: true });
  const stop = () => step.kill('SIGTERM');
  interrupt.signal.addEventListener('abort', stop);
  const [code] = await once(step, 'exit');
  interrupt.signal.removeEventListener('abort', stop);
  interrupt.signal.throwIfAborted();
  if (code !== 0) throw new Error(`the step ended with exit code ${code}`);
}

/** A static busybox of this machine, or nothing: then the base starts from the image of that name. */
function findBusybox() {
  const candidates = ['/bin/busybox', '/usr/bin/busybox'];
  const found = () => candidates.find((path) => existsSync(path) && isStatic(path));
  if (found() === undefined && existsSync('/usr/bin/apt-get')) installPackages('busybox-static');
  return found();
}

function isStatic(program) {
  return spawnSync('ldd', [program], { stdio: 'ignore' }).status !== 0;
}

function makeWorkspaces() {
  const workspace = mkdtempSync(join(tmpdir(), 'docker-build-demo-workspace-'));
  atTheEnd(() => rmSync(workspace, { recursive: true, force: true }));
  cpSync(join(home, 'scripts', 'demo'), workspace, { recursive: true, filter: (path) => !path.endsWith('.js') });
  mkdirSync(join(workspace, 'base', 'bin'));
  const busybox = findBusybox();
  if (busybox !== undefined) cpSync(busybox, join(workspace, 'base', 'bin', 'busybox'), { dereference: true });
  return {
    base: join(workspace, 'base'),
    app: join(workspace, 'app'),
    root: busybox === undefined ? 'busybox' : 'scratch',
  };
}

/** Asks the registry itself: every tag of a repository and the digest that it stands for. */
async function showTags(registry, repository) {
  const { tags } = await (await fetch(`http://${registry}/v2/${repository}/tags/list`)).json();
  const accept = [
    'application/vnd.docker.distribution.manifest.v2+json',
    'application/vnd.oci.image.manifest.v1+json',
    'application/vnd.oci.image.index.v1+json',
  ];
  const digests = new Set();
  for (const tag of tags.sort()) {
    const answer = await fetch(`http://${registry}/v2/${repository}/manifests/${tag}`, { headers: { accept } });
    const digest = createHash('sha256')
      .update(Buffer.from(await answer.arrayBuffer()))
      .digest('hex');
    digests.add(digest);
    console.log(`    ${repository}:${tag.padEnd(8)} sha256:${digest}`);
  }
  return { tags, digests: digests.size };
}

function showImages(before, after) {
  console.log(`    before: ${before.length} images    after: ${after.length} images`);
  for (const line of after.slice(0, 10)) console.log(`    ${before.includes(line) ? ' ' : '+'} ${line}`);
  const same = JSON.stringify(before) === JSON.stringify(after);
  say(same ? 'Equal. Nothing was tagged in the daemon, and nothing was left in it.' : 'NOT equal.');
  return same;
}

async function demo() {
  chapter('A daemon and a registry');
  const daemon = await findDaemon({ say, atTheEnd, installPackages });
  const registry = await startRegistry({ docker: daemon.docker, say, atTheEnd, installPackages });
  const workspace = makeWorkspaces();
  interrupt.signal.throwIfAborted();
  const before = await imageList(daemon.docker);

  chapter('A base image, built from nothing and published');
  const base = `${registry}/demo/base`;
  await runStep(daemon, workspace.base, { repo: base, tags: '1', build_args: `ROOT=${workspace.root}` });

  chapter('An application on top of it, for the git tag v1.4.2: three tags at once');
  const settings = {
    repo: `${registry}/demo/app`,
    auto_tag: 'true',
    // The label with the time of the build would make every image a new one.
    auto_label: 'false',
    build_args: `BASE=${base}:1,GREETING=Good day`,
    secret: 'id=signature,env=SIGNATURE',
  };
  const facts = { DRONE_COMMIT_REF: 'refs/tags/v1.4.2', DRONE_REPO: 'demo/app', SIGNATURE: 'for your eyes only' };
  await runStep(daemon, workspace.app, settings, facts);

  chapter('The same once more: nothing has changed, so nothing is built and nothing is sent');
  await runStep(daemon, workspace.app, settings, facts);

  chapter('What the registry has now');
  const published = await showTags(registry, 'demo/app');
  say(`${published.tags.length} tags, ${published.digests} digest.`);

  chapter("The daemon's image list (docker images --all)");
  const same = showImages(before, await imageList(daemon.docker));
  if (!same && daemon.isPrivate) throw new Error('the image list of the daemon has changed');
  if (!same) say('Maybe somebody else used this daemon meanwhile?');
}

async function cleanUp() {
  chapter('Cleaning up');
  for (const action of undo.reverse()) {
    try {
      await action();
    } catch (error) {
      console.error(`could not clean up: ${error.message}`);
    }
  }
  say('Done: the registry, the workspace and whatever else was started are gone.');
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => interrupt.abort(new Error(`stopped by ${signal}`)));
}
try {
  await demo();
} catch (error) {
  console.error(`\n${error.message}`);
  process.exitCode = interrupt.signal.aborted ? 130 : 1;
} finally {
  await cleanUp();
}
