import { describe, expect, it } from 'vitest';
import { judge, type Observation, readStates, type ShownImage } from '../../faults/judge.ts';

const oldDigest = `sha256:${'a'.repeat(64)}`;
const newDigest = `sha256:${'b'.repeat(64)}`;
const otherDigest = `sha256:${'c'.repeat(64)}`;
const oldImage: ShownImage = { digest: oldDigest, isComplete: true, isWanted: false };
const newImage: ShownImage = { digest: newDigest, isComplete: true, isWanted: true };
const one = 'host:1/app:1';
const two = 'host:1/app:2';

/** A failure of the plugin that changed nothing. */
const failure: Observation = {
  exitCode: 4,
  output: 'error: it failed\n  state: no tag was touched; nothing left on the daemon\n',
  outlivedLimit: false,
  isPlugin: true,
  isKilled: false,
  wanted: [one, two],
  before: new Map([[one, oldImage]]),
  after: new Map([[one, oldImage]]),
  left: [],
  broken: [],
};

const success: Observation = {
  ...failure,
  exitCode: 0,
  output: `published host:1/app\n  digest  ${newDigest}\n`,
  after: new Map([
    [one, newImage],
    [two, newImage],
  ]),
};

/** The first tag moved, the second is not there. */
const mixed = new Map([[one, newImage]]);
const states = (first: string, second: string): string =>
  `error: tagging failed\n  state: ${one} sha256:aaaaaaaaaaaa → ${first}, moved\n  state: ${two} absent → ${second}, not-moved\n`;

const moved = states('sha256:bbbbbbbbbbbb', 'sha256:bbbbbbbbbbbb');

describe('a run that ended with exit 0', () => {
  it.each<[string, Partial<Observation>, string]>([
    ['survived when every tag shows the new image', {}, 'survived'],
    ['lied about a tag that is not there', { after: mixed }, 'lie'],
    ['lied about a tag that shows the old image', { after: new Map([...success.after, [two, oldImage]]) }, 'lie'],
    [
      'lied about an image that lacks a blob',
      { after: new Map([...success.after, [two, { ...newImage, isComplete: false }]]) },
      'lie',
    ],
    [
      'lied when the tags show different builds',
      { after: new Map([...success.after, [two, { ...newImage, digest: otherDigest }]]) },
      'lie',
    ],
    ['lied when the log names another digest', { output: `  digest  ${otherDigest}\n` }, 'lie'],
    ['survived when nobody read the log that names the digest', { output: '', isLogLost: true }, 'survived'],
    [
      'is dirty when it moved a tag that nobody named',
      { after: new Map([...success.after, ['x', newImage]]) },
      'dirty',
    ],
    ['is dirty when it left something', { left: ['file tmp/layer'] }, 'dirty'],
    ['is dirty when a demand of the case was not met', { broken: ['the password was sent twice'] }, 'dirty'],
    ['hung when it was too late', { outlivedLimit: true }, 'hang'],
  ])('%s', (_, difference, letter) => {
    expect(judge({ ...success, ...difference }).letter).toBe(letter);
  });
});

describe('a run that failed', () => {
  it.each<[string, Partial<Observation>, string]>([
    ['is clean when all is as before', {}, 'clean'],
    ['is dirty when a tag moved', { after: mixed }, 'dirty'],
    ['is dirty when a new tag is there', { after: new Map([...failure.before, [two, newImage]]) }, 'dirty'],
    ['is dirty when a tag vanished', { after: new Map() }, 'dirty'],
    ['is dirty when an old tag lost a blob', { after: new Map([[one, { ...oldImage, isComplete: false }]]) }, 'dirty'],
    ['is dirty when it left something', { left: ['open upload 1'] }, 'dirty'],
    ['is dirty with a bug', { exitCode: 70 }, 'dirty'],
    ['is dirty with a code that Drone takes for success', { exitCode: 78 }, 'dirty'],
    ['is dirty when a signal ended it', { exitCode: undefined }, 'dirty'],
    ['is dirty without a state', { output: 'error: it failed\n' }, 'dirty'],
    ['needs no state below 4', { exitCode: 3, output: 'error: denied\n' }, 'clean'],
    ['hung when it had to be killed', { outlivedLimit: true, exitCode: undefined }, 'hang'],
    [
      'is clean with 8 and the exact list',
      { exitCode: 8, after: mixed, output: states('sha256:bbbbbbbbbbbb', 'absent') },
      'clean',
    ],
    ['is dirty with 8 and nothing changed', { exitCode: 8, output: states('sha256:aaaaaaaaaaaa', 'absent') }, 'dirty'],
    [
      'is dirty with 8 and a wrong list',
      { exitCode: 8, after: mixed, output: states('sha256:aaaaaaaaaaaa', 'absent') },
      'dirty',
    ],
    [
      'is dirty with 8 and an incomplete list',
      { exitCode: 8, after: mixed, output: `state: ${one} x → sha256:bbbbbbbbbbbb` },
      'dirty',
    ],
    [
      'is dirty with 8 and a tag of unknown state',
      { exitCode: 8, after: mixed, output: states('sha256:bbbbbbbbbbbb', 'unknown') },
      'dirty',
    ],
    [
      'is dirty with 4 although the list is exact',
      { after: mixed, output: states('sha256:bbbbbbbbbbbb', 'absent') },
      'dirty',
    ],
    [
      'is clean with 7, which beats 8, and the exact list',
      { exitCode: 7, after: mixed, output: states('sha256:bbbbbbbbbbbb', 'absent') },
      'clean',
    ],
    ['is clean with 7 and nothing changed', { exitCode: 7 }, 'clean'],
    [
      'is clean with 143 when it has finished, and says so',
      { exitCode: 143, after: success.after, output: moved },
      'clean',
    ],
    ['is dirty with 143 when it has finished, and says nothing', { exitCode: 143, after: success.after }, 'dirty'],
    ['is dirty with 143 and mixed tags', { exitCode: 143, after: mixed, output: moved }, 'dirty'],
    ['is dirty with 70', { exitCode: 70 }, 'dirty'],
    ['is clean with 70 after a bug that was put there', { exitCode: 70, hasBug: true }, 'clean'],
  ])('%s', (_, difference, letter) => {
    expect(judge({ ...failure, ...difference }).letter).toBe(letter);
  });

  it('says what is wrong', () => {
    expect(judge({ ...failure, after: mixed, left: ['file tmp/layer'] }).reasons).toEqual([
      `exit 4, and ${one} went from sha256:aaaaaaaaaaaa to sha256:bbbbbbbbbbbb`,
      'left behind: file tmp/layer',
    ]);
  });
});

describe('a run that was killed', () => {
  const killed: Observation = { ...failure, exitCode: undefined, isKilled: true, output: '', left: ['open upload 1'] };

  it('may leave mixed tags and uploads', () => {
    expect(judge({ ...killed, after: mixed }).letter).toBe('clean');
  });

  it('may not leave a tag without its blobs', () => {
    expect(judge({ ...killed, after: new Map([[one, { ...newImage, isComplete: false }]]) }).letter).toBe('dirty');
  });

  it.each<[string, Observation['after']]>([
    ['a tag vanished', new Map()],
    ['a tag shows a foreign image', new Map([[one, { ...oldImage, digest: otherDigest }]])],
    ['a tag moved that nobody named', new Map([...failure.before, ['x', newImage]])],
  ])('is dirty when %s', (_, after) => {
    expect(judge({ ...killed, after }).letter).toBe('dirty');
  });

  it('is judged as any other when it ended by itself', () => {
    expect(judge({ ...killed, exitCode: 4 }).letter).toBe('dirty');
  });
});

describe('another tool', () => {
  const peer: Observation = { ...failure, isPlugin: false, exitCode: 1, output: 'no\n' };

  it('owes neither codes nor states', () => {
    expect(judge(peer).letter).toBe('clean');
    expect(judge({ ...peer, exitCode: 125 }).letter).toBe('clean');
    expect(judge({ ...success, isPlugin: false, output: '' }).letter).toBe('survived');
  });

  it('is dirty with mixed tags, whatever its code', () => {
    expect(judge({ ...peer, exitCode: 8, after: mixed }).letter).toBe('dirty');
  });
});

it('reads the states of tags as the log has them', () => {
  expect(
    readStates(`x\n  state: ${one} absent → sha256:bbbbbbbbbbbb, moved\nstate: ${two} a → absent, kept\n`),
  ).toEqual(
    new Map([
      [one, 'sha256:bbbbbbbbbbbb'],
      [two, 'absent'],
    ]),
  );
});
