// A fault at one of four tags, of the kinds that the failure matrix names, between the real publisher and a real registry
// behind a proxy that spoils requests: the registry then shows the old image under all tags, or the new one.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PluginError } from '../../../src/base/plugin-error.ts';
import { formatFailure } from '../../../src/report/failure.ts';
import { type FaultProxy, startFaultProxy } from '../../faults/fault-proxy.ts';
import { openUploads, readTags } from '../../faults/registry-graph.ts';
import type { FaultRule } from '../../faults/rules.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { imageOf, publish } from './fixture.ts';

const tags = ['1.2.3', '1.2', '1', 'latest'];
/** Enough for a machine that is busy. */
const patient = { limits: { attempts: 3, headersMs: 5000 } };
/** For a registry that is silent: all of it is waited for. */
const impatient = { limits: { attempts: 2, headersMs: 1500 } };

const problem = (code: string, message: string): string => JSON.stringify({ errors: [{ code, message }] });
const faults: Readonly<Record<string, FaultRule['do']>> = {
  'a 403': { kind: 'answer', status: 403, body: problem('DENIED', 'not allowed') },
  'a 409': { kind: 'answer', status: 409, body: problem('CONFLICT', 'tag is immutable') },
  'a 503': { kind: 'answer', status: 503 },
  silence: { kind: 'hang', when: 'before' },
};
const blobUnknown: FaultRule['do'] = {
  kind: 'answer',
  status: 400,
  body: problem('MANIFEST_BLOB_UNKNOWN', 'blob unknown'),
};

let registry: TestRegistry;
let proxy: FaultProxy;
beforeAll(async () => {
  registry = await startRegistry({ auth: 'open' });
  proxy = await startFaultProxy(registry.host);
});
afterAll(async () => {
  await proxy.stop();
  await registry.stop();
});

/** Old images by their repository: a run that left everything as it was leaves the next one its start. */
const starts = new Map<string, string>();

function isSilence({ do: fault }: FaultRule): boolean {
  return fault.kind === 'hang';
}

/** Publishes an image under all tags, spoilt by the rules, where an older one is under some of them. */
async function spoil(path: string, oldTags: readonly string[], rules: readonly FaultRule[]) {
  const repositories = [`${proxy.host}/${path}`];
  proxy.arm([]);
  const old = starts.get(path) ?? (await publish({ ...imageOf(`old ${path}`), repositories, tags: oldTags })).digest;
  starts.set(path, old);
  proxy.arm(rules);
  const image = imageOf(randomBytes(1000));
  const error: unknown = await publish({
    ...image,
    repositories,
    tags,
    client: rules.some(isSilence) ? impatient : patient,
  }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const fired = proxy.fired().length;
  proxy.arm([]);
  const shown = await readTags(registry, path, { digest: old });
  expect(fired).toBeGreaterThan(0);
  expect(openUploads(registry, path)).toEqual([]);
  expect([...shown.values()].every(({ isComplete }) => isComplete)).toBe(true);
  return { error, shown: Object.fromEntries([...shown].map(([tag, { isWanted }]) => [tag, isWanted ? 'old' : 'new'])) };
}

const all = (state: string, of: readonly string[]) => Object.fromEntries(of.map((tag) => [tag, state]));

// Each kind at each tag, where none is new, that one, or another one in turn.
const newTags = [undefined, '1.2.3', 'latest'];
const cells = Object.keys(faults).flatMap((kind, row) =>
  tags.map((bad, column) => ({ kind, bad, absent: newTags[(row + column) % newTags.length] })),
);

it.each(cells)('$kind that lasts at $bad of four tags, $absent is new: all are old', async ({ kind, bad, absent }) => {
  const oldTags = tags.filter((tag) => tag !== absent);
  const path = `lasting/without-${absent ?? 'none'}`;
  const fault = faults[kind] ?? { kind: 'hang', when: 'before' };
  const { error, shown } = await spoil(path, oldTags, [
    { match: { step: 'pt', tag: bad, times: Infinity }, do: fault },
  ]);
  expect(shown).toEqual(all('old', oldTags));
  if (!(error instanceof PluginError)) throw new Error('it did not fail', { cause: error });
  expect([3, 4, 6]).toContain(error.exitCode);
  const { lines } = formatFailure(error, { leftOnDaemon: [], publishing: true });
  expect(lines.length).toBeLessThanOrEqual(12);
  expect(lines[0]).toContain(`${proxy.host}/${path}:${bad}`);
  for (const tag of tags) expect(lines.join('\n')).toMatch(new RegExp(`state: \\S+:${tag} .*, (restored|not-moved)`));
});

it.each<[string, string, FaultRule]>([
  ['an answer that is lost', '1.2.3', { match: { step: 'pt' }, do: { kind: 'lose-answer' } }],
  ['silence after it was done', 'latest', { match: { step: 'pt' }, do: { kind: 'hang', when: 'after' } }],
  ['a 404', '1.2', { match: { step: 'pt' }, do: { kind: 'answer', status: 404 } }],
  ['a blob that is said to be lost', '1', { match: { step: 'pt' }, do: blobUnknown }],
  [
    'no answer to any look afterwards',
    '1.2',
    { match: { step: 'ht', times: Infinity }, do: { kind: 'answer', status: 503 } },
  ],
])('%s at %s passes by: all tags are new', async (what, tag, { match, do: fault }) => {
  const { error, shown } = await spoil(`passing/${what.replaceAll(' ', '-')}`, tags, [
    { match: { ...match, tag }, do: fault },
  ]);
  expect(error).toBeUndefined();
  expect(shown).toEqual(all('new', tags));
});

it('two new tags, of which the second fails: exit 8 and the list is the truth', async () => {
  const { error, shown } = await spoil(
    'partial',
    ['1.2', '1'],
    [{ match: { step: 'pt', tag: 'latest', times: Infinity }, do: { kind: 'answer', status: 403 } }],
  );
  expect(shown).toEqual({ ...all('old', ['1.2', '1']), '1.2.3': 'new' });
  if (!(error instanceof PluginError)) throw new Error('it did not fail', { cause: error });
  expect(error).toMatchObject({ exitCode: 8, code: 'partial' });
  const outcomes = error.details.flatMap((line) => /^state: \S+:(\S+) .*, (\S+)$/.exec(line)?.slice(1).join(' ') ?? []);
  expect(outcomes).toEqual(['1.2.3 left-behind', '1.2 restored', '1 restored', 'latest not-moved']);
});

it('a blob that is gone by the time of the manifest is sent again', async () => {
  const { error, shown } = await spoil('lost', tags, [{ match: { step: 'pm', times: 2 }, do: blobUnknown }]);
  expect(error).toBeUndefined();
  expect(shown).toEqual(all('new', tags));
});
