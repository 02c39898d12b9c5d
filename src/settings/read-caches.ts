// The caches of a step, complete: secrets that Harness writes as placeholders are put in, and S3 gets its address style.
import { resolve } from 'node:path';
import { addProblem, addWarning, type Findings } from './findings.ts';
import { placeholder, type CacheSpec } from './cache-kinds.ts';
import { findPlace } from './output-places.ts';
import { quote, type Redact } from './reading.ts';
import type { Caches } from './settings.ts';
import type { Values } from './table.ts';
import type { WorkspaceFiles } from './workspace-files.ts';

interface CacheInputs {
  readonly values: Values;
  readonly files: WorkspaceFiles;
  readonly redact: Redact;
  readonly findings: Findings;
}

/** Caches to read and to write. */
export function readCaches(inputs: CacheInputs): Caches {
  const { values } = inputs;
  return {
    from: (values.cache_from ?? []).map((cache) => fromFolder(completed('cache_from', cache, inputs), inputs)),
    to: (values.cache_to ?? []).map((cache) => toFolder(completed('cache_to', cache, inputs), inputs)),
  };
}

/** A folder that is not there yet is fine: the first build has no cache. */
function fromFolder(cache: CacheSpec, { values, files, findings }: CacheInputs): CacheSpec {
  const { src } = cache.attrs;
  if (cache.type !== 'local' || src === undefined) return cache;
  const found = files.find(src, { followOutsideLinks: values.follow_outside_links });
  if (found.kind === 'directory') return { ...cache, attrs: { ...cache.attrs, src: found.path } };
  if (found.kind === 'missing') return { ...cache, attrs: { ...cache.attrs, src: resolve(files.workspace, src) } };
  const wrong = found.kind === 'refused' ? found.wrong : `${quote(src)} is no directory`;
  addProblem(findings, 'cache_from', { wrong, right: 'src must be a folder of the workspace, or a mounted one' });
  return cache;
}

function toFolder(cache: CacheSpec, { files, findings }: CacheInputs): CacheSpec {
  const { dest } = cache.attrs;
  if (cache.type !== 'local' || dest === undefined) return cache;
  const placed = findPlace(files, dest, 'folder');
  if (placed.ok) return { ...cache, attrs: { ...cache.attrs, dest: placed.place.path } };
  addProblem(findings, 'cache_to', {
    wrong: placed.wrong,
    right: 'dest must be a folder of the workspace, or a mounted one',
  });
  return cache;
}

function completed(setting: string, cache: CacheSpec, inputs: CacheInputs): CacheSpec {
  const attrs = Object.entries(cache.attrs).flatMap(([key, value]): [string, string][] => {
    if (!placeholder.test(value)) return [[key, value]];
    const secret = secretFor(key, inputs.values);
    if (secret !== undefined) {
      inputs.redact(secret);
      return [[key, secret]];
    }
    addWarning(inputs.findings, setting, `${key} is a placeholder of Harness whose setting is not given; left out`);
    return [];
  });
  const styled = cache.type === 's3' && inputs.values.path_style && cache.attrs['use_path_style'] === undefined;
  return { type: cache.type, attrs: { ...Object.fromEntries(attrs), ...(styled ? { use_path_style: 'true' } : {}) } };
}

/** Harness writes one placeholder for a whole cloud; which secret is meant is in the name of the field. */
function secretFor(field: string, values: Values): string | undefined {
  switch (field) {
    case 'access_key_id':
      return values.harness_self_hosted_s3_access_key;
    case 'secret_access_key':
      return values.harness_self_hosted_s3_secret_key;
    case 'gcp_json_key': {
      const key = values.harness_self_hosted_gcp_json_key;
      return key === undefined ? undefined : Buffer.from(key, 'utf8').toString('base64');
    }
    case 'account_key':
      return values.harness_self_hosted_azure_account_key;
    case 'tenant_id':
      return values.harness_self_hosted_azure_tenant_id;
    case 'client_id':
      return values.harness_self_hosted_azure_client_id;
    case 'client_secret':
      return values.harness_self_hosted_azure_client_secret;
    case 'oidc_token':
      return values.harness_self_hosted_azure_oidc_token;
    default:
      return undefined;
  }
}
