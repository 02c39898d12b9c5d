// Rows 401 to 429 of the matrix, and what is refused for reasons of content: answers that mean what they say, so that most of
// them end the publish, cleanly.
import type { FaultCase } from '../fault-case.ts';
import type { Fault, Step } from '../rules.ts';
import { cell, type CellOptions, laterPlaces, refused, type RightEnd } from './cell.ts';

const forbidden = refused(403, 'DENIED');
const noLogin: Fault = { kind: 'no-login' };
const token: CellOptions = { auth: 'token' };
const transient: CellOptions = { isTransient: true };
const forEver: CellOptions = { times: Infinity };
/** The daemon makes of it what it likes, as long as nothing moved. */
const denied: CellOptions = { ...forEver, exitCodes: [3] };

const steps401: readonly Step[] = ['hm', 'hb', 'po', 'pa', 'pb', 'pm', 'pt', 'ht'];
/** Steps that a publish takes several times. */
const manySteps: readonly Step[] = ['hb', 'po', 'pb', 'pm'];

const unauthorized: readonly FaultCase[] = [
  ...steps401.map((step) => cell(step, '401 once', noLogin, 'survived', { ...token, ...transient })),
  ...manySteps.flatMap((step) => laterPlaces(step, '401 once', noLogin, 'survived', { ...token, ...transient })),
  cell('tk', '401', refused(401, 'UNAUTHORIZED'), 'clean', { ...denied, check: sentOnce }),
  ...(['po', 'pm', 'pt'] as const).map((step) =>
    cell(step, '401', refused(401, 'UNAUTHORIZED'), 'clean', { ...denied, ...token }),
  ),
  cell('hm', '401', refused(401, 'UNAUTHORIZED'), 'either', { ...denied, ...token }),
];

/** A refused login is tried once. */
function sentOnce({ requests }: { readonly requests: readonly { readonly path: string; authorization?: string }[] }) {
  const logins = requests.filter(({ path, authorization }) => path === '/token' && authorization === 'basic');
  return logins.length === 1 ? [] : [`the refused login was sent ${logins.length} times`];
}

const permission: readonly FaultCase[] = [
  cell('tk', '403', forbidden, 'clean', denied),
  ...(['hm', 'hb', 'mo'] as const).map((step) => cell(step, '403', forbidden, 'survived', forEver)),
  ...(['po', 'pb', 'pm', 'pt'] as const).flatMap((step) => [
    cell(step, '403', forbidden, 'clean', denied),
    ...laterPlaces(step, '403', forbidden, 'clean', denied),
  ]),
];

const unknownUpload = refused(404, 'BLOB_UPLOAD_UNKNOWN');
const unknownManifest = refused(404, 'MANIFEST_UNKNOWN');

const notFound: readonly FaultCase[] = [
  cell('pg', '404', { kind: 'answer', status: 404, body: 'no such page' }, 'clean', { ...forEver, exitCodes: [2] }),
  cell('tk', '404', { kind: 'answer', status: 404, body: 'no such page' }, 'clean', { ...forEver, exitCodes: [4] }),
  cell('hm', '404', unknownManifest, 'survived'),
  cell('po', '404', refused(404, 'NAME_UNKNOWN'), 'clean', { ...forEver, exitCodes: [4] }),
  cell('mo', '404', refused(404, 'BLOB_UNKNOWN'), 'survived', forEver),
  ...(['pa', 'pb'] as const).flatMap((step) => [
    cell(step, '404', unknownUpload, 'survived', transient),
    ...laterPlaces(step, '404', unknownUpload, 'survived', transient),
    cell(step, '404', unknownUpload, 'survived', { ...transient, times: 3 }),
    cell(step, '404', unknownUpload, 'clean', { ...forEver, exitCodes: [4] }),
  ]),
  ...(['pm', 'pt'] as const).flatMap((step) => [
    cell(step, '404', unknownManifest, 'survived', transient),
    cell(step, '404', unknownManifest, step === 'pt' ? 'clean' : 'either', { ...forEver, exitCodes: [4] }),
  ]),
  // A replica that lags behind.
  cell('ht', '404', unknownManifest, 'survived', transient),
  cell('ht', '404', unknownManifest, 'survived', { ...transient, times: 2 }),
];

/** Makes the uploader ask for an upload's status. */
const lostCount = { match: { step: 'pa' }, do: refused(416, 'RANGE_INVALID') } as const;

const unsupported: readonly FaultCase[] = [405, 501].flatMap((status) => {
  const answer = refused(status, 'UNSUPPORTED');
  const made = (step: Step, end: RightEnd): FaultCase =>
    cell(step, String(status), answer, end, { ...forEver, ...(end === 'survived' ? {} : { exitCodes: [4] }) });
  return [
    ...(['hm', 'hb', 'mo', 'del'] as const).map((step) => made(step, 'survived')),
    made('po', 'clean'),
    made('pa', 'clean'),
    cell('gs', String(status), answer, 'survived', { ...forEver, led: [lostCount] }),
    made('pm', 'either'),
    made('pt', 'clean'),
  ];
});

const tooLarge: Fault = { kind: 'answer', status: 413 };
const badRange = refused(416, 'RANGE_INVALID');

const limits: readonly FaultCase[] = [
  cell('pb', '413 for bodies above 4 MiB', tooLarge, 'survived', {
    ...forEver,
    minBodyBytes: 4 * 1024 * 1024 + 1,
    layerBytes: 9_000_000,
  }),
  cell('pb', '413', tooLarge, 'clean', { ...forEver, exitCodes: [4] }),
  cell('pb', '413 early', { ...tooLarge, early: true }, 'clean', { ...forEver, exitCodes: [4] }),
  cell('pa', '413', tooLarge, 'clean', { ...forEver, exitCodes: [4] }),
  cell('pm', '413', tooLarge, 'clean', { ...forEver, exitCodes: [4] }),
  cell('pa', '416', badRange, 'survived', transient),
  ...laterPlaces('pa', '416', badRange, 'survived', transient),
  cell('pa', '416', badRange, 'clean', { ...forEver, exitCodes: [4] }),
];

const conflict = refused(409, 'CONFLICT');
const conflicts: readonly FaultCase[] = [
  cell('pb', '409', conflict, 'clean', { ...forEver, exitCodes: [4] }),
  cell('pm', '409', conflict, 'clean', { ...forEver, exitCodes: [4] }),
  cell('pt', '409', conflict, 'clean', { ...forEver, exitCodes: [4] }),
];

const wait: Fault = { ...tooLarge, status: 429, headers: { 'retry-after': '1' } };
const busy: Fault = { ...tooLarge, status: 429 };
const busyWithCode = refused(429, 'TOOMANYREQUESTS');
const stepsWithWait: readonly Step[] = ['pg', 'hm', 'hb', 'po', 'mo', 'pa', 'pb', 'pm', 'pt', 'ht'];

const rates: readonly FaultCase[] = [
  ...stepsWithWait.map((step) => cell(step, '429 with Retry-After 1', wait, 'survived', transient)),
  ...manySteps.flatMap((step) => laterPlaces(step, '429 with Retry-After 1', wait, 'survived', transient)),
  ...(['pg', 'hb', 'po', 'pm', 'pt'] as const).map((step) =>
    cell(step, '429', busy, 'survived', { ...transient, times: 2 }),
  ),
  cell('po', '429 with a code', busyWithCode, 'survived', { ...transient, times: 2 }),
  cell('pb', '429 with Retry-After of an hour', { ...wait, headers: { 'retry-after': '3600' } }, 'clean', {
    ...forEver,
    exitCodes: [4],
  }),
];

const lostBlob = refused(400, 'MANIFEST_BLOB_UNKNOWN', { digest: `sha256:${'0'.repeat(64)}` });
const nameless = refused(400, 'MANIFEST_BLOB_UNKNOWN');
const rejections: readonly Fault[] = [
  refused(400, 'MANIFEST_INVALID'),
  refused(415, 'UNSUPPORTED'),
  refused(422, 'MANIFEST_INVALID'),
];

const manifestContent: readonly FaultCase[] = (['pm', 'pt'] as const).flatMap((step) => [
  cell(step, '400 MANIFEST_BLOB_UNKNOWN', nameless, 'survived', transient),
  cell(step, '400 MANIFEST_BLOB_UNKNOWN', nameless, 'survived', { ...transient, times: 2 }),
  cell(step, '400 MANIFEST_BLOB_UNKNOWN of a stranger', lostBlob, 'survived', transient),
  cell(step, '400 MANIFEST_BLOB_UNKNOWN', nameless, 'clean', { ...forEver, exitCodes: [4] }),
  ...rejections.map((answer) =>
    cell(step, answer.kind === 'answer' ? `${answer.status} for its content` : '', answer, 'clean', {
      ...forEver,
      exitCodes: [4],
    }),
  ),
]);

/** Rows 401 to 429, and manifests that are not taken. */
export const refusals: readonly FaultCase[] = [
  ...unauthorized,
  ...permission,
  ...notFound,
  ...unsupported,
  ...limits,
  ...conflicts,
  ...rates,
  ...manifestContent,
];
