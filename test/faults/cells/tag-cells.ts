// Several tags, of which one meets a fault: all of them show the old image afterwards. A new tag moves last, so there is nothing
// that could not be put back, unless a tag was stored without an answer: then the exact list is told with exit 8.
import type { FaultCase } from '../fault-case.ts';
import type { Fault } from '../rules.ts';
import { refused } from './cell.ts';

const tags = ['1.2.3', '1.2', '1', 'latest'] as const;

const kinds: readonly { readonly name: string; readonly fault: Fault; readonly exitCodes: readonly number[] }[] = [
  { name: '403', fault: refused(403, 'DENIED'), exitCodes: [3] },
  { name: '409 immutable', fault: refused(409, 'TAG_IMMUTABLE'), exitCodes: [4] },
  { name: '503', fault: { kind: 'answer', status: 503 }, exitCodes: [4] },
  { name: 'silence', fault: { kind: 'hang', when: 'before' }, exitCodes: [4, 6] },
  { name: 'silence, though stored', fault: { kind: 'hang', when: 'after' }, exitCodes: [4, 6, 8] },
];

/** The matrix of tags: which tag, which fault, and whether one of the tags is new. */
export const tagCells: readonly FaultCase[] = tags.flatMap((tag, index) =>
  kinds.flatMap(({ name, fault, exitCodes }) =>
    [undefined, tags[(index + 1) % tags.length]].map((newTag): FaultCase => ({
      id: `tag ${index + 1} of 4: ${name}, ${newTag === undefined ? 'all tags exist' : `${newTag} is new`}`,
      group: 'tags',
      rules: [{ match: { step: 'pt', tag, times: Infinity }, do: fault }],
      // Stored without an answer may be found to be stored.
      letters: name === 'silence, though stored' ? ['survived', 'clean'] : ['clean'],
      exitCodes,
      tags,
      oldTags: tags.filter((other) => other !== newTag),
      limitMs: 120_000,
    })),
  ),
);
