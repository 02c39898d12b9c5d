// The law of the source tree: which folder may import which, how long a file may be, and where process and
// child processes may be touched. docs/architecture.md explains it; this test enforces it.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

interface Floor {
  /** Folders that may be imported, beside the own one. */
  readonly imports: readonly string[];
  /** Folders from which only types may be imported. */
  readonly typesOf?: readonly string[];
}

const clients = ['engine', 'buildkit', 'registry', 'credentials'];
const steps = ['settings', 'plan', 'build', 'output', 'publish', 'signing', 'report'];

/** The arrows. A folder that is not listed here may not exist. */
const law: Readonly<Record<string, Floor>> = {
  'main.ts': { imports: ['run.ts', 'base', 'report'] },
  'run.ts': { imports: ['run', ...steps, ...clients, 'base'] },
  // The chapters of run.ts: each puts a few steps and clients together.
  run: { imports: [...steps, ...clients, 'base'] },
  settings: { imports: ['base'] },
  // The plan is a function of the settings: it sees their shape, never their code.
  plan: { imports: ['base'], typesOf: ['settings'] },
  build: { imports: [...clients, 'base'] },
  output: { imports: [...clients, 'base'] },
  publish: { imports: [...clients, 'base'] },
  signing: { imports: [...clients, 'base'] },
  report: { imports: [...clients, 'base'] },
  // An engine hands out a Dial, whose shape is BuildKit's.
  engine: { imports: ['base'], typesOf: ['buildkit'] },
  buildkit: { imports: ['base'] },
  registry: { imports: ['base'] },
  credentials: { imports: ['base'] },
  base: { imports: [] },
};

const maxLines = 300;
const maxLinesOf: Readonly<Record<string, number>> = { 'main.ts': 60, 'run.ts': 120 };

interface SourceFile {
  readonly path: string;
  readonly folder: string;
  readonly text: string;
}

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function readSources(root: string): readonly SourceFile[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.includes('/gen/'))
    .map((path) => ({ path, folder: path.split('/')[0] ?? path, text: readFileSync(join(root, path), 'utf8') }));
}

/** Every relative import, export-from and dynamic import of a file, as paths below src. */
function importsOf(file: SourceFile): readonly Import[] {
  const pattern =
    /(?:^|\n)\s*(?:import|export)\s+(type\s)?[^'";]*?from\s+'(\.[^']+)'|(?:^|\n)\s*import\s+'(\.[^']+)'|import\('(\.[^']+)'\)/g;
  return [...file.text.matchAll(pattern)].map((match) => ({
    from: file.path,
    to: normalize(join(dirname(file.path), match[2] ?? match[3] ?? match[4] ?? '')),
    typeOnly: match[1] !== undefined,
  }));
}

function violationsOf(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap((file) => {
    const floor = law[file.folder];
    if (floor === undefined) return [`${file.path} is in a folder that the architecture does not know`];
    return importsOf(file)
      .filter(({ to, typeOnly }) => {
        const target = to.split('/')[0] ?? to;
        if (target === file.folder || floor.imports.includes(target)) return false;
        return !(typeOnly && floor.typesOf?.includes(target));
      })
      .map(({ to }) => `${file.path} imports ${to}`);
  });
}

const sourceRoot = join(import.meta.dirname, '..', 'src');
const sources = readSources(sourceRoot);

describe('the source tree', () => {
  it('is found whole by this test', () => {
    expect(sources.length).toBeGreaterThan(40);
    expect(sources.flatMap(importsOf).length).toBeGreaterThan(80);
  });

  it('has imports that go down only', () => {
    expect(violationsOf(sources)).toEqual([]);
  });

  it('keeps every source file within its length', () => {
    const tooLong = sources
      .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
      .filter(({ path, lines }) => lines > (maxLinesOf[path] ?? maxLines));
    expect(tooLong).toEqual([]);
  });

  it('touches process in main.ts only', () => {
    const touching = sources
      .filter(({ path, text }) => path !== 'main.ts' && /(?<![.\w'"`-])process\.[a-zA-Z]/.test(text))
      .map(({ path }) => path);
    expect(touching).toEqual([]);
  });

  it('starts no child process', () => {
    expect(sources.filter(({ text }) => /['"](node:)?child_process['"]/.test(text)).map(({ path }) => path)).toEqual(
      [],
    );
  });

  it('has no barrels and no folders or files with names that say nothing', () => {
    const vague = /(^|\/)(index|utils?|helpers?|common|misc|manager|service)(\.ts|\/)/;
    expect(sources.filter(({ path }) => vague.test(path)).map(({ path }) => path)).toEqual([]);
  });

  it('opens each file with a comment that says why it exists', () => {
    expect(
      sources.filter(({ text }) => !text.startsWith('//') && !text.startsWith('/*')).map(({ path }) => path),
    ).toEqual([]);
  });
});

describe('the law itself', () => {
  const file = (path: string, text: string): SourceFile => ({ path, folder: path.split('/')[0] ?? path, text });

  it.each([
    ['a client that imports a step', file('engine/connect.ts', "import { x } from '../plan/plan.ts';")],
    ['a step that imports its neighbour', file('build/a.ts', "import { x } from '../publish/b.ts';")],
    ['base that imports a client', file('base/a.ts', "export { x } from '../registry/b.ts';")],
    ['a client that imports its neighbour', file('registry/a.ts', "import {\n  x,\n} from '../credentials/b.ts';")],
    ['plan that imports more than types of settings', file('plan/a.ts', "import { x } from '../settings/b.ts';")],
    ['a lazy import that goes up', file('base/a.ts', "const x = await import('../run.ts');")],
    ['a step that imports the story', file('report/a.ts', "import { run } from '../run.ts';")],
    ['a file in an unknown folder', file('stuff/a.ts', '')],
  ])('refuses %s', (_, source) => {
    expect(violationsOf([source])).toHaveLength(1);
  });

  it('allows a type of settings in plan', () => {
    expect(violationsOf([file('plan/a.ts', "import type { S } from '../settings/b.ts';")])).toEqual([]);
  });

  it('lists no folder that does not exist', () => {
    const present = new Set(readdirSync(sourceRoot).map((name) => relative('.', name)));
    expect(Object.keys(law).filter((name) => !present.has(name))).toEqual([]);
  });
});
