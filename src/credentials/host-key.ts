// One spelling for each registry host, so that logins are found whatever their owner typed. Docker Hub has three names and
// is written with a scheme and a path in config.json.

const hubNames: ReadonlySet<string> = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

/** `host[:port]` in lower case; `docker.io` for Docker Hub. Scheme and path are cut off. */
export function hostKey(text: string): string {
  const host = (text.replace(/^[a-z]+:\/\//i, '').split('/', 1)[0] ?? '').toLowerCase();
  return hubNames.has(host) ? 'docker.io' : host;
}

/** A line end that a secret brought along from its file: a classic reason for "wrong password". */
export function withoutLineEnd(secret: string): string {
  return secret.replace(/\r?\n$/, '');
}
