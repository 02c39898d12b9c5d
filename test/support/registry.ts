// Debian's docker-registry (distribution 2.8) as the truth for tests, with a recording proxy in front of it:
//
//   const registry = await startRegistry({ auth: 'token' });
//   registry.host            // "127.0.0.1:43210", for image names; plain http unless tls is asked for
//   registry.take()          // every request since the last call; requests() looks without taking
//   registry.takeTokenRequests()
//   await registry.stop();   // ends the process and removes its folder
//
// Logins are in `registryUsers`, unless `users` says otherwise. The process dies with the test process, and its folder is
// swept by the next start.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeEngineCertificates } from './engine-certificates.ts';
import { freePort, isListening, type RecordedRequest, startRecordingProxy } from './recording-proxy.ts';
import { type Rights, startTokenServer, type TokenRequest, type TokenServer, type TokenUser } from './token-server.ts';

/** The logins of the htpasswd and token registries. The reader may not push where tokens say who may do what. */
export const registryUsers = {
  builder: { password: 'builder-password', rights: { '*': ['pull', 'push'] } },
  reader: { password: 'reader-password', rights: { '*': ['pull'] } },
} as const satisfies Readonly<Record<string, TokenUser>>;

export interface RegistryOptions {
  /** `open` by default. */
  readonly auth?: 'open' | 'htpasswd' | 'token';
  /** `registryUsers` by default. A password alone stands for all rights; htpasswd knows no rights. */
  readonly users?: Readonly<Record<string, string | TokenUser>>;
  /** For `token`: what somebody without a login may do; nothing by default. */
  readonly anonymous?: Rights;
  readonly tokenLifeSeconds?: number;
  /** For `token`: how POST is answered; `oauth` makes identity tokens work. */
  readonly tokenPost?: 'oauth' | 400 | 401 | 404 | 405;
  /** TLS with a certificate of an own authority, for 127.0.0.1 and localhost; `mutual`: clients have to show one too. */
  readonly tls?: boolean | 'mutual';
  /** For `token`: the token server is said to be at this host, in plain http. */
  readonly realmHost?: string;
  /** 405 for every write. */
  readonly readOnly?: boolean;
  /** DELETE works. */
  readonly allowDelete?: boolean;
  readonly relativeUrls?: boolean;
}

export interface TestRegistry {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** PEM of the authority, with `tls`. */
  readonly caCertificate?: string;
  /** A client certificate of that authority, in PEM form. */
  readonly clientPair?: { readonly cert: string; readonly key: string };
  /** With `auth: 'token'`. */
  readonly tokens?: TokenServer;
  /** Where the registry keeps its data. */
  readonly storage: string;
  requests(): readonly RecordedRequest[];
  forget(): void;
  /** `requests`, then `forget`. */
  take(): readonly RecordedRequest[];
  /** The same for the token server; empty unless `auth` is `token`. */
  takeTokenRequests(): readonly TokenRequest[];
  stop(): Promise<void>;
}

const program = '/usr/bin/docker-registry';
const folderPrefix = 'docker-build-registry-';
const startLimitMs = 20_000;
const stopLimitMs = 5_000;

/** Starts a registry of its own for the caller, who has to stop it. */
export async function startRegistry(options: RegistryOptions = {}): Promise<TestRegistry> {
  if (!existsSync(program)) throw new Error(`no ${program}: install Debian's docker-registry`);
  sweep();
  const folder = mkdtempSync(join(tmpdir(), folderPrefix));
  writeFileSync(join(folder, 'owner'), String(process.pid));
  const closers: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    return await startIn(folder, options, closers, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startIn(
  folder: string,
  options: RegistryOptions,
  closers: (() => unknown)[],
  stop: () => Promise<void>,
): Promise<TestRegistry> {
  const tokens = options.auth === 'token' ? await startTokens(folder, options) : undefined;
  if (tokens !== undefined) closers.push(() => tokens.stop());
  const port = await freePort();
  const child = spawnRegistry(folder, configOf(folder, port, options, tokens));
  closers.push(() => end(child));
  await untilListening(child, port, folder);
  const tls = (options.tls ?? false) === false ? undefined : certificates(folder);
  const mutual = options.tls === 'mutual' && tls !== undefined ? { clientAuthority: tls.ca } : {};
  const proxyOptions = tls === undefined ? {} : { tls: { ...tls, ...mutual } };
  const proxy = await startRecordingProxy(`127.0.0.1:${port}`, undefined, proxyOptions);
  closers.push(() => proxy.stop());
  return {
    host: proxy.host,
    url: `${tls === undefined ? 'http' : 'https'}://${proxy.host}`,
    ...(tls === undefined ? {} : { caCertificate: tls.ca, clientPair: tls.client }),
    ...(tokens === undefined ? {} : { tokens }),
    storage: join(folder, 'data'),
    requests: () => proxy.requests(),
    forget: () => proxy.forget(),
    take: () => proxy.take(),
    takeTokenRequests: () => {
      const taken = tokens?.requests() ?? [];
      tokens?.forget();
      return taken;
    },
    stop,
  };
}

async function startTokens(folder: string, options: RegistryOptions): Promise<TokenServer> {
  return startTokenServer({
    folder,
    users: usersOf(options),
    ...(options.anonymous === undefined ? {} : { anonymous: options.anonymous }),
    ...(options.tokenLifeSeconds === undefined ? {} : { lifeSeconds: options.tokenLifeSeconds }),
    ...(options.tokenPost === undefined ? {} : { post: options.tokenPost }),
  });
}

function usersOf(options: RegistryOptions): Readonly<Record<string, TokenUser>> {
  const users = Object.entries(options.users ?? registryUsers).map(([name, user]): [string, TokenUser] => [
    name,
    typeof user === 'string' ? { password: user, rights: { '*': ['pull', 'push'] } } : user,
  ]);
  return Object.fromEntries(users);
}

/** docker-registry reads bcrypt only; crypt(3), which perl hands out, knows it on every Debian. */
function htpasswdOf(users: Readonly<Record<string, TokenUser>>): string {
  const hash = (password: string): string =>
    execFileSync('perl', ['-e', 'print crypt(<STDIN>, "\\$2b\\$05\\$abcdefghijklmnopqrstuu")'], {
      input: password,
      encoding: 'utf8',
    });
  return Object.entries(users)
    .map(([name, { password }]) => `${name}:${hash(password)}\n`)
    .join('');
}

/** JSON is YAML: no library is needed to write it. Returns the path of the file. */
function configOf(folder: string, port: number, options: RegistryOptions, tokens: TokenServer | undefined): string {
  const passwordFile = join(folder, 'htpasswd');
  if (options.auth === 'htpasswd') writeFileSync(passwordFile, htpasswdOf(usersOf(options)));
  const auth =
    tokens === undefined
      ? { htpasswd: { realm: 'test', path: passwordFile } }
      : {
          token: {
            realm: options.realmHost === undefined ? tokens.realm : `http://${options.realmHost}/token`,
            service: tokens.service,
            issuer: tokens.issuer,
            rootcertbundle: tokens.certificateFile,
          },
        };
  const config = {
    version: 0.1,
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: join(folder, 'data') },
      delete: { enabled: options.allowDelete === true },
      maintenance: { uploadpurging: { enabled: false }, readonly: { enabled: options.readOnly === true } },
    },
    http: { addr: `127.0.0.1:${port}`, secret: 'test', relativeurls: options.relativeUrls === true },
    ...((options.auth ?? 'open') === 'open' ? {} : { auth }),
  };
  const path = join(folder, 'config.yml');
  writeFileSync(path, JSON.stringify(config, undefined, 2));
  return path;
}

/** In its own process group, and ended by the kernel when the test process dies. */
function spawnRegistry(folder: string, config: string): ChildProcess {
  mkdirSync(join(folder, 'data'), { recursive: true });
  const log = openSync(join(folder, 'registry.log'), 'a');
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, 'serve', config], {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', OTEL_TRACES_EXPORTER: 'none' },
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  return child;
}

async function untilListening(child: ChildProcess, port: number, folder: string): Promise<void> {
  const deadline = Date.now() + startLimitMs;
  while (!(await isListening(port))) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      throw new Error(`docker-registry did not start:\n${readFileSync(join(folder, 'registry.log'), 'utf8')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const impatience = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
  await gone;
  clearTimeout(impatience);
}

function certificates(folder: string) {
  const place = join(folder, 'certificates');
  makeEngineCertificates(place);
  const read = (name: string): string => readFileSync(join(place, name), 'utf8');
  const client = { cert: read('client/cert.pem'), key: read('client/key.pem') };
  return { key: read('server-key.pem'), cert: read('server-cert.pem'), ca: read('ca.pem'), client };
}

/** Folders of test processes that no longer exist. */
function sweep(): void {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(folderPrefix))) {
    const folder = join(tmpdir(), name);
    const owner = existsSync(join(folder, 'owner')) ? readFileSync(join(folder, 'owner'), 'utf8') : '';
    if (owner !== '' && !existsSync(`/proc/${owner}`)) rmSync(folder, { recursive: true, force: true });
  }
}
