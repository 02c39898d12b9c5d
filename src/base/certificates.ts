// Certificates and keys in PEM form: checked when they arrive, so that a wrong file is named then, and not by a failed
// handshake minutes later. No message shows any text of them.
import { createPrivateKey, X509Certificate } from 'node:crypto';

/** How TLS is spoken to one host, beyond the usual. */
export interface HostTrust {
  /** PEM texts of authorities that are believed for this host, beside the others. */
  readonly authorities: readonly string[];
  /** What this side shows when the host asks who it is. */
  readonly clientPair?: ClientPair;
}

/** A client certificate with its key, in PEM form. */
export interface ClientPair {
  /** The certificate, then those of the authorities in between. */
  readonly cert: string;
  readonly key: string;
}

/** Trust from two places; the first one's client certificate counts. */
export function mergeTrust(first: HostTrust | undefined, second: HostTrust): HostTrust {
  return first === undefined
    ? second
    : { ...second, ...first, authorities: [...first.authorities, ...second.authorities] };
}

/** A checked text, or what is wrong with it. */
export type PemReading<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly wrong: string };

const privateKeyBlock = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----[^-]+-----END \1PRIVATE KEY-----/g;
const certificateBlock = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Authorities: certificates, and nothing that should not be handed around. */
export function readAuthorities(pem: string): PemReading<string> {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) return { ok: false, wrong: 'it holds a private key' };
  return readCertificates(pem);
}

/** A client certificate and its key, in one text or in two. */
export function readClientPair(certPem: string, keyPem: string): PemReading<ClientPair> {
  const certificates = readCertificates(certPem);
  if (!certificates.ok) return certificates;
  const keys = keyPem.match(privateKeyBlock) ?? [];
  const [key] = keys;
  if (key === undefined || keys.length > 1) {
    return { ok: false, wrong: key === undefined ? 'it holds no private key' : 'it holds several private keys' };
  }
  if (/^-----BEGIN ENCRYPTED|^Proc-Type:.*ENCRYPTED/m.test(key)) {
    return { ok: false, wrong: 'its private key is protected by a passphrase' };
  }
  try {
    if (!new X509Certificate(certificates.value).checkPrivateKey(createPrivateKey(key))) {
      return { ok: false, wrong: 'its private key does not belong to its first certificate' };
    }
  } catch {
    return { ok: false, wrong: 'its private key is damaged' };
  }
  return { ok: true, value: { cert: certificates.value, key: `${key}\n` } };
}

function readCertificates(pem: string): PemReading<string> {
  const blocks = pem.match(certificateBlock) ?? [];
  if (blocks.length === 0) return { ok: false, wrong: 'it holds no certificate' };
  const broken = blocks.findIndex((block) => !isCertificate(block));
  return broken < 0
    ? { ok: true, value: `${blocks.join('\n')}\n` }
    : { ok: false, wrong: `certificate ${broken + 1} in it is damaged` };
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}
