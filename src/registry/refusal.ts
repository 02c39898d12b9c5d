// Words for the answers of a registry that are not what was hoped for: one code of ours for each thing that a person can do
// about it. Decided by status and by the codes of the OCI distribution-spec 1.1 ("Error codes"); the registry's own text
// is looked at only to word the refusal to move a tag, for which registries have no common code.
import { isTransientStatus } from '../base/transient.ts';
import { type Digest, shortDigest } from '../base/digest.ts';
import type { ExitCode } from '../base/plugin-error.ts';
import type { GivenUp } from '../base/retry.ts';
import type { Answer } from './answer.ts';
import { missingRepositoryHint } from './known-hosts.ts';
import { type Party, saidLine, wireFacts } from './login-errors.ts';
import { describeTries } from './network-errors.ts';
import { RegistryError } from './registry-error.ts';

/** What was tried, for messages and for telling the same status in different places apart. */
export interface Operation {
  readonly kind: 'login' | 'read' | 'blob' | 'manifest';
  /** "upload of sha256:0123 to host/app": the beginning of every message. */
  readonly what: string;
  /** `host/path` */
  readonly repository: string;
  readonly party: Party;
}

interface Words {
  readonly code: string;
  readonly exitCode: ExitCode;
  /** Completes "<what>: ". */
  readonly came: string;
  readonly hint?: string;
}

/** ECR, Harbor, GAR, Hub, Artifactory and Alibaba, ACR, Nexus. */
const immutability = /immutab|already exists|overwrit|disallow|not allow\w* (?:to )?(?:updat|redeploy)/i;
const movedTagHint =
  'publish under a new tag; skip_push_if_tag_exists: true leaves existing tags alone, ignore_immutable_tag_errors: true goes on with a warning';
const hubPullLimit = /pull rate limit|toomanyrequests/i;

/** The error for an answer, after all tries. */
export function refusal(operation: Operation, answer: Answer, how: GivenUp): RegistryError {
  return answered(operation, answer, wordsFor(operation, answer, how), how.attempts);
}

/** Docker Hub's limit on pulls lasts for hours: no wait of ours helps. */
export function isPullLimit(answer: Answer): boolean {
  return (
    answer.status === 429 &&
    answer.origin.endsWith('.docker.io') &&
    hubPullLimit.test(`${answer.codes.join(' ')} ${answer.said ?? ''}`)
  );
}

/** Whether a refusal speaks of tags that may not be moved. Only the words; what is so, the tag itself shows. */
export function isAboutImmutability(answer: Answer): boolean {
  return answer.codes.includes('TAG_INVALID') || immutability.test(answer.said ?? '');
}

/** A tag that the registry does not let us move; `theirs`: where it is, if it can be seen. */
export function immutableTag(
  operation: Operation,
  answer: Answer,
  { tag, ours, theirs }: { readonly tag: string; readonly ours: Digest; readonly theirs: Digest | undefined },
): RegistryError {
  const { party, repository } = operation;
  const where = theirs === undefined ? '' : `: it is at ${theirs}`;
  return answered(operation, answer, {
    code: 'tag-immutable',
    exitCode: 4,
    came: `${party.host} does not let tag ${tag} of ${repository} be moved (${answer.status})${where}, ours is ${ours}`,
    hint: movedTagHint,
  });
}

/** Parts of an image that the registry had and does not find any more. */
export function lostContent(operation: Operation, answer: Answer, missing: readonly Digest[]): RegistryError {
  return answered(operation, answer, lossWords(operation, missing));
}

/** A manifest, which cannot be sent in parts. */
export function tooLargeManifest(operation: Operation, answer: Answer, sizeBytes: number): RegistryError {
  const came = `${operation.party.host} takes no manifest of ${sizeBytes} bytes (413)`;
  const hint = 'a proxy before the registry may limit the size of bodies; fewer annotations make manifests smaller';
  return answered(operation, answer, { code: 'too-large', exitCode: 4, came, hint });
}

function answered(
  operation: Operation,
  answer: Answer,
  { code, exitCode, came, hint }: Words,
  attempts = 1,
): RegistryError {
  const message = `${operation.what}: ${came}`;
  return new RegistryError({
    ...operation.party,
    code,
    exitCode,
    message,
    hint,
    details: saidLine(answer),
    attempts,
    ...wireFacts(answer),
  });
}

function wordsFor(operation: Operation, answer: Answer, how: GivenUp): Words {
  if (answer.status === 429) return busyWords(operation, answer, how);
  if ((answer.status >= 500 && answer.status !== 501) || isTransientStatus(answer.status)) {
    const asked = how.refusedWaitMs === undefined ? '' : `, and asked for ${seconds(how.refusedWaitMs)} of patience`;
    const came = `${new URL(answer.origin).host} answered ${answer.status}${describeTries(how)}${asked}`;
    return { code: 'unavailable', exitCode: 4, came };
  }
  if (answer.isOfTokenServer === true) {
    const came = `the token server of ${operation.party.host} gave no token: it answered ${answer.status}`;
    return { code: 'bad-token', exitCode: 4, came };
  }
  return codeWords(operation, answer) ?? statusWords(operation, answer);
}

function busyWords({ party }: Operation, answer: Answer, how: GivenUp): Words {
  const asked = how.refusedWaitMs ?? answer.retryAfterMs;
  const wait = asked === undefined ? 'to slow down' : `to wait ${seconds(asked)}`;
  const came = `${party.host} asks ${wait} (429)${describeTries(how)}`;
  if (!isPullLimit(answer)) return { code: 'rate-limited', exitCode: 4, came };
  return { code: 'rate-limited', exitCode: 4, came, hint: 'a login raises the pull limit of Docker Hub' };
}

/** By what the registry calls it. */
function codeWords(operation: Operation, answer: Answer): Words | undefined {
  const { party, repository, kind } = operation;
  const has = (code: string): boolean => answer.codes.includes(code);
  if (has('NAME_INVALID')) {
    return { code: 'name-rejected', exitCode: 2, came: `${party.host} does not accept the name ${repository}` };
  }
  if (kind === 'manifest' && (has('MANIFEST_BLOB_UNKNOWN') || has('BLOB_UNKNOWN'))) {
    return lossWords(operation, []);
  }
  if (kind === 'manifest' && answer.status !== 404 && isAboutImmutability(answer)) {
    const came = `${party.host} does not let this tag be moved (${answer.status})`;
    return { code: 'tag-immutable', exitCode: 4, came, hint: movedTagHint };
  }
  if (kind === 'manifest' && (has('MANIFEST_INVALID') || has('MANIFEST_UNVERIFIED')))
    return manifestWords(operation, answer);
  if (kind === 'blob' && (has('DIGEST_INVALID') || has('SIZE_INVALID'))) {
    const came = `${party.host} received other bytes than were sent (${answer.codes.join(', ')})`;
    return { code: 'upload-damaged', exitCode: 7, came, hint: 'a proxy in between may change bodies' };
  }
  if (has('NAME_UNKNOWN') && kind !== 'read') return missingRepositoryWords(operation);
  return undefined;
}

/** By the status alone. */
function statusWords(operation: Operation, answer: Answer): Words {
  const { party, repository, kind } = operation;
  const { status } = answer;
  const { host } = party;
  if (status === 403 && answer.isHtml) {
    return {
      code: 'blocked',
      exitCode: 4,
      came: `a proxy or firewall before ${host} refused it (403 with a web page)`,
    };
  }
  if (status === 401 || status === 403) {
    const who = answer.rights === undefined ? '' : `: ${answer.rights}`;
    return { code: 'denied', exitCode: 3, came: `${host} does not permit this in ${repository} (${status})${who}` };
  }
  if (status === 404) {
    return kind === 'blob' || kind === 'manifest'
      ? missingRepositoryWords(operation)
      : { code: 'not-found', exitCode: 4, came: `${host} does not have it (404)` };
  }
  if (status === 405 || status === 501) {
    return { code: 'unsupported', exitCode: 4, came: `${host} does not allow this (${status})` };
  }
  if (status === 413) {
    const hint =
      'a proxy before the registry limits the size of bodies: raise that limit, or set upload_chunk_size below it';
    return { code: 'too-large', exitCode: 4, came: `it is too large for ${host} (413)`, hint };
  }
  if (kind === 'manifest' && (status === 400 || status === 415 || status === 422))
    return manifestWords(operation, answer);
  return { code: 'refused', exitCode: 4, came: `${host} answered ${status}` };
}

function manifestWords({ party }: Operation, answer: Answer): Words {
  return {
    code: 'manifest-rejected',
    exitCode: 4,
    came: `${party.host} does not take this manifest (${answer.status})`,
    hint: '`provenance: false`, `oci_mediatypes: false` and `compression: gzip` make the kind of image that every registry takes',
  };
}

function lossWords({ party }: Operation, missing: readonly Digest[]): Words {
  const lost = missing.length === 0 ? 'a layer' : missing.map(shortDigest).join(', ');
  return {
    code: 'blob-lost',
    exitCode: 4,
    came: `${party.host} has lost ${lost} between its upload and the manifest`,
    hint: 'run the step again; if it happens often, its clean-up runs during pushes',
  };
}

function missingRepositoryWords({ party, repository }: Operation): Words {
  return {
    code: 'repository-missing',
    exitCode: 4,
    came: `${repository} does not exist, and ${party.host} does not create it (404)`,
    hint: missingRepositoryHint(party.host, repository) ?? 'create the repository, or check its name',
  };
}

function seconds(milliseconds: number): string {
  return `${Math.ceil(milliseconds / 1000)} s`;
}
