// Documents go stale silently. What in them can be checked against the tree is checked here: links, paths, settings, exit codes
// and commands.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { table } from '../../src/settings/table.ts';

const root = join(import.meta.dirname, '..', '..');
const docs = readdirSync(join(root, 'docs')).map((name) => `docs/${name}`);
const documents = ['README.md', 'SECURITY.md', 'DEPENDENCIES.md', ...docs];

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** First capture of each match. */
function all(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] ?? '');
}

function anchorsIn(text: string): readonly string[] {
  return all(text, /^#+ (.+)$/gm).map((title) =>
    title
      .toLowerCase()
      .replace(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-'),
  );
}

/** The text from a heading to the next one. */
function section(path: string, title: string): string {
  const text = read(path).split(`\n## ${title}\n`)[1]?.split('\n## ')[0];
  if (text === undefined) throw new Error(`${path} has no section ${title}`);
  return text;
}

describe.each(documents)('%s', (document) => {
  it('links to what exists', () => {
    const links = all(read(document), /\]\(([^)\s]+)\)/g).filter((link) => !/^[a-z]+:/.test(link));
    const broken = links.filter((link) => {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? document : join(dirname(document), path);
      if (!existsSync(join(root, target))) return true;
      return anchor !== undefined && !anchorsIn(read(target)).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it('names files that exist', () => {
    const paths = all(read(document), /`((?:src|test|docs|scripts|examples)\/[\w./-]*)`/g);
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

it('the architecture names every folder of the source', () => {
  const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const text = read('docs/architecture.md');
  expect(folders.map(({ name }) => name).filter((name) => !text.includes(`\`src/${name}/\``))).toEqual([]);
});

it('the README shows settings that work', () => {
  const names = all(section('README.md', 'Settings'), /^\| (.+?) \|/gm).flatMap((cell) => all(cell, /`([a-z_*]+)`/g));
  expect(names.length).toBeGreaterThan(20);
  const working = [...table].filter(([, row]) => row.status === 'works').map(([name]) => name);
  const unknown = names.filter((name) => {
    const start = name.replace('*', '');
    return !working.some((candidate) => (start === name ? candidate === name : candidate.startsWith(start)));
  });
  expect(unknown).toEqual([]);
});

it.each(['README.md', 'docs/reliability.md'])('%s lists every exit code', (document) => {
  const listed = all(section(document, 'Exit codes'), /^\| ([\d, ]+) \|/gm).flatMap((cell) => cell.split(', '));
  const union = /type ExitCode = ([^;]+);/.exec(read('src/base/plugin-error.ts'))?.[1] ?? '';
  expect(listed).toEqual(['0', ...union.split(' | ')]);
});

it('the README names commands that exist', () => {
  const text = read('README.md');
  const targets = all(read('Makefile'), /^([a-z]+):/gm);
  expect(all(text, /\bmake ([a-z]+)/g).filter((name) => !targets.includes(name))).toEqual([]);
  const scripts = JSON.stringify(JSON.parse(read('package.json')));
  expect(all(text, /\bnpm run ([a-z:]+)/g).filter((name) => !scripts.includes(`"${name}":`))).toEqual([]);
});
