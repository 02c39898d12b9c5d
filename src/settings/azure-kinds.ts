// The readers of what logs in at Azure: the certificate of an application, and the address of the identity platform.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { bad, good, type Kind } from './reading.ts';

/** A certificate and its key, each as PEM. */
export interface AzureCertificate {
  readonly certificate: string;
  readonly key: string;
}

const certificateRule = 'must be PEM with a certificate and its RSA key, or base64 of it';

/** PEM with a certificate and its private key, in whatever order, or base64 of that. */
export const azureCertificate: Kind<AzureCertificate> = {
  name: 'secret',
  read(text, { redact }) {
    redact(text);
    const isPlain = text.includes('-----BEGIN');
    const pem = (isPlain ? text : Buffer.from(text, 'base64').toString('utf8')).replaceAll('\\n', '\n');
    redact(pem);
    if (!pem.includes('-----BEGIN')) {
      return bad('it is neither PEM nor base64 of PEM', `${certificateRule}; a .pfx file has to be converted`);
    }
    const keyText = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----[^]+?-----END \1PRIVATE KEY-----/.exec(pem)?.[0];
    if (keyText === undefined) return bad('it holds no private key', certificateRule);
    const key = readKey(keyText);
    if (key === undefined) return bad('its key cannot be read, or is protected by a passphrase', certificateRule);
    if (key.asymmetricKeyType !== 'rsa') return bad('its key is not an RSA key', certificateRule);
    const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if (certificates.length === 0) return bad('it holds no certificate', certificateRule);
    // Others in the file are those of the authority.
    const certificate = certificates.find((candidate) => belongTogether(candidate, key));
    if (certificate === undefined) return bad('its key belongs to none of its certificates', certificateRule);
    return good({ certificate, key: keyText });
  },
};

function readKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

function belongTogether(certificate: string, key: KeyObject): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(key);
  } catch {
    return false;
  }
}

/** URL of an identity platform, https only: secrets go there. */
export const azureAuthority: Kind<string> = {
  name: 'URL',
  read(text) {
    const written = text.trim();
    const right = 'must be the address of an identity platform such as https://login.microsoftonline.us';
    const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(written) ? written : `https://${written}`;
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (url === undefined || url.protocol !== 'https:') return bad('it is no https address', right);
    if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
      return bad('it holds more than an address', right);
    }
    return good(`${url.origin}${url.pathname.replace(/\/+$/, '')}`);
  },
};
