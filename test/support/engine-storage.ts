// Whether overlay mounts work below a folder: not on another overlay (a CI job in a container, say). Engines then fall
// back to plain copies, which is slower and otherwise the same to the tests.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Tries an overlay mount in `folder`. */
export function overlayWorks(folder: string): boolean {
  const probe = join(folder, 'overlay-probe');
  const [lower, upper, work, merged] = ['lower', 'upper', 'work', 'merged'].map((name) => join(probe, name));
  for (const path of [lower, upper, work, merged]) mkdirSync(String(path), { recursive: true });
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  const tried = spawnSync('mount', ['-t', 'overlay', 'overlay', '-o', options, String(merged)]);
  if (tried.status === 0) execFileSync('umount', [String(merged)]);
  rmSync(probe, { recursive: true, force: true });
  return tried.status === 0;
}
