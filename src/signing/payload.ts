// What is signed: the "simple signing" document of containers/image with cosign's type, byte for byte as cosign writes it,
// so that the same claim of the same key is recognised whoever made it.
// https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
import type { Digest } from '../base/digest.ts';

/** What a signature claims. */
export interface Claim {
  /** As parsed: `docker.io`, `library/app`. */
  readonly repository: { readonly domain: string; readonly path: string };
  readonly digest: Digest;
  readonly annotations: ReadonlyMap<string, string>;
}

/** The bytes to sign. */
export function signedPayload({ repository, digest, annotations }: Claim): Buffer {
  // cosign's library calls Docker Hub by its old name.
  const domain = repository.domain === 'docker.io' ? 'index.docker.io' : repository.domain;
  const critical = goJson({
    identity: { 'docker-reference': `${domain}/${repository.path}` },
    image: { 'docker-manifest-digest': digest },
    type: 'cosign container image signature',
  });
  // Written by hand, because an object puts keys that are numbers first.
  const pairs = [...annotations]
    .sort(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
    .map(([key, value]) => `${goJson(key)}:${goJson(value)}`);
  const optional = pairs.length === 0 ? 'null' : `{${pairs.join(',')}}`;
  return Buffer.from(`{"critical":${critical},"optional":${optional}}`, 'utf8');
}

/** JSON as Go writes it: safe inside of HTML and JavaScript. */
function goJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
