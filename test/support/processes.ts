// What runs on this machine, in containers or not, read from /proc: a minimal system has no `ps`.
import { readdirSync, readFileSync } from 'node:fs';

/** Whether a process has this word as one of its arguments. */
function isRunning(word: string): boolean {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .some((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(word);
      } catch {
        return false;
      }
    });
}

/** Waits for the process to start or to end; tells whether it did within the limit. */
export async function untilRunning(word: string, wanted: boolean, limitMs: number): Promise<boolean> {
  const deadline = Date.now() + limitMs;
  while (isRunning(word) !== wanted) {
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}
