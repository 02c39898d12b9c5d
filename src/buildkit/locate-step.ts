// Finds the lines of a Dockerfile that a step came from, for engines (20.10) that do not say so. A step's name is its
// instruction on one line with variables replaced, e.g. `[build 2/3] RUN make`.
import type { SourcePlace } from './error-details.ts';

/**
 * @param step name of a step, or a line number
 * @returns undefined unless exactly one instruction fits
 */
export function locateStep(
  dockerfile: { readonly filename: string; readonly text: string },
  step: string | number,
): SourcePlace | undefined {
  const lines = dockerfile.text.split(/\r?\n/);
  const place = (startLine: number, endLine: number): SourcePlace => ({
    filename: dockerfile.filename,
    text: lines.slice(startLine - 1, endLine).join('\n'),
    startLine,
    endLine,
  });
  if (typeof step === 'number') return step >= 1 && step <= lines.length ? place(step, step) : undefined;
  const wanted = flatten(/^\[[^\]]*\] (.*)$/s.exec(step)?.[1] ?? '');
  const fitting = readInstructions(lines).filter(({ text }) => wanted !== '' && fits(text, wanted));
  const [only] = fitting;
  return only === undefined || fitting.length > 1 ? undefined : place(only.startLine, only.endLine);
}

interface Instruction {
  readonly text: string;
  readonly startLine: number;
  readonly endLine: number;
}

/** Lines joined at backslashes; comment lines and empty lines between them are skipped, as the frontend does. */
function readInstructions(lines: readonly string[]): readonly Instruction[] {
  const instructions: Instruction[] = [];
  let startLine = 0;
  let joined = '';
  for (const [i, line] of lines.entries()) {
    if (/^\s*(#.*)?$/.test(line)) continue;
    if (startLine === 0) startLine = i + 1;
    const continued = /\\\s*$/.test(line);
    joined += `${line.replace(/\\\s*$/, '')} `;
    if (continued) continue;
    instructions.push({ text: flatten(joined), startLine, endLine: i + 1 });
    startLine = 0;
    joined = '';
  }
  return instructions;
}

/** Whether an instruction, its variables being anything, reads as the step's name. */
function fits(instruction: string, wanted: string): boolean {
  const [keyword = '', ...rest] = instruction.split(' ');
  const parts = [keyword.toUpperCase(), ...rest].join(' ').split(/\$(?:\w+|\{[^}]*\})/);
  const pattern = parts.map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)).join('.*');
  return new RegExp(`^${pattern}$`).test(wanted);
}

function flatten(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
