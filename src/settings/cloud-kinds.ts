// The readers of what clouds name things by: accounts, regions, roles, policies.
import { parseJson } from './json-text.ts';
import { bad, good, show, type Kind } from './reading.ts';

/** An AWS account. */
export const awsAccount: Kind<string> = {
  name: 'account',
  read(text, context) {
    const account = text.trim();
    return /^\d{12}$/.test(account)
      ? good(account)
      : bad(
          `${show(account, context)} is not an AWS account`,
          'must be twelve digits, in quotes when it begins with 0',
        );
  },
};

/** An AWS region, and whether the step names it or only the machine does. */
export interface AwsRegion {
  readonly name: string;
  /** From AWS_REGION or AWS_DEFAULT_REGION, which are there for many purposes. */
  readonly isOfMachine: boolean;
}

/** A region in the spelling of AWS. */
export const awsRegion: Kind<AwsRegion> = {
  name: 'region',
  read(text, context) {
    const name = text.trim().toLowerCase();
    return /^[a-z]{2,}(?:-[a-z]+)+-\d+$/.test(name)
      ? good({ name, isOfMachine: context.from.startsWith('AWS_') })
      : bad(`${show(text.trim(), context)} is not a region`, 'must be an AWS region such as eu-west-1');
  },
};

/** A role of AWS. */
export const awsRole: Kind<string> = {
  name: 'ARN',
  read(text, context) {
    const arn = text.trim();
    return /^arn:aws[a-z-]*:iam::\d{12}:role\/\S+$/.test(arn)
      ? good(arn)
      : bad(`${show(arn, context)} is not a role`, 'must be written arn:aws:iam::123456789012:role/name');
  },
};

/** A policy as its text, or the file that holds it. */
export type PolicySource =
  { readonly kind: 'json'; readonly text: string } | { readonly kind: 'file'; readonly path: string };

/** Text that begins with `{` is the policy itself, all else a path. */
export const policy: Kind<PolicySource> = {
  name: 'JSON or path',
  read(text) {
    const trimmed = text.trim();
    if (!trimmed.startsWith('{')) return good({ kind: 'file', path: trimmed });
    const parsed = parseJson(trimmed);
    return parsed.ok ? good({ kind: 'json', text: trimmed }) : bad(`it ${parsed.wrong}`, policyRule);
  },
};

/** What a policy must be. */
export const policyRule = 'must be a policy in JSON, or the path of a file that holds one';
