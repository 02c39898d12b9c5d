// Google's access tokens: from a credential file of any kind, by federation of a foreign token, or from the metadata server
// of the machine. Google's own library knows the kinds; its requests go through our HTTP, because it would neither see the
// step's certificates nor repeat by our rules. https://cloud.google.com/docs/authentication/application-default-credentials
import {
  type AuthClient,
  BaseExternalAccountClient,
  ExternalAccountAuthorizedUserClient,
  ExternalAccountClient,
  IdentityPoolClient,
  Impersonated,
  JWT,
  type OAuth2ClientOptions,
  UserRefreshClient,
} from 'google-auth-library';
import { PluginError } from '../base/plugin-error.ts';
import { type CloudAnswer, type CloudCall, CloudUnreachable } from './cloud-http.ts';
import type { CloudTools } from './cloud-tools.ts';
import { cloudFailure, describeAnswer, unreachable } from './cloud-failure.ts';
import { fieldOf, parseJson, textOf } from '../base/json-fields.ts';

/** A token with its end. */
export interface GoogleToken {
  readonly token: string;
  readonly expiresAt?: Date;
}

/** What a token is made from. */
export type GoogleSource =
  /** JSON of a credential file. */
  | { readonly kind: 'credential'; readonly json: string; readonly source: string }
  | {
      readonly kind: 'federation';
      readonly subjectToken: string;
      readonly projectNumber: string;
      readonly poolId: string;
      readonly providerId: string;
      readonly serviceAccountEmail: string;
    }
  /** `host` stands for the metadata server's own address. */
  | { readonly kind: 'metadata'; readonly host?: string | undefined };

const scopes = ['https://www.googleapis.com/auth/cloud-platform'];

/** Asks for a token. Throws PluginError (3, or 2 for a credential that cannot be one). */
export async function googleToken(
  source: GoogleSource,
  variant: 'gcr' | 'gar',
  tools: CloudTools,
): Promise<GoogleToken> {
  if (source.kind === 'metadata') return metadataToken(source.host ?? 'metadata.google.internal', variant, tools);
  const seen: Seen = {};
  const options = { transporterOptions: transport(tools, seen) };
  try {
    const client =
      source.kind === 'federation'
        ? federatedClient(source, options)
        : clientFor(parse(source), source.source, options);
    const { token } = await client.getAccessToken();
    if (!token) throw new Error('the answer held no access token');
    const { expiry_date: endMs } = client.credentials;
    return { token, ...(typeof endMs === 'number' ? { expiresAt: new Date(endMs) } : {}) };
  } catch (error) {
    tools.signal.throwIfAborted();
    throw error instanceof PluginError ? error : wordFailure(error, seen, source, variant);
  }
}

/** The last request that a client made, for the words of its failure. */
interface Seen {
  url?: URL;
  answer?: CloudAnswer;
  unreachable?: CloudUnreachable;
}

type Transport = NonNullable<OAuth2ClientOptions['transporterOptions']>;

/** Google's library asks by `fetch` and would repeat on its own: here it asks us, and we repeat. */
function transport({ http, signal }: CloudTools, seen: Seen): Transport {
  const send = async (input: Parameters<typeof fetch>[0], init?: RequestInit): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input);
    seen.url = url;
    delete seen.answer;
    const call: CloudCall = {
      method: init?.method?.toUpperCase() === 'POST' ? 'POST' : 'GET',
      url: url.href,
      headers: headersOf(init),
      ...bodyOf(init),
    };
    try {
      const answer = await http.send(call, signal);
      seen.answer = answer;
      const headers = { 'content-type': answer.headers['content-type'] ?? 'application/json' };
      return new Response(answer.status === 204 ? null : answer.text, { status: answer.status, headers });
    } catch (error) {
      if (error instanceof CloudUnreachable) seen.unreachable = error;
      throw error;
    }
  };
  // With an agent it does not look for proxies by itself; nobody asks for the agent.
  const agent = (): never => {
    throw new Error('google-auth-library has changed: it connects by itself');
  };
  return { fetchImplementation: send, agent, retryConfig: { shouldRetry: () => false } };
}

function headersOf(init: RequestInit | undefined): Readonly<Record<string, string>> {
  const headers = new Headers(init?.headers);
  if (init?.body instanceof URLSearchParams && !headers.has('content-type')) {
    headers.set('content-type', 'application/x-www-form-urlencoded');
  }
  return Object.fromEntries([...headers].filter(([name]) => name !== 'user-agent'));
}

/** The clients send texts and forms. */
function bodyOf(init: RequestInit | undefined): { readonly body?: string } {
  const body = init?.body;
  if (typeof body === 'string') return { body };
  if (body instanceof URLSearchParams) return { body: body.toString() };
  if (body === undefined || body === null) return {};
  throw new Error('google-auth-library sends a body of a kind that is not known here');
}

function parse({ json, source }: { readonly json: string; readonly source: string }): object {
  const parsed = parseJson(json);
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed;
  throw badCredential(source, 'is not a JSON object');
}

/** The client for a credential, by its `type`. */
function clientFor(json: object, source: string, options: OAuth2ClientOptions): AuthClient {
  const type = textOf(json, 'type');
  switch (type) {
    case 'service_account': {
      const client = new JWT({ ...options, scopes });
      client.fromJSON(json);
      return client;
    }
    case 'authorized_user': {
      const client = new UserRefreshClient(options);
      client.fromJSON(json);
      return client;
    }
    case 'external_account':
      return externalClient(json, source, options);
    case 'external_account_authorized_user':
      return new ExternalAccountAuthorizedUserClient({ ...Object(json), ...options });
    case 'impersonated_service_account':
      return impersonatedClient(json, source, options);
    default: {
      const found = type === '' ? 'has no `type`' : `is of type ${JSON.stringify(type)}`;
      throw badCredential(source, `${found}, and no kind of credential that is known here`);
    }
  }
}

function externalClient(json: object, source: string, options: OAuth2ClientOptions): AuthClient {
  if (fieldOf(fieldOf(json, 'credential_source'), 'executable') !== undefined) {
    throw badCredential(
      source,
      'wants a program to be run (`credential_source.executable`), which this image does not do',
    );
  }
  const client = ExternalAccountClient.fromJSON({ ...Object(json), ...options });
  if (client === null) throw badCredential(source, 'is no external account');
  client.scopes = scopes;
  return throughOurs(client);
}

/** The token exchange makes a transport of its own, whatever the client was given. */
function throughOurs(client: BaseExternalAccountClient): AuthClient {
  const exchange: unknown = Reflect.get(client, 'stsCredential');
  if (typeof exchange !== 'object' || exchange === null) throw new Error('google-auth-library has changed');
  Reflect.set(exchange, 'transporter', client.transporter);
  return client;
}

function impersonatedClient(json: object, source: string, options: OAuth2ClientOptions): AuthClient {
  const inner = fieldOf(json, 'source_credentials');
  const target = /([^/]+):generateAccessToken$/.exec(textOf(json, 'service_account_impersonation_url'))?.[1];
  if (typeof inner !== 'object' || inner === null || target === undefined) {
    throw badCredential(source, 'lacks `source_credentials` or `service_account_impersonation_url`');
  }
  const sourceClient = clientFor(inner, source, options);
  return new Impersonated({ ...options, sourceClient, targetPrincipal: target, targetScopes: scopes });
}

function federatedClient(
  source: Extract<GoogleSource, { kind: 'federation' }>,
  options: OAuth2ClientOptions,
): AuthClient {
  const { projectNumber, poolId, providerId, serviceAccountEmail } = source;
  const pool = `projects/${projectNumber}/locations/global/workloadIdentityPools/${poolId}/providers/${providerId}`;
  const client = new IdentityPoolClient({
    ...options,
    type: 'external_account',
    audience: `//iam.googleapis.com/${pool}`,
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    token_url: 'https://sts.googleapis.com/v1/token',
    service_account_impersonation_url: `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${encodeURI(serviceAccountEmail)}:generateAccessToken`,
    subject_token_supplier: { getSubjectToken: async () => source.subjectToken },
  });
  return throughOurs(client);
}

async function metadataToken(host: string, variant: string, { local, now, signal }: CloudTools): Promise<GoogleToken> {
  const step = `token of the metadata server at ${host}`;
  const hint = 'give the step a `json_key`, or run it where a metadata server is';
  const url = `http://${host}/computeMetadata/v1/instance/service-accounts/default/token`;
  const call: CloudCall = { method: 'GET', url, headers: { 'metadata-flavor': 'Google' } };
  const answer = await local.send(call, signal).catch((error: unknown) => {
    if (!(error instanceof CloudUnreachable)) throw error;
    throw cloudFailure({ variant, step, came: error.message, hint, cause: error });
  });
  const json = parseJson(answer.text);
  const token = textOf(json, 'access_token');
  if (answer.status !== 200 || token === '') throw cloudFailure({ variant, step, came: describeAnswer(answer), hint });
  const seconds = fieldOf(json, 'expires_in');
  return { token, ...(typeof seconds === 'number' ? { expiresAt: new Date(now().getTime() + seconds * 1000) } : {}) };
}

function wordFailure(error: unknown, seen: Seen, source: GoogleSource, variant: string): unknown {
  const { url, answer } = seen;
  const what = source.kind === 'credential' ? ` with ${source.source}` : '';
  if (url === undefined) {
    // Before any request: a file that the credential names, or a key that does not sign.
    const came = error instanceof Error ? error.message : String(error);
    return cloudFailure({ variant, step: `reading the credential${what}`, came, cause: error });
  }
  const kind = kindOf(url);
  const step = `${stepNames[kind]} at ${url.host}${what}`;
  if (seen.unreachable !== undefined) return unreachable(variant, step, seen.unreachable);
  if (answer === undefined || answer.status < 300) {
    const came = error instanceof Error ? error.message : String(error);
    return cloudFailure({ variant, step, came, cause: error });
  }
  return cloudFailure({ variant, step, came: describeAnswer(answer), hint: hintFor(kind, answer.status, source) });
}

type StepKind = 'exchange' | 'impersonation' | 'token' | 'other';

const stepNames: Readonly<Record<StepKind, string>> = {
  exchange: 'token exchange',
  impersonation: 'access token of the service account',
  token: 'access token',
  other: 'identity of the step',
};

function kindOf(url: URL): StepKind {
  if (url.pathname.endsWith(':generateAccessToken')) return 'impersonation';
  if (url.hostname.startsWith('sts.')) return 'exchange';
  return /\/(?:oauth)?token$/.test(url.pathname) ? 'token' : 'other';
}

function hintFor(kind: StepKind, status: number, source: GoogleSource): string | undefined {
  const isRefused = status >= 400 && status < 500;
  if (!isRefused) return undefined;
  if (kind === 'exchange') {
    const provider = source.kind === 'federation' ? ` ${source.providerId}` : '';
    return `the audience or the issuer of the token does not fit the provider${provider}`;
  }
  if (kind === 'impersonation') {
    const account = source.kind === 'federation' ? ` ${source.serviceAccountEmail}` : '';
    return `the service account${account} must exist, and grant roles/iam.workloadIdentityUser to this identity; it needs artifactregistry.writer to push`;
  }
  return kind === 'token' ? 'the key was revoked, or is for an account that is gone: make a new one' : undefined;
}

function badCredential(source: string, problem: string): PluginError {
  return new PluginError({
    code: 'bad-google-credential',
    exitCode: 2,
    message: `${source} ${problem}`,
    hint: 'it must be the JSON of a service account, an external account or a user',
  });
}
