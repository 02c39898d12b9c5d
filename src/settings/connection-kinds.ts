// The readers of settings that say how something is reached: the daemon's address and API version, proxies, certificates.
import { X509Certificate } from 'node:crypto';
import { bad, good, show, type Kind, type Reading } from './reading.ts';

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

/** Certificates as PEM text, or the files that hold them. */
export type CertificateSource =
  { readonly kind: 'pem'; readonly pem: string } | { readonly kind: 'files'; readonly paths: readonly string[] };

/** PEM text, or paths split at commas; `host=path` as kaniko writes it counts for all hosts. */
export const certificates: Kind<CertificateSource> = {
  name: 'PEM or paths',
  repeatable: true,
  read(text) {
    if (text.includes('-----BEGIN')) {
      const pem = text.includes('\n') ? text : text.replaceAll('\\n', '\n');
      const reading = checkCertificates(pem);
      return reading.ok ? good({ kind: 'pem', pem: reading.value }) : reading;
    }
    const paths = text
      .split(/[\n,]/)
      .map((part) => part.trim().replace(/^[^/=]+=/, ''))
      .filter((part) => part !== '');
    return paths.length > 0
      ? good({ kind: 'files', paths })
      : bad('it names nothing', 'must be PEM text or paths of PEM files');
  },
};

const certificateRule = 'must hold certificates in PEM form';

/** PEM text that holds certificates and nothing that should not be handed around. */
export function checkCertificates(pem: string): Reading<string> {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) return bad('it holds a private key', certificateRule);
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) return bad('it holds no certificate', certificateRule);
  const broken = blocks.findIndex((block) => !isCertificate(block));
  return broken < 0
    ? good(`${blocks.join('\n')}\n`)
    : bad(`certificate ${broken + 1} in it is damaged`, certificateRule);
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}

/** Text of a docker config.json, or the path of one; which of them it is shows when it is opened. */
export const configText: Kind<string> = {
  name: 'JSON or path',
  read: (text) => good(text.trim()),
};
