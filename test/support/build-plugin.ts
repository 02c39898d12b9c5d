// Global set-up of the e2e project: bundles src/ into dist/ first, so that what is tested is what is in the tree.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Called by vitest before the first e2e file. */
export default function buildPlugin(): void {
  const root = join(import.meta.dirname, '..', '..');
  execFileSync(process.execPath, [join(root, 'scripts', 'bundle.js')], { cwd: root, stdio: 'inherit' });
}
