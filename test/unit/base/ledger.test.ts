import { describe, expect, it } from 'vitest';
import { Ledger } from '../../../src/base/ledger.ts';

describe('Ledger', () => {
  it('undoes the newest first', async () => {
    const ledger = new Ledger();
    const undone: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      ledger.enter(name, async () => {
        undone.push(name);
      });
    }
    expect(await ledger.unwind()).toEqual([]);
    expect(undone).toEqual(['c', 'b', 'a']);
  });

  it('names what could not be undone and goes on with the rest', async () => {
    const ledger = new Ledger();
    const undone: string[] = [];
    ledger.enter('first', async () => {
      undone.push('first');
    });
    ledger.enter('stuck', async () => {
      throw new Error('daemon gone');
    });
    expect(await ledger.unwind()).toEqual(['stuck']);
    expect(undone).toEqual(['first']);
  });

  it('does not name what ends with the process', async () => {
    const ledger = new Ledger();
    ledger.enter(undefined, async () => {
      throw new Error('closed badly');
    });
    expect(await ledger.unwind()).toEqual([]);
  });

  it('does not undo what was struck off', async () => {
    const ledger = new Ledger();
    const undone: string[] = [];
    const strike = ledger.enter('gone by itself', async () => {
      undone.push('x');
    });
    strike();
    expect(await ledger.unwind()).toEqual([]);
    expect(undone).toEqual([]);
  });

  it('has little time for a step that is being stopped', async () => {
    const ledger = new Ledger();
    ledger.enter('stuck', () => new Promise(() => undefined));
    const started = performance.now();
    expect(await ledger.unwind(AbortSignal.abort())).toEqual(['stuck']);
    expect(performance.now() - started).toBeLessThan(2_500);
  });

  it('undoes each entry once', async () => {
    const ledger = new Ledger();
    let times = 0;
    ledger.enter('a', async () => {
      times += 1;
    });
    await ledger.unwind();
    await ledger.unwind();
    expect(times).toBe(1);
  });
});
