// A server of git repositories over smart HTTP (git's own http-backend behind a node server) and of plain files, for
// builds whose context is an address. It can ask for a token, as forges do for private repositories.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addFiles, type WorkspaceFile } from './workspace.ts';

type Files = Readonly<Record<string, WorkspaceFile>>;

export interface GitServer {
  /** `http://127.0.0.1:port`; repositories are below as `<name>.git`. */
  readonly url: string;
  /** Makes a repository with a commit for each branch, in order, and returns its address. */
  addRepository(name: string, branches: Readonly<Record<string, Files>>): string;
  /** Serves bytes and returns their address. */
  addFile(name: string, bytes: Buffer | string): string;
  /** Paths that were asked for, with what Authorization said. */
  readonly requests: readonly { readonly path: string; readonly authorization: string | undefined }[];
  stop(): Promise<void>;
}

/** A tar archive of these files. */
export function tarOf(files: Files): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'docker-build-test-'));
  try {
    addFiles(folder, files);
    return execFileSync('tar', ['-czf', '-', '-C', folder, '.']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Makes a git repository of a folder: all that is in it is one commit. */
export function commitAll(folder: string, date = '2024-02-03T04:05:06Z'): void {
  git(folder, ['add', '--all'], date);
  git(folder, ['commit', '--quiet', '--allow-empty', '--message', 'test'], date);
}

/** Runs git without anything of the machine's configuration. */
export function git(folder: string, args: readonly string[], date = '2024-02-03T04:05:06Z'): string {
  const identity = { name: 'tester', email: 'tester@example.com' };
  return execFileSync('git', ['-C', folder, ...args], {
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_NAME: identity.name,
      GIT_AUTHOR_EMAIL: identity.email,
      GIT_COMMITTER_NAME: identity.name,
      GIT_COMMITTER_EMAIL: identity.email,
      GIT_AUTHOR_DATE: date,
      GIT_COMMITTER_DATE: date,
    },
  });
}

/** @param options.authorization what requests for repositories must say, else they get 401 */
export async function startGitServer(options: { readonly authorization?: string } = {}): Promise<GitServer> {
  const root = mkdtempSync(join(tmpdir(), 'docker-build-test-git-'));
  const files = new Map<string, Buffer>();
  const requests: { path: string; authorization: string | undefined }[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    const { authorization } = request.headers;
    requests.push({ path, authorization });
    const file = files.get(path);
    if (file !== undefined) {
      response.end(file);
    } else if (options.authorization !== undefined && authorization !== options.authorization) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    } else {
      serveRepository(root, request, response);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port on loopback');
  const url = `http://127.0.0.1:${address.port}`;
  return {
    url,
    requests,
    addRepository: (name, branches) => {
      addRepository(root, name, branches);
      return `${url}/${name}.git`;
    },
    addFile: (name, bytes) => {
      files.set(`/${name}`, Buffer.from(bytes));
      return `${url}/${name}`;
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function addRepository(root: string, name: string, branches: Readonly<Record<string, Files>>): void {
  const work = join(root, 'work', name);
  mkdirSync(work, { recursive: true });
  git(work, ['init', '--quiet', '--initial-branch=nothing']);
  for (const [branch, content] of Object.entries(branches)) {
    git(work, ['checkout', '--quiet', '--orphan', branch]);
    execFileSync('find', [
      work,
      '-mindepth',
      '1',
      '-maxdepth',
      '1',
      '!',
      '-name',
      '.git',
      '-exec',
      'rm',
      '-rf',
      '{}',
      '+',
    ]);
    addFiles(work, content);
    commitAll(work);
  }
  git(work, ['checkout', '--quiet', Object.keys(branches)[0] ?? '']);
  git(root, ['clone', '--quiet', '--bare', work, join(root, `${name}.git`)]);
  git(join(root, `${name}.git`), ['config', 'uploadpack.allowReachableSHA1InWant', 'true']);
}

/** CGI: headers, an empty line, the body. */
function serveRepository(root: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const backend = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'] ?? '',
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      REQUEST_METHOD: request.method ?? 'GET',
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REMOTE_ADDR: '127.0.0.1',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  request.pipe(backend.stdin);
  const chunks: Buffer[] = [];
  backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  backend.on('close', () => {
    const answer = Buffer.concat(chunks);
    const end = answer.indexOf('\r\n\r\n');
    const headers = answer.subarray(0, end).toString('latin1').split('\r\n');
    const status = headers.find((header) => header.startsWith('Status: '))?.slice('Status: '.length);
    response.statusCode = status === undefined ? 200 : Number.parseInt(status, 10);
    for (const header of headers) {
      const [name = '', value = ''] = header.split(/: (.*)/s);
      if (name !== '' && name !== 'Status') response.setHeader(name, value);
    }
    response.end(answer.subarray(end + 4));
  });
}
