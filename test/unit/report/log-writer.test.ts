import { describe, expect, it } from 'vitest';
import { Redactor } from '../../../src/base/redact.ts';
import { LogWriter } from '../../../src/report/log-writer.ts';

function writing(): { written: string[]; redactor: Redactor; log: LogWriter } {
  const written: string[] = [];
  const redactor = new Redactor();
  return { written, redactor, log: new LogWriter((text) => written.push(text), redactor) };
}

describe('LogWriter', () => {
  it('masks secrets in every kind of line', () => {
    const { written, redactor, log } = writing();
    redactor.register('hunter22');
    log.setLevel({ quiet: false, debug: true });
    log.info('info hunter22');
    log.warn('warn hunter22');
    log.debug('debug hunter22');
    log.result('result hunter22');
    expect(written.join('')).not.toContain('hunter22');
    expect(written).toHaveLength(4);
  });

  it('shows only warnings and results when quiet', () => {
    const { written, log } = writing();
    log.setLevel({ quiet: true, debug: false });
    log.info('progress');
    log.debug('detail');
    log.warn('look here');
    log.result('done');
    expect(written).toEqual(['warning: look here\n', 'done\n']);
  });

  it('lets no control sequence through', () => {
    const { written, log } = writing();
    log.info('registry said \x1b]1338;x\x1b]0m and more');
    expect(written.join('')).not.toContain('\x1b]');
  });

  it('masks a secret that only shows once control characters are gone', () => {
    const { written, redactor, log } = writing();
    redactor.register('hunter22');
    log.info('it is hun\x1b[Kter\x0022');
    expect(written).toEqual(['it is ********\n']);
  });

  it('masks a secret that colours run through, and keeps other colours', () => {
    const { written, redactor, log } = writing();
    redactor.register('hunter22');
    log.info('found \x1b[01;31mhun\x1b[mter22');
    log.info('\x1b[32mok\x1b[m');
    expect(written).toEqual(['found ********\n', '\x1b[32mok\x1b[m\n']);
  });

  it('masks the half of a secret that is left of a line that was cut', () => {
    const { written, redactor, log } = writing();
    redactor.register('hunter22hunter22');
    log.info(`${'x'.repeat(16_375)} hunter22hunter22`);
    expect(written.join('')).not.toContain('hunter');
  });

  it('masks a secret of several lines that comes line by line', () => {
    const { written, redactor, log } = writing();
    redactor.register('first line of it\nsecond line of it\n');
    for (const line of [
      '#7 0.123 first line of it',
      '#7 0.124   second line of it',
      '#7 [2/2] RUN echo "first line of it"',
    ]) {
      log.info(line);
    }
    expect(written).toEqual(['#7 0.123 ********\n', '#7 0.124   ********\n', '#7 [2/2] RUN echo "********"\n']);
  });
});
