// Copies programs of this machine, with the libraries that they load, into the root folder of an image under construction:
//   node scripts/copy-with-libraries.js <root> <program>...
// For test images where no base image can be pulled. Programs and libraries keep their paths; links become plain files.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The libraries of a program, the loader among them, as `ldd` tells: none for a static program. */
function librariesOf(program) {
  let listed = '';
  try {
    listed = execFileSync('ldd', [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    if (!/not a dynamic executable/.test(String(error.stderr))) throw error;
  }
  return listed
    .split('\n')
    .map((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1])
    .filter((path) => path !== undefined);
}

function copyFile(root, from, to) {
  const target = join(root, to);
  if (existsSync(target)) return;
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(from, target);
  chmodSync(target, 0o755);
}

/** Puts `program` at `path` (by default its own) below `root`, and its libraries where it looks for them. */
export function copyWithLibraries(root, program, path = program) {
  copyFile(root, program, path);
  for (const library of librariesOf(program)) copyFile(root, library, library);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [root, ...programs] = process.argv.slice(2);
  for (const program of programs) copyWithLibraries(root, program);
}
