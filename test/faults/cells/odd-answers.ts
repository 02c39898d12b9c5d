// Rows of the matrix for registries that lie, and for answers that are right but odd.
import { gzipSync } from 'node:zlib';
import type { FaultCase } from '../fault-case.ts';
import type { Fault, RewriteFault, Step } from '../rules.ts';
import { cell, type CellOptions, type RightEnd } from './cell.ts';

const forEver: CellOptions = { times: Infinity };
const otherDigest = `sha256:${'5'.repeat(64)}`;
const html = '<html><head><title>Welcome</title></head><body>Nice to see you.</body></html>';
const wrongDigest: Fault = { kind: 'rewrite', headers: { 'docker-content-digest': otherDigest } };

const lies: readonly FaultCase[] = [
  // Asked about our digest, so another one in the answer is a lie; of a tag it is news.
  ...(['pb', 'pm', 'pt'] as const).map((step) => cell(step, 'wrong digest', wrongDigest, 'clean', { exitCodes: [7] })),
  cell('hm', 'wrong digest', wrongDigest, 'either', { ...forEver, exitCodes: [4, 7] }),
  cell('ht', 'moved by somebody else', wrongDigest, 'survived', forEver),
  cell('gm', 'wrong bytes', { kind: 'rewrite', body: (bytes) => Buffer.concat([bytes, Buffer.from(' ')]) }, 'either', {
    ...forEver,
    exitCodes: [7],
  }),
  cell('mo', 'mounted, says the registry, and has nothing', { kind: 'answer', status: 201 }, 'survived', forEver),
  cell('pb', 'stored, says the registry, and has nothing', { kind: 'answer', status: 201 }, 'clean', {
    ...forEver,
    exitCodes: [4, 7],
  }),
  cell('pm', 'stored, says the registry, and has nothing', { kind: 'answer', status: 201 }, 'either', {
    ...forEver,
    exitCodes: [4, 7],
  }),
  cell('pt', 'stored, says the registry, and has nothing', { kind: 'answer', status: 201 }, 'clean', {
    ...forEver,
    exitCodes: [4, 7],
  }),
  cell('hb', 'there, says the registry, and has nothing', { kind: 'answer', status: 200 }, 'either', {
    ...forEver,
    exitCodes: [4, 7],
  }),
];

/** Done, and said to be refused: as when somebody else was faster. */
const races: readonly FaultCase[] = [409, 404, 400].flatMap((status) => {
  const fault: Fault = { kind: 'rewrite', status };
  return [
    cell('pb', `${status} though it is there`, fault, 'survived'),
    cell('mo', `${status} though it is there`, fault, 'survived'),
  ];
});

const oldHttp: RewriteFault = { kind: 'rewrite', framing: 'http-1.0' };
const trailers: RewriteFault = { kind: 'rewrite', framing: 'trailers' };
const page: RewriteFault = {
  kind: 'rewrite',
  headers: { 'content-type': 'text/html' },
  body: () => Buffer.from(html),
};
const packed: RewriteFault = {
  kind: 'rewrite',
  headers: { 'content-encoding': 'gzip' },
  body: (bytes) => gzipSync(bytes),
};
const noDigest: RewriteFault = { kind: 'rewrite', headers: { 'docker-content-digest': undefined } };
const noLocation: RewriteFault = { kind: 'rewrite', headers: { location: undefined } };
const pathOnly: RewriteFault = {
  kind: 'rewrite',
  headers: { location: (url) => url.replace(/^https?:\/\/[^/]+/, '') },
};
const status = (code: number): RewriteFault => ({ kind: 'rewrite', status: code });

interface Oddity {
  readonly steps: readonly Step[];
  readonly name: string;
  readonly fault: Fault;
  readonly end?: RightEnd;
  readonly exitCodes?: readonly number[];
}

const oddities: readonly Oddity[] = [
  { steps: ['pg', 'tk', 'hm', 'hb', 'po', 'mo', 'pa', 'pb', 'pm', 'pt'], name: 'HTTP/1.0', fault: oldHttp },
  { steps: ['tk', 'po', 'pb', 'pm', 'pt'], name: 'trailers', fault: trailers },
  { steps: ['po', 'pa', 'pb', 'pm', 'pt'], name: 'an HTML page as body', fault: page },
  { steps: ['pg', 'tk'], name: 'an HTML page', fault: page, end: 'either', exitCodes: [2, 4] },
  { steps: ['tk', 'gm'], name: 'gzip', fault: packed, end: 'either', exitCodes: [4, 7] },
  { steps: ['hm', 'ht', 'pb', 'pm', 'pt'], name: 'no digest header', fault: noDigest },
  { steps: ['po', 'mo', 'pa'], name: 'a path as Location', fault: pathOnly },
  { steps: ['po', 'pa'], name: 'no Location', fault: noLocation, end: 'either', exitCodes: [4] },
  { steps: ['pb', 'pm', 'pt'], name: 'no Location', fault: noLocation },
  { steps: ['pb', 'pm', 'pt', 'pa'], name: '200', fault: status(200) },
  { steps: ['pb', 'pm', 'pt', 'pa'], name: '202', fault: status(202) },
  { steps: ['pb', 'pm', 'pt', 'pa'], name: '204', fault: status(204) },
  { steps: ['po'], name: '200', fault: status(200), end: 'either', exitCodes: [4] },
  { steps: ['po'], name: '201', fault: status(201), end: 'either', exitCodes: [4] },
];

/** Wrong answers, and odd ones. */
export const oddAnswers: readonly FaultCase[] = [
  ...lies,
  ...races,
  ...oddities.flatMap(({ steps, name, fault, end = 'survived', exitCodes }) =>
    steps.map((step) =>
      cell(step, name, fault, end, { ...forEver, ...(exitCodes === undefined ? {} : { exitCodes }) }),
    ),
  ),
];
