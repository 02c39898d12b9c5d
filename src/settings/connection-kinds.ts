// The readers of settings that say how something is reached: the daemon's address and API version, proxies, certificates.
import { bad, good, show, type Kind } from './reading.ts';

const daemonRule = 'must be unix:///path, tcp://host:port, http://host:port or https://host:port';

/** Address of a Docker daemon. */
export const daemonAddress: Kind<string> = {
  name: 'address',
  read(text, context) {
    const address = text.trim();
    const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1]?.toLowerCase();
    if (scheme === 'ssh')
      return bad('ssh:// is not supported', `${daemonRule}; give the step the daemon's socket, or tcp:// with TLS`);
    if (scheme === undefined || !['unix', 'tcp', 'http', 'https'].includes(scheme)) {
      return bad(`${show(address, context)} is not an address of a daemon`, daemonRule);
    }
    if (scheme === 'unix') {
      return /^unix:\/\/\/./i.test(address)
        ? good(address)
        : bad(`${show(address, context)} names no absolute path`, daemonRule);
    }
    const asHttp = address.replace(/^tcp:/i, 'http:');
    const url = URL.canParse(asHttp) ? new URL(asHttp) : undefined;
    if (url === undefined || url.hostname === '') return bad(`${show(address, context)} has no host`, daemonRule);
    if (url.username !== '' || url.password !== '') return bad('it holds a login', 'must be the address alone');
    return good(address);
  },
};

/** Version of the Engine API. */
export const apiVersion: Kind<string> = {
  name: 'version',
  read(text, context) {
    const version = text.trim().replace(/^v/, '');
    return /^\d+\.\d+$/.test(version)
      ? good(version)
      : bad(`${show(text.trim(), context)} is not an API version`, 'must be written 1.41');
  },
};

/** A proxy, or a list of hosts without proxy. A login inside is a secret. */
export const proxyAddress: Kind<string> = {
  name: 'text',
  read(text, context) {
    const value = text.trim();
    const login = /:\/\/([^/\s]*)@/.exec(value)?.[1];
    if (login !== undefined) {
      context.redact(login);
      const password = login.slice(login.indexOf(':') + 1);
      if (login.includes(':') && password !== '') context.redact(decoded(password));
    }
    return good(value);
  },
};

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Text of a docker config.json, or the path of one; which of them it is shows when it is opened. */
export const configText: Kind<string> = {
  name: 'JSON or path',
  read: (text) => good(text.trim()),
};
