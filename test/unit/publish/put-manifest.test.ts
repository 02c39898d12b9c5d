import { expect, it } from 'vitest';
import { PluginError } from '../../../src/base/plugin-error.ts';
import { putManifest } from '../../../src/publish/put-manifest.ts';
import { stageManifest } from '../../../src/publish/stage-manifest.ts';
import { manifestOf, MemoryRepository } from './memory-repository.ts';

const manifest = manifestOf({ image: 'ours' });
const signal = new AbortController().signal;

const lost = (): Error => new PluginError({ code: 'blob-lost', exitCode: 4, message: 'host has lost a layer' });
const answered = (status: number, registryCode?: string): Error =>
  Object.assign(new Error(`answered ${String(status)}`), { status, registryCode });

/** A repository that fails the first so many PUTs. */
function failing(times: number, error: () => Error): MemoryRepository {
  const repository = new MemoryRepository();
  let left = times;
  repository.fault = (request) => (request.startsWith('PUT') && left-- > 0 ? error() : undefined);
  return repository;
}

async function put(repository: MemoryRepository, mayRepair = true) {
  let repairs = 0;
  const repair = async (): Promise<void> => {
    repairs += 1;
  };
  const putting = putManifest(repository, manifest, { tag: '1' }, signal, mayRepair ? repair : undefined);
  const error: unknown = await putting.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { repairs, error, puts: repository.requests.length };
}

it.each([1, 2])('a blob that is lost %i times is brought again as often', async (times) => {
  expect(await put(failing(times, lost))).toEqual({ repairs: times, error: undefined, puts: times + 1 });
});

it('a blob that is lost for ever ends with `blob-lost` after two repairs', async () => {
  const { repairs, error, puts } = await put(failing(9, lost));
  expect({ repairs, puts }).toEqual({ repairs: 2, puts: 3 });
  expect(error).toMatchObject({ code: 'blob-lost', exitCode: 4 });
  expect(String(error)).toContain('twice each part was looked for');
});

it('a lost blob that nobody can bring may have been a replica that lags behind', async () => {
  expect(await put(failing(2, lost), false)).toEqual({ repairs: 0, error: undefined, puts: 3 });
  const { error, puts } = await put(failing(9, lost), false);
  expect(puts).toBe(3);
  expect(error).toMatchObject({ code: 'blob-lost', message: 'host has lost a layer' });
});

it('a bare 404 gets one repeat, after a look at the blobs', async () => {
  expect(await put(failing(1, () => answered(404)))).toEqual({ repairs: 1, error: undefined, puts: 2 });
  expect(await put(failing(2, () => answered(404)))).toMatchObject({ repairs: 1, puts: 2, error: { status: 404 } });
});

it('a bare 404 stays what it is where a look finds nothing', async () => {
  const looking = (): Promise<void> => Promise.reject(lost());
  const refused = failing(9, () => answered(404));
  await expect(putManifest(refused, manifest, { tag: '1' }, signal, looking)).rejects.toThrow('answered 404');
  await expect(putManifest(failing(9, lost), manifest, { tag: '1' }, signal, looking)).rejects.toThrow('has lost');
});

it.each([
  ['a repository that does not exist', () => answered(404, 'NAME_UNKNOWN')],
  ['a refusal', () => answered(403)],
])('%s is no reason for a repeat', async (_, error) => {
  expect(await put(failing(9, error))).toMatchObject({ repairs: 0, puts: 1 });
});

it('staging does not take a lost blob for a registry without PUT by digest', async () => {
  const repository = failing(9, () => Object.assign(lost(), { status: 404 }));
  await expect(stageManifest(repository, manifest, signal)).rejects.toMatchObject({ code: 'blob-lost' });
});
