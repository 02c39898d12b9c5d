// Words for the answers of a registry that are not what was hoped for: one code of ours for each thing that a person can do
// about it. Decided by status and by the codes of the OCI distribution-spec 1.1 ("Error codes"); the registry's own text
// is looked at only to word the refusal to move a tag, for which registries have no common code.
import { isTransientStatus } from '../base/transient.ts';
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

const immutability =
  /immutab|already exists|cannot be overwritten|overwrit|not allow\w* to (?:update|overwrite)|disallow/i;
const hubPullLimit = /pull rate limit|toomanyrequests/i;

/** The error for an answer, after all tries. */
export function refusal(operation: Operation, answer: Answer, how: GivenUp): RegistryError {
  const { code, exitCode, came, hint } = wordsFor(operation, answer, how);
  return new RegistryError({
    ...operation.party,
    code,
    exitCode,
    message: `${operation.what}: ${came}`,
    hint,
    details: saidLine(answer),
    attempts: how.attempts,
    ...wireFacts(answer),
  });
}

/** Docker Hub's limit on pulls lasts for hours: no wait of ours helps. */
export function isPullLimit(answer: Answer): boolean {
  return (
    answer.status === 429 &&
    answer.origin.endsWith('.docker.io') &&
    hubPullLimit.test(`${answer.codes.join(' ')} ${answer.said ?? ''}`)
  );
}

function wordsFor(operation: Operation, answer: Answer, how: GivenUp): Words {
  if (answer.status === 429) return busyWords(operation, answer, how);
  if (answer.status >= 500 || isTransientStatus(answer.status)) {
    const asked = how.refusedWaitMs === undefined ? '' : `, and asked for ${seconds(how.refusedWaitMs)} of patience`;
    const came = `${new URL(answer.origin).host} answered ${answer.status}${describeTries(how)}${asked}`;
    return { code: 'unavailable', exitCode: 4, came };
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
    const came = `${party.host} has lost a layer between its upload and the manifest`;
    return {
      code: 'blob-lost',
      exitCode: 4,
      came,
      hint: 'run the step again; if it happens often, its clean-up runs during pushes',
    };
  }
  if (kind === 'manifest' && answer.status !== 404 && (has('TAG_INVALID') || immutability.test(answer.said ?? ''))) {
    return {
      code: 'tag-immutable',
      exitCode: 4,
      came: `${party.host} does not let this tag be moved (${answer.status})`,
    };
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
    return { code: 'denied', exitCode: 3, came: `${host} does not permit this in ${repository} (${status})` };
  }
  if (status === 404) {
    return kind === 'blob' || kind === 'manifest'
      ? missingRepositoryWords(operation)
      : { code: 'not-found', exitCode: 4, came: `${host} does not have it (404)` };
  }
  if (status === 405) return { code: 'unsupported', exitCode: 4, came: `${host} does not allow this (405)` };
  if (status === 413) {
    const hint =
      'a proxy before the registry limits the size of bodies: raise that limit, or set upload_chunk_size below it';
    return { code: 'too-large', exitCode: 4, came: `it is too large for ${host} (413)`, hint };
  }
  if (kind === 'manifest' && (status === 400 || status === 415 || status === 422))
    return manifestWords(operation, answer);
  if (kind === 'manifest' && (status === 409 || status === 412)) {
    return { code: 'tag-immutable', exitCode: 4, came: `${host} does not let this tag be moved (${status})` };
  }
  return { code: 'refused', exitCode: 4, came: `${host} answered ${status}` };
}

function manifestWords({ party }: Operation, answer: Answer): Words {
  return {
    code: 'manifest-rejected',
    exitCode: 4,
    came: `${party.host} does not take this manifest (${answer.status})`,
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
