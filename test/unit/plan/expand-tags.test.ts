import { describe, expect, it } from 'vitest';
import { expandTags } from '../../../src/plan/expand-tags.ts';

describe('a tag that is expanded', () => {
  it.each([
    ['1.2.3', ['1', '1.2', '1.2.3']],
    ['v1.2.3', ['1', '1.2', '1.2.3']],
    ['v0.9.1', ['0', '0.9', '0.9.1']],
    ['v1.2.3-rc.1', ['1.2.3-rc.1']],
    ['v1.2.3_rc1', ['1.2.3_rc1']],
    ['latest', ['latest']],
    ['1.2', ['1.2']],
    ['v1', ['v1']],
    ['vault', ['vault']],
  ])('%s gives %j', (tag, expanded) => {
    expect(expandTags([tag])).toEqual(expanded);
  });

  it('appears once, however many tags give it', () => {
    expect(expandTags(['1.2.3', '1.2.4', '1'])).toEqual(['1', '1.2', '1.2.3', '1.2.4']);
  });
});
