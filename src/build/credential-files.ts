// Files with logins that a careless `COPY . .` takes into an image: what git, npm, curl and docker leave in a workspace. They
// are noticed while the context is being listed for the daemon, after the ignore file, so that no folder is read twice.
import type { Log } from '../base/log.ts';
import { PluginError } from '../base/plugin-error.ts';
import type { WatchEntry } from '../buildkit/session/filesync.ts';

/** Larger files of these names are something else. */
const maxFileBytes = 1024 * 1024;

interface CredentialFile {
  /** The end of its path. */
  readonly path: string;
  /** What in it is a login. */
  readonly login: RegExp;
  readonly what: string;
}

const credentialFiles: readonly CredentialFile[] = [
  {
    path: '.git/config',
    login: /https?:\/\/[^/\s"]+@|extraheader\s*=\s*authorization/i,
    what: 'the login of a remote',
  },
  { path: '.netrc', login: /\bpassword\s+\S/, what: 'a password' },
  // `${NPM_TOKEN}` names a variable and is no secret.
  { path: '.npmrc', login: /(?:_authToken|_auth|_password)\s*=\s*(?!\s*"?\$\{)\S/i, what: 'a token' },
  {
    path: '.docker/config.json',
    login: /"(?:auth|password|identitytoken|registrytoken)"\s*:\s*"[^"]/i,
    what: 'a login',
  },
];

/**
 * Watches for such files in the folders that are sent.
 * @returns what to call for each file; it warns once of each, or, when `strict`, throws PluginError (exit 2) before any of it is sent
 */
export function watchForCredentials(strict: boolean, log: Log): WatchEntry {
  const seen = new Set<string>();
  return (folder, path, sizeBytes, read) => {
    const known = credentialFiles.find((file) => path === file.path || path.endsWith(`/${file.path}`));
    if (known === undefined || sizeBytes > maxFileBytes || !known.login.test(read().toString('utf8'))) return;
    const message = `the folder "${folder}" holds ${path} with ${known.what}, which COPY may take into the image`;
    if (strict) {
      throw new PluginError({
        code: 'credentials-in-context',
        exitCode: 2,
        message: `settings.strict_context: ${message}`,
        hint: `list ${path} in .dockerignore`,
      });
    }
    if (seen.has(message)) return;
    seen.add(message);
    log.warn(`${message}; list it in .dockerignore`);
  };
}
