// Where the build's files are: the context, the Dockerfile and the named contexts, found and checked before anything is
// connected. What the daemon fetches by itself is only put into the one spelling that it knows.
import { basename, dirname, join, relative } from 'node:path';
import { isInnerPath, type ContextAddress } from './context-kinds.ts';
import { addProblem, type Findings } from './findings.ts';
import { quote } from './reading.ts';
import type { BuildSource, NamedContext, Settings } from './settings.ts';
import type { Values } from './table.ts';
import { isBelow, shownSize, type Found, type WorkspaceFiles } from './workspace-files.ts';

/** BuildKit sends a Dockerfile in messages that are not much larger, and nobody writes one by hand. */
const maxDockerfileBytes = 1024 * 1024;

/** What finding the build's files needs. */
export interface SourceInputs {
  readonly values: Values;
  readonly files: WorkspaceFiles;
  readonly findings: Findings;
  /** Facts for the log. */
  readonly notes: string[];
}

/** Finds context and Dockerfile. Problems go to the findings; the result is then not used. */
export function readSource(inputs: SourceInputs): BuildSource {
  const { values, files } = inputs;
  const context = values.context ?? { kind: 'folder', path: '.' };
  if (context.kind !== 'folder') return remoteSource(context, inputs);
  const contextDirectory = findContext(context.path, inputs);
  const dockerfile = findDockerfile(inputs);
  return {
    kind: 'local',
    contextDirectory,
    contextName: isBelow(files.workspace, contextDirectory)
      ? relative(files.workspace, contextDirectory) || '.'
      : contextDirectory,
    dockerfileDirectory: dirname(dockerfile.path),
    dockerfileName: basename(dockerfile.path),
    dockerfileDisplay: dockerfile.display,
  };
}

/** The daemon fetches it: nothing of the workspace is used, and the Dockerfile is inside. */
function remoteSource(context: RemoteAddress, { values, findings }: SourceInputs): BuildSource {
  const { dockerfile = 'Dockerfile', context_sub_path: subPath = '' } = values;
  if (dockerfile === '' || !isInnerPath(dockerfile)) {
    addProblem(findings, 'dockerfile', {
      wrong: `${quote(dockerfile)} is no path inside of the remote context`,
      right: 'must be relative to context, which is an address',
    });
  }
  if (subPath !== '' && !isInnerPath(subPath)) addLeadsOut(subPath, findings);
  const subdirectory = join(context.kind === 'git' ? (context.subdirectory ?? '') : '', subPath).replace(/\/$/, '');
  const isWhole = subdirectory === '' || subdirectory === '.';
  return {
    kind: 'remote',
    address: context.kind === 'git' ? gitAddress({ ...context, subdirectory: '' }) : context.address,
    ...(isWhole ? {} : { subdirectory }),
    isGit: context.kind === 'git',
    // The frontend looks for it in the whole of what was fetched.
    dockerfileName: join(subdirectory, dockerfile),
    dockerfileDisplay: dockerfile,
  };
}

type RemoteAddress = Exclude<ContextAddress, { readonly kind: 'folder' }>;
type GitAddress = Extract<ContextAddress, { readonly kind: 'git' }>;

/** As BuildKit reads it: `address#ref:folder`. */
function gitAddress({ address, ref = '', subdirectory = '' }: GitAddress): string {
  const fragment = `${ref}${subdirectory === '' ? '' : `:${subdirectory}`}`;
  return fragment === '' ? address : `${address}#${fragment}`;
}

/** Finds the named contexts: folders of the workspace, images and addresses, by the name that a Dockerfile uses. */
export function readNamedContexts({ values, files, findings }: SourceInputs): ReadonlyMap<string, NamedContext> {
  const rules = { followOutsideLinks: values.follow_outside_links };
  const contexts = new Map<string, NamedContext>();
  for (const [name, address] of values.named_context ?? []) {
    if (address.kind === 'image') {
      contexts.set(name, { kind: 'address', address: `docker-image://${address.reference}`, isGit: false });
    } else if (address.kind === 'folder') {
      const directory = checkContext('named_context', address.path, files.find(address.path, rules), findings);
      if (directory !== undefined) contexts.set(name, { kind: 'folder', directory });
    } else {
      const isGit = address.kind === 'git';
      contexts.set(name, { kind: 'address', address: isGit ? gitAddress(address) : address.address, isGit });
    }
  }
  return contexts;
}

/** Of a step that builds nothing. */
export function noSource({ workspace }: WorkspaceFiles): Pick<Settings, 'source' | 'namedContexts'> {
  return {
    source: {
      kind: 'local',
      contextDirectory: workspace,
      contextName: '.',
      dockerfileDirectory: workspace,
      dockerfileName: 'Dockerfile',
      dockerfileDisplay: 'Dockerfile',
    },
    namedContexts: new Map(),
  };
}

const contextRule = 'must be a folder of the workspace';

function findContext(context: string, { values, files, findings }: SourceInputs): string {
  const rules = { followOutsideLinks: values.follow_outside_links };
  const subPath = values.context_sub_path;
  const top = checkContext('context', context, files.find(context, rules), findings);
  if (subPath === undefined || top === undefined) return top ?? files.workspace;
  if (!isBelow('/context', join('/context', subPath))) {
    addLeadsOut(subPath, findings);
    return files.workspace;
  }
  const path = join(top, subPath);
  return checkContext('context_sub_path', subPath, files.find(path, rules), findings) ?? files.workspace;
}

function addLeadsOut(subPath: string, findings: Findings): void {
  addProblem(findings, 'context_sub_path', {
    wrong: `${quote(subPath)} leads out of the context`,
    right: 'must be a folder inside of context',
  });
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

function findDockerfile({ values, files, findings, notes }: SourceInputs): Dockerfile {
  const rules = { followOutsideLinks: values.follow_outside_links };
  const written = values.dockerfile ?? 'Dockerfile';
  const found = files.find(written, rules);
  const other = join(dirname(written), 'Containerfile');
  if (found.kind === 'missing' && files.find(other, rules).kind === 'file') {
    notes.push(`${written} does not exist; ${other} is used`);
    return checkDockerfile(other, files.find(other, rules), files, findings);
  }
  return checkDockerfile(written, found, files, findings);
}

function checkDockerfile(written: string, found: Found, files: WorkspaceFiles, findings: Findings): Dockerfile {
  const wrong = dockerfileProblem(written, found) ?? encodingProblem(written, found, files);
  if (wrong !== undefined) {
    addProblem(findings, 'dockerfile', { wrong, right: 'must be a Dockerfile, relative to the workspace' });
  }
  return { path: found.kind === 'file' ? found.path : join('/', written), display: written };
}

/** A daemon that is given UTF-16 cannot even say what is wrong: its answer has to be UTF-8. */
function encodingProblem(written: string, found: Found, files: WorkspaceFiles): string | undefined {
  if (found.kind !== 'file') return undefined;
  const text = files.readSmallFile(found.path, { followOutsideLinks: true, maxBytes: maxDockerfileBytes });
  return text.ok && text.bytes.includes(0) ? `${quote(written)} is no text in UTF-8: it holds NUL bytes` : undefined;
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
