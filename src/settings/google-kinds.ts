// The reader of Google's credential files. No message shows text of one; the names of fields that are missing are no secret.
import { type Json, parseJson } from './json-text.ts';
import { bad, good, type Kind } from './reading.ts';

/** A Google credential file. */
export interface GoogleKey {
  /** As Google made it. */
  readonly json: string;
  /** `service_account`, `external_account`, … */
  readonly type: string;
}

const rule = 'must be the JSON of a service account’s key or of another Google credential, or base64 of it';

/** What a credential of each type cannot do without. */
const fieldsOfType: ReadonlyMap<string, readonly string[]> = new Map([
  ['service_account', ['client_email', 'private_key']],
  ['authorized_user', ['client_id', 'client_secret', 'refresh_token']],
  ['external_account', ['audience', 'subject_token_type', 'credential_source']],
  ['external_account_authorized_user', ['client_id', 'client_secret', 'refresh_token']],
  ['impersonated_service_account', ['source_credentials', 'service_account_impersonation_url']],
]);

const secretFields = ['private_key', 'refresh_token', 'client_secret'];

/** A Google credential as JSON, or as base64 of it. */
export const googleKey: Kind<GoogleKey> = {
  name: 'secret',
  read(text, { redact }) {
    redact(text);
    const isPlain = text.trim().startsWith('{');
    const json = isPlain ? text.trim() : Buffer.from(text, 'base64').toString('utf8').trim();
    redact(json);
    const parsed = parseJson(json);
    if (!parsed.ok) return bad(isPlain ? `it ${parsed.wrong}` : 'it is neither JSON nor base64 of JSON', rule);
    if (parsed.value.kind !== 'object') return bad('it is not a JSON object', rule);
    const { members } = parsed.value;
    for (const name of secretFields) {
      const secret = textOf(members.get(name));
      if (secret !== '') redact(secret);
    }
    const type = textOf(members.get('type'));
    const fields = fieldsOfType.get(type);
    if (fields === undefined) return bad(type === '' ? 'it has no `type`' : 'its `type` is not known', rule);
    const missing = fields.filter((name) => !members.has(name));
    if (missing.length > 0) return bad(`it lacks ${missing.join(', ')}`, rule);
    return runsProgram(members.get('credential_source'))
      ? bad('it wants a program to be run (credential_source.executable), which this plugin does not do', rule)
      : good({ json, type });
  },
};

function textOf(value: Json | undefined): string {
  return value?.kind === 'string' ? value.text : '';
}

function runsProgram(source: Json | undefined): boolean {
  return source?.kind === 'object' && source.members.has('executable');
}

/** A region or multi-region, which becomes part of a host. */
export const googleLocation: Kind<string> = {
  name: 'location',
  read(text) {
    const location = text.trim().toLowerCase();
    return /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(location)
      ? good(location)
      : bad('it cannot be part of a host', 'must be a location such as europe-west1 or us');
  },
};
