// Where the build's files are: the context folder and the Dockerfile, found and checked before anything is connected.
import { basename, dirname, join, relative } from 'node:path';
import { addProblem, type Findings } from './findings.ts';
import { quote } from './reading.ts';
import type { BuildSource } from './settings.ts';
import type { Values } from './table.ts';
import { isBelow, shownSize, type FileRules, type Found, type WorkspaceFiles } from './workspace-files.ts';

/** BuildKit sends a Dockerfile in messages that are not much larger, and nobody writes one by hand. */
const maxDockerfileBytes = 1024 * 1024;

/** Finds context and Dockerfile. Problems go to the findings; the result is then not used. */
export function readSource(values: Values, files: WorkspaceFiles, findings: Findings, notes: string[]): BuildSource {
  const rules = { followOutsideLinks: values.follow_outside_links };
  const contextDirectory = findContext(values, files, rules, findings);
  const dockerfile = findDockerfile(values, files, rules, findings, notes);
  return {
    contextDirectory,
    contextName: isBelow(files.workspace, contextDirectory)
      ? relative(files.workspace, contextDirectory) || '.'
      : contextDirectory,
    dockerfileDirectory: dirname(dockerfile.path),
    dockerfileName: basename(dockerfile.path),
    dockerfileDisplay: dockerfile.display,
  };
}

const contextRule = 'must be a folder of the workspace';

function findContext(values: Values, files: WorkspaceFiles, rules: FileRules, findings: Findings): string {
  const { context, context_sub_path: subPath } = values;
  const wrong = remoteContextProblem(context);
  if (wrong !== undefined) {
    addProblem(findings, 'context', { wrong, right: contextRule });
    return files.workspace;
  }
  const top = checkContext('context', context, files.find(context, rules), findings);
  if (subPath === undefined || top === undefined) return top ?? files.workspace;
  if (!isBelow('/context', join('/context', subPath))) {
    addProblem(findings, 'context_sub_path', {
      wrong: `${quote(subPath)} leads out of the context`,
      right: 'must be a folder inside of context',
    });
    return files.workspace;
  }
  const path = join(top, subPath);
  return checkContext('context_sub_path', subPath, files.find(path, rules), findings) ?? files.workspace;
}

/** What is wrong with a context that is an address rather than a folder. */
function remoteContextProblem(context: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]*::/i.test(context)) return 'it names a transport helper of git';
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(context)?.[1]?.toLowerCase();
  const isRemote = scheme !== undefined || /^[\w.-]+@[\w.-]+:/.test(context);
  if (!isRemote) return undefined;
  if (scheme !== undefined && !['http', 'https', 'ssh', 'git'].includes(scheme))
    return `${quote(scheme)} is no scheme of a context`;
  if (/#-/.test(context)) return 'its git ref begins with "-"';
  return 'remote contexts are not available in this version';
}

function checkContext(setting: string, written: string, found: Found, findings: Findings): string | undefined {
  const wrong = contextProblem(written, found);
  if (wrong === undefined) return found.kind === 'directory' ? found.path : undefined;
  addProblem(findings, setting, { wrong, right: contextRule });
  return undefined;
}

function contextProblem(written: string, found: Found): string | undefined {
  switch (found.kind) {
    case 'directory':
      return found.path === '/' ? 'the whole file system is no context' : undefined;
    case 'missing':
      return `${quote(written)} does not exist`;
    case 'file':
      return `${quote(written)} is a file, not a directory`;
    case 'other':
      return `${quote(written)} is ${found.what}, not a directory`;
    case 'refused':
      return found.wrong;
  }
}

interface Dockerfile {
  /** Absolute, links resolved. */
  readonly path: string;
  readonly display: string;
}

function findDockerfile(
  values: Values,
  files: WorkspaceFiles,
  rules: FileRules,
  findings: Findings,
  notes: string[],
): Dockerfile {
  const written = values.dockerfile ?? 'Dockerfile';
  const found = files.find(written, rules);
  const other = join(dirname(written), 'Containerfile');
  if (found.kind === 'missing' && files.find(other, rules).kind === 'file') {
    notes.push(`${written} does not exist; ${other} is used`);
    return checkDockerfile(other, files.find(other, rules), findings);
  }
  return checkDockerfile(written, found, findings);
}

function checkDockerfile(written: string, found: Found, findings: Findings): Dockerfile {
  const wrong = dockerfileProblem(written, found);
  if (wrong !== undefined) {
    addProblem(findings, 'dockerfile', { wrong, right: 'must be a Dockerfile, relative to the workspace' });
  }
  return { path: found.kind === 'file' ? found.path : join('/', written), display: written };
}

function dockerfileProblem(written: string, found: Found): string | undefined {
  switch (found.kind) {
    case 'file':
      if (found.sizeBytes === 0) return `${quote(written)} is empty`;
      return found.sizeBytes > maxDockerfileBytes
        ? `${quote(written)} is longer than ${shownSize(maxDockerfileBytes)}`
        : undefined;
    case 'directory':
      return `${quote(written)} is a directory`;
    case 'other':
      return `${quote(written)} is ${found.what}`;
    case 'missing':
      return `${quote(written)} does not exist`;
    case 'refused':
      return found.wrong;
  }
}
