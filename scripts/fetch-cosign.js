// Puts Debian 13's cosign into .cache/cosign/, unpacked and never installed: the independent witness of our signatures. It runs
// on Debian 12 as well. Nothing is fetched when it is there already: run it as often as you like.
import { existsSync, renameSync, rmSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { run, unpackPackages } from './debian-packages.js';

const root = resolve(import.meta.dirname, '..');
const folder = resolve(root, '.cache', 'cosign');
const program = 'usr/bin/cosign';

if (!existsSync(resolve(folder, program))) {
  console.log('cosign: fetching that of Debian trixie (not installed, only unpacked)');
  const unfinished = `${folder}.unfinished`;
  for (const path of [folder, unfinished]) rmSync(path, { recursive: true, force: true });
  unpackPackages({ suite: 'trixie', packages: ['cosign'], folder: unfinished });
  run(resolve(unfinished, program), ['version']);
  renameSync(unfinished, folder);
  console.log(`cosign: in ${relative(root, folder)}`);
}
