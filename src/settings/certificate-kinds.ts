// The readers of settings that say whom to trust in TLS and what to show: authorities and client certificates, as PEM text
// or paths, for one host or for all. Files are opened in read-trust.ts.
import { readAuthorities, readClientPair, type ClientPair } from '../base/certificates.ts';
import { readHost, registryHosts } from './destination-kinds.ts';
import { parseBool } from './kinds.ts';
import { commaList } from './list-kinds.ts';
import { bad, gather, good, type Kind, type ReadContext, type Reading } from './reading.ts';

/** Authorities as PEM text, or the files that hold them. */
export type CertificateSource =
  { readonly kind: 'pem'; readonly pem: string } | { readonly kind: 'files'; readonly files: readonly HostFile[] };

/** A file, for one host or for all. */
export interface HostFile {
  /** `host[:port]` */
  readonly host?: string;
  readonly path: string;
}

const certificateRule = 'must hold certificates in PEM form';

/** PEM text, or paths split at commas, each with `host=` in front when it is for one host alone. */
export const certificates: Kind<CertificateSource> = {
  name: 'PEM or paths',
  repeatable: true,
  read(text, context) {
    if (text.includes('-----BEGIN')) {
      const reading = readAuthorities(withLineEnds(text));
      return reading.ok ? good({ kind: 'pem', pem: reading.value }) : bad(reading.wrong, certificateRule);
    }
    const files = gather(partsOf(text).map((part) => readHostFile(part, context)));
    if (!files.ok) return files;
    return files.value.length > 0
      ? good({ kind: 'files', files: files.value })
      : bad('it names nothing', 'must be PEM text or paths of PEM files');
  },
};

function partsOf(text: string): readonly string[] {
  return text
    .split(/[\n,;]/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** `path`, or `host=path` as kaniko writes it. */
function readHostFile(part: string, context: ReadContext): Reading<HostFile> {
  const match = /^([^/=]+)=(.*)$/s.exec(part);
  if (match === null) return good({ path: part });
  const host = readHost(match[1] ?? '', context);
  if (!host.ok) return host;
  const path = (match[2] ?? '').trim();
  return path === '' ? bad('no path stands after "="', 'must be written host=path') : good({ host: host.value, path });
}

/** Secret stores turn line ends into the two characters `\n`. */
function withLineEnds(text: string): string {
  return text.includes('\n') ? text : text.replaceAll('\\n', '\n');
}

/** Client certificates with their keys. */
export type ClientCertificateSource =
  | { readonly kind: 'pem'; readonly pair: ClientPair }
  | { readonly kind: 'files'; readonly files: readonly ClientFiles[] };

/** The two files of a client certificate, or one with both in it; for one host or for those of the image. */
export interface ClientFiles {
  readonly host?: string;
  readonly cert: string;
  readonly key: string;
}

const clientRule = 'must be PEM text of a certificate and its key, or host=certificate,key with paths';

/** PEM text with certificate and key, or `host=certificate,key` with paths; several hosts follow each other. */
export const clientCertificates: Kind<ClientCertificateSource> = {
  name: 'PEM or paths',
  repeatable: true,
  read(text, context) {
    if (text.includes('-----BEGIN')) {
      const pem = withLineEnds(text);
      for (const secret of [text, pem]) context.redact(secret);
      const reading = readClientPair(pem, pem);
      return reading.ok ? good({ kind: 'pem', pair: reading.value }) : bad(reading.wrong, clientRule);
    }
    const parts = partsOf(text);
    const groups: HostFile[][] = [];
    for (const part of parts) {
      const file = readHostFile(part, context);
      if (!file.ok) return file;
      const last = groups.at(-1);
      if (last === undefined || file.value.host !== undefined || last.length === 2) groups.push([file.value]);
      else last.push(file.value);
    }
    if (groups.length === 0) return bad('it names nothing', clientRule);
    const files = groups.map(([first, second]): ClientFiles => {
      const cert = first?.path ?? '';
      return { ...(first?.host === undefined ? {} : { host: first.host }), cert, key: second?.path ?? cert };
    });
    return good({ kind: 'files', files });
  },
};

const hostList = commaList(registryHosts);

/** `true` for the registries of the image, `false`, or a list of hosts. */
export const hostsOrBool: Kind<boolean | readonly string[]> = {
  name: 'boolean or list of hosts',
  repeatable: true,
  read(text, context): Reading<boolean | readonly string[]> {
    const value = parseBool(text);
    return value === undefined ? hostList.read(text, context) : good(value);
  },
};
