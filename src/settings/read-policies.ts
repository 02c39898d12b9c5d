// The policies of ECR repositories, which usually are files of the workspace: read and checked before anything is connected.
import type { PolicySource } from './cloud-kinds.ts';
import { policyRule } from './cloud-kinds.ts';
import { addProblem, type Findings } from './findings.ts';
import { parseJson } from './json-text.ts';
import type { Values } from './table.ts';
import type { WorkspaceFiles } from './workspace-files.ts';

/** AWS takes 30,720 characters of a lifecycle policy at most, and 10,240 of the other. */
const maxFileBytes = 64 * 1024;

/** Texts of policies. */
export interface RepositoryPolicies {
  readonly lifecycle?: string;
  readonly repository?: string;
}

/** Reads the policies. What is missing or no JSON is a problem. */
export function readPolicies(values: Values, files: WorkspaceFiles, findings: Findings): RepositoryPolicies {
  const rules = { followOutsideLinks: values.follow_outside_links, maxBytes: maxFileBytes };
  const read = (name: 'lifecycle_policy' | 'repository_policy', source: PolicySource | undefined) => {
    if (source === undefined) return undefined;
    if (source.kind === 'json') return source.text;
    const file = files.readSmallFile(source.path, rules);
    const text = file.ok ? Buffer.from(file.bytes).toString('utf8').trim() : '';
    const parsed = file.ok ? parseJson(text) : undefined;
    if (parsed?.ok === true) return text;
    const wrong = file.ok ? `the file ${parsed?.ok === false ? parsed.wrong : ''}` : file.wrong;
    addProblem(findings, name, { wrong, right: policyRule });
    return undefined;
  };
  const lifecycle = read('lifecycle_policy', values.lifecycle_policy);
  const repository = read('repository_policy', values.repository_policy);
  return {
    ...(lifecycle === undefined ? {} : { lifecycle }),
    ...(repository === undefined ? {} : { repository }),
  };
}
