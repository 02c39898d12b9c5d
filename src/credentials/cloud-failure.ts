// Words for a cloud that gives no login: which step failed, what came back, which setting or right cures it. The clouds have
// three forms of error body between them; whatever they say is foreign text, so it is cut and cleaned.
import { PluginError } from '../base/plugin-error.ts';
import { type CloudAnswer, CloudUnreachable } from './cloud-http.ts';
import { arrayOf, fieldOf, parseJson, textOf } from '../base/json-fields.ts';

const maxSaidLength = 300;

/** No login came out of a cloud (exit 3). `variant` is the name that the log uses: "gar", "acr". */
export function cloudFailure(failure: {
  readonly variant: string;
  /** "token exchange at sts.googleapis.com" */
  readonly step: string;
  /** "answered 400: invalid_grant: ..." */
  readonly came: string;
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}): PluginError {
  const { variant, step, came, hint, cause } = failure;
  return new PluginError({
    code: 'cloud-login',
    exitCode: 3,
    message: `${variant}: ${step}: ${came}`,
    hint,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The failure for something thrown on the way; what is no network trouble is passed on as it is. */
export function unreachable(variant: string, step: string, error: unknown): unknown {
  if (!(error instanceof CloudUnreachable)) return error;
  const hint = 'the plugin’s own connections honour `https_proxy`, `no_proxy` and `ca_cert`';
  return cloudFailure({ variant, step, came: error.message, hint, cause: error });
}

/** "answered 401: invalid_client: AADSTS7000215: Invalid client secret provided" */
export function describeAnswer(answer: CloudAnswer): string {
  const said = saidIn(answer.text);
  return said === '' ? `answered ${answer.status}` : `answered ${answer.status}: ${said}`;
}

function saidIn(text: string): string {
  const json = parseJson(text);
  const error = fieldOf(json, 'error');
  const [first] = arrayOf(fieldOf(json, 'errors'));
  const parts =
    typeof error === 'string'
      ? [error, textOf(json, 'error_description')]
      : error !== undefined
        ? [textOf(error, 'status') || textOf(error, 'code'), textOf(error, 'message')]
        : [textOf(first, 'code'), textOf(first, 'message')];
  const said = parts.filter((part) => part !== '').join(': ');
  // The lines behind the first one are trace and correlation ids.
  const [line = ''] = said.split(/[\r\n]/);
  const clean = line.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, ' ').trim();
  return clean.length > maxSaidLength ? `${clean.slice(0, maxSaidLength)}…` : clean;
}
