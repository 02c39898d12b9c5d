// The BuildKit client alone against real engines: what only a real daemon can tell about the wire.
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ControlClient } from '../../src/buildkit/control-client.ts';
import type { Dial } from '../../src/buildkit/dial.ts';
import { Control } from '../../src/buildkit/gen/build_control_pb.js';
import { CallError, GrpcConnection } from '../../src/buildkit/grpc-connection.ts';
import { fileSyncCapability } from '../../src/buildkit/session/filesync.ts';
import { secretsCapability } from '../../src/buildkit/session/secrets.ts';
import { solve, type SolveOptions, type SolveResult } from '../../src/buildkit/solve.ts';
import { SolveError } from '../../src/buildkit/solve-error.ts';
import type { StatusUpdate } from '../../src/buildkit/status.ts';
import { detectImageStore } from '../../src/buildkit/workers.ts';
import { connectEngine } from '../../src/engine/connect.ts';
import { engineKinds } from '../support/engines.ts';
import { untilRunning } from '../support/processes.ts';
import { sharedEngine } from '../support/shared-engine.ts';

const { signal } = new AbortController();
const nothing = (): void => undefined;
const log = { info: nothing, warn: nothing, debug: nothing };
const shell = 'FROM scratch\nCOPY --chmod=755 busybox /bin/sh\n';

const folders: string[] = [];

interface Built {
  readonly result: SolveResult;
  readonly updates: readonly StatusUpdate[];
}

async function build(
  dial: Dial,
  files: Readonly<Record<string, string>>,
  options: Partial<SolveOptions> = {},
): Promise<Built> {
  const root = mkdtempSync(join(tmpdir(), 'docker-build-client-test-'));
  folders.push(root);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text);
  if (files['Dockerfile']?.startsWith(shell) === true) copyFileSync('/bin/busybox', join(root, 'busybox'));
  const updates: StatusUpdate[] = [];
  const result = await solve({
    dial,
    log,
    signal,
    frontend: 'dockerfile.v0',
    frontendAttrs: { filename: 'Dockerfile', 'image-resolve-mode': 'local' },
    exporters: [],
    cacheImports: [],
    cacheExports: [],
    entitlements: [],
    sharedKey: 'buildkit-client-test',
    capabilities: [
      fileSyncCapability({
        directories: new Map(['context', 'dockerfile'].map((name) => [name, { root }])),
        log,
      }),
      secretsCapability(new Map([['token', Buffer.from('sesame')]])),
    ],
    dockerfile: { filename: 'Dockerfile', text: files['Dockerfile'] ?? '' },
    onStatus: (update) => updates.push(update),
    ...options,
  });
  return { result, updates };
}

async function failureOf(build: Promise<unknown>): Promise<SolveError> {
  try {
    await build;
  } catch (error) {
    if (error instanceof SolveError) return error;
    throw error;
  }
  throw new Error('the build succeeded');
}

function outputOf(updates: readonly StatusUpdate[]): string {
  return Buffer.concat(updates.flatMap(({ logs }) => logs.map(({ data }) => data))).toString('utf8');
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

describe.each(engineKinds)('the BuildKit client and %s', (kind) => {
  const engine = sharedEngine(kind);
  const options = { host: engine.host, tlsVerify: false, waitSeconds: 0, socketCandidates: [], log };
  const dial: Dial = async (...args) => (await connectEngine(options, signal)).dial(...args);

  it('agree on the image store', async () => {
    const client = await ControlClient.connect(dial, signal);
    const workers = await client.listWorkers(signal);
    client.close();
    expect(detectImageStore(workers)).toBe(engine.store);
    expect(workers[0]?.platforms).toContain('linux/amd64');
  });

  it('build with a context and a secret, and everything is cached the next time', async () => {
    const Dockerfile = `${shell}COPY note /\nRUN --mount=type=secret,id=token sh -c 'read t < /run/secrets/token; read n < /note; echo "$n $t"'\n`;
    const files = { Dockerfile, note: `note of ${String(Math.random())}` };
    expect(outputOf((await build(dial, files)).updates)).toContain(`${files.note} sesame`);
    const { updates } = await build(dial, files);
    const steps = updates
      .flatMap(({ vertexes }) => vertexes)
      .filter(({ name, completedMs }) => completedMs && /\d\/\d\]/.test(name));
    expect(steps.length).toBeGreaterThanOrEqual(3);
    expect(steps.filter(({ cached }) => !cached)).toEqual([]);
  });

  it('name the line, the exit code and the step of a RUN that fails', async () => {
    const Dockerfile = `${shell}RUN echo before; \\\n  exit 3\n`;
    const error = await failureOf(build(dial, { Dockerfile }));
    expect(error).toMatchObject({
      kind: 'build-failed',
      runExitCode: 3,
      vertexDigest: expect.stringMatching(/^sha256:/),
      source: { filename: 'Dockerfile', startLine: 3, endLine: 4 },
      details: [expect.stringContaining('3 | RUN echo before; \\'), expect.stringContaining('4 |   exit 3')],
    });
  });

  it('tell why a build with a Dockerfile of 100 kB failed', async () => {
    const comments = Array.from(
      { length: 2_000 },
      (_, i) => `# ${String(i)} ${String(Math.random())} ${'-'.repeat(25)}\n`,
    );
    const Dockerfile = `${comments.join('')}FROM scratch\nCOPY absent /\n`;
    expect(Dockerfile.length).toBeGreaterThan(90_000);
    const error = await failureOf(build(dial, { Dockerfile }));
    expect(error).toMatchObject({ kind: 'build-failed', exitCode: 1, message: expect.stringContaining('"/absent"') });
  });

  it('manage an ignore file of 2,000 patterns', async () => {
    const patterns = Array.from({ length: 2_000 }, (_, i) => `generated/folder-${String(i)}/**/*.some-extension`);
    const files = {
      Dockerfile: `${shell}COPY . /all/\nRUN for f in /all/*; do echo "has $f"; done # ${String(Math.random())}\n`,
      '.dockerignore': [...patterns, '*.txt', '!keep.txt'].join('\n'),
      'keep.txt': 'x',
      'drop.txt': 'x',
    };
    const output = outputOf((await build(dial, files)).updates);
    expect(output).toContain('has /all/keep.txt');
    expect(output).not.toContain('drop.txt');
  });

  it('stop a running step at an abort', async () => {
    const abort = new AbortController();
    const seconds = String(100_000 + Math.floor(Math.random() * 800_000));
    const Dockerfile = `${shell}RUN echo started; sleep ${seconds}\n`;
    const stopped = build(
      dial,
      { Dockerfile },
      {
        signal: abort.signal,
        onStatus: (update) => {
          if (outputOf([update]).includes('started')) abort.abort(new Error('enough'));
        },
      },
    );
    await expect(stopped).rejects.toThrow('enough');
    expect(await untilRunning(seconds, false, 3_000)).toBe(true);
  });

  it('leave no record in the build history', async () => {
    const { result } = await build(dial, { Dockerfile: 'FROM scratch\nCOPY a /\n', a: String(Math.random()) });
    const refs = new Set<string>();
    const connection = await GrpcConnection.connect(dial, signal);
    const { method } = Control;
    const everything = create(method.listenBuildHistory.input, { EarlyExit: true });
    const listing = connection.call(
      `/${Control.typeName}/${method.listenBuildHistory.name}`,
      toBinary(method.listenBuildHistory.input, everything),
      (message) => refs.add(fromBinary(method.listenBuildHistory.output, message).record?.Ref ?? ''),
      signal,
    );
    const refusedWith = await listing.then(
      () => 0,
      (error: unknown) => (error instanceof CallError ? error.grpcCode : error),
    );
    connection.close();
    // 20.10 keeps no history, and says so (UNIMPLEMENTED).
    expect(refusedWith).toBe(kind === 'docker-20.10' ? 12 : 0);
    expect(refs).not.toContain(result.ref);
  });
});
