import { describe, expect, it } from 'vitest';
import { printable, StepOutput } from '../../../src/report/step-output.ts';

describe('StepOutput', () => {
  it('joins pieces into lines', () => {
    const output = new StepOutput();
    expect(output.push(Buffer.from('one\ntw'), 1)).toEqual(['one']);
    expect(output.push(Buffer.from('o\n'), 1)).toEqual(['two']);
  });

  it('keeps a character whole that was cut between two messages', () => {
    const output = new StepOutput();
    const bytes = Buffer.from('grün\n');
    expect(output.push(bytes.subarray(0, 3), 1)).toEqual([]);
    expect(output.push(bytes.subarray(3), 1)).toEqual(['grün']);
  });

  it('does not mix stdout and stderr within a line', () => {
    const output = new StepOutput();
    output.push(Buffer.from('out'), 1);
    expect(output.push(Buffer.from('err\n'), 2)).toEqual(['err']);
    expect(output.push(Buffer.from('put\n'), 1)).toEqual(['output']);
  });

  it('gives what has no line end at the end', () => {
    const output = new StepOutput();
    output.push(Buffer.from('no end'), 1);
    expect(output.rest()).toEqual(['no end']);
    expect(output.rest()).toEqual([]);
  });

  it('keeps the last 50 lines', () => {
    const output = new StepOutput();
    output.push(Buffer.from(Array.from({ length: 70 }, (_, index) => `${index}\n`).join('')), 1);
    expect(output.tail()).toHaveLength(50);
    expect(output.tail().at(-1)).toBe('69');
  });

  it('cuts an endless line once, and says at its end how much is missing', () => {
    const output = new StepOutput();
    for (let piece = 0; piece < 4; piece++) expect(output.push(Buffer.alloc(10_000, 'y'), 1)).toEqual([]);
    expect(output.push(Buffer.from('y\nnext\n'), 1)).toEqual([`${'y'.repeat(16_000)} [24001 more characters]`, 'next']);
    expect(output.rest()).toEqual([]);
  });

  it('shows now and then what a progress bar without a line end has drawn', () => {
    const output = new StepOutput();
    const lines = Array.from({ length: 5_000 }, (_, step) => output.push(Buffer.from(`\rstep ${step}`), 1)).flat();
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.every((line) => /^step \d+$/.test(line))).toBe(true);
    expect(output.rest()).toEqual(['step 4999']);
  });
});

describe('printable', () => {
  it.each([
    ['a card for the Drone runner', '\x1b]1338;eyJhIjoxfQ==\x1b]0m', ''],
    ['a window title', '\x1b]0;title\x07text', 'text'],
    ['cursor movement', '\x1b[2J\x1b[1;1Htext', 'text'],
    ['a device control string', '\x1bPpayload\x1b\\text', 'text'],
    ['C1 control sequences', '\x9b2Jtext', 'text'],
    ['a bell and a backspace', 'a\x07b\x08c', 'abc'],
    ['a lone escape', 'text\x1b', 'text'],
  ])('removes %s', (_, input, expected) => {
    expect(printable(input)).toBe(expected);
  });

  it('keeps colours and tabs', () => {
    expect(printable('\x1b[1;32mok\x1b[0m\tdone')).toBe('\x1b[1;32mok\x1b[0m\tdone');
  });

  it('shows what a progress bar drew last', () => {
    expect(printable('10%\r50%\r100%\r')).toBe('100%');
  });

  it('cuts an endless line and says so', () => {
    expect(printable('x'.repeat(20_000))).toMatch(/^x{16384} \[3616 more characters\]$/);
  });
});
