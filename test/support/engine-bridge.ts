// One network bridge for each test engine: only one daemon of a machine can own docker0. The bridge's name holds its number
// and the number its subnet, so that creating it is one atomic step for engines that start at the same time.
import { execFileSync, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** 198.18.0.0/15 is set aside for tests of network devices (RFC 2544): nobody routes it. 512 subnets of 254 hosts. */
const subnets = 512;

/** Creates a bridge and notes its name in `<folder>/bridge`, for the one who cleans up. */
export function createBridge(folder: string): string {
  const start = randomInt(subnets);
  for (let step = 0; step < subnets; step += 1) {
    const number = (start + step) % subnets;
    const name = `dbtest${number}`;
    const made = spawnSync('ip', ['link', 'add', name, 'type', 'bridge'], { encoding: 'utf8' });
    if (made.status === 0) {
      writeFileSync(join(folder, 'bridge'), name);
      const address = `198.${18 + Math.floor(number / 256)}.${number % 256}.1/24`;
      execFileSync('ip', ['address', 'add', address, 'dev', name]);
      execFileSync('ip', ['link', 'set', name, 'up']);
      return name;
    }
    if (!/exists/i.test(made.stderr)) throw new Error(`cannot make a bridge: ${made.error?.message ?? made.stderr}`);
  }
  throw new Error('all test bridges are taken');
}
