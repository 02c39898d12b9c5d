// Amazon's API for ECR, public ECR and STS as a local server, which the official SDK speaks to when AWS_ENDPOINT_URL_ECR and
// its like name it. It records what it is asked; an action without an answer fails like one that AWS does not know.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';

export interface AwsRequest {
  /** `GetAuthorizationToken`, `AssumeRole`, ... */
  readonly action: string;
  /** JSON of ECR, form of STS. */
  readonly input: Readonly<Record<string, unknown>>;
  /** Undefined: not signed. */
  readonly accessKey: string | undefined;
  /** Of the signature. */
  readonly region: string | undefined;
  /** The session token that was sent along. */
  readonly sessionToken: string | undefined;
}

/** An answer: fields of a result, or an error by its name. */
export type AwsAnswer =
  | { readonly result: Readonly<Record<string, unknown>> }
  | { readonly error: string; readonly message: string; readonly status?: number };

export interface FakeAws {
  /** Variables for a step that make the SDK come here. */
  readonly env: Readonly<Record<string, string>>;
  requests(): readonly AwsRequest[];
  forget(): void;
  stop(): Promise<void>;
}

/** Starts the server; `answer` is asked for each request. */
export async function startFakeAws(answer: (request: AwsRequest) => AwsAnswer): Promise<FakeAws> {
  const requests: AwsRequest[] = [];
  const server = createServer((request, response) => {
    void readRequest(request).then((asked) => {
      requests.push(asked);
      const { status, type, body } = wire(asked.action, answer(asked));
      response.writeHead(status, { 'content-type': type }).end(body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const url = `http://127.0.0.1:${port}`;
  return {
    env: {
      AWS_ENDPOINT_URL_ECR: url,
      AWS_ENDPOINT_URL_ECR_PUBLIC: url,
      AWS_ENDPOINT_URL_STS: url,
      AWS_EC2_METADATA_DISABLED: 'true',
    },
    requests: () => [...requests],
    forget: () => void requests.splice(0),
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** A token for a registry as ECR hands it out. */
export function tokenAnswer(password: string, registry: string): AwsAnswer {
  return {
    result: {
      authorizationData: [
        {
          authorizationToken: Buffer.from(`AWS:${password}`).toString('base64'),
          expiresAt: Math.floor(Date.now() / 1000) + 12 * 3600,
          proxyEndpoint: `https://${registry}`,
        },
      ],
    },
  };
}

async function readRequest(request: IncomingMessage): Promise<AwsRequest> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  const target = request.headers['x-amz-target'];
  const form = new URLSearchParams(typeof target === 'string' ? '' : body);
  const input: unknown = typeof target === 'string' ? JSON.parse(body) : Object.fromEntries(form);
  const [, accessKey, region] = /Credential=([^/]+)\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? '') ?? [];
  const sessionToken = request.headers['x-amz-security-token'];
  return {
    action: typeof target === 'string' ? (target.split('.').at(-1) ?? '') : (form.get('Action') ?? ''),
    input: typeof input === 'object' && input !== null ? { ...input } : {},
    accessKey,
    region,
    sessionToken: typeof sessionToken === 'string' ? sessionToken : undefined,
  };
}

function wire(
  action: string,
  answer: AwsAnswer,
): { readonly status: number; readonly type: string; readonly body: string } {
  if (!action.startsWith('Assume')) {
    const json = 'error' in answer ? { __type: answer.error, message: answer.message } : answer.result;
    const status = 'error' in answer ? (answer.status ?? 400) : 200;
    return { status, type: 'application/x-amz-json-1.1', body: JSON.stringify(json) };
  }
  if ('error' in answer) {
    const error = `<Error><Type>Sender</Type><Code>${answer.error}</Code><Message>${answer.message}</Message></Error>`;
    const body = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${error}<RequestId>r</RequestId></ErrorResponse>`;
    return { status: answer.status ?? 403, type: 'text/xml', body };
  }
  const fields = Object.entries(answer.result).map(([name, value]) => `<${name}>${String(value)}</${name}>`);
  const result = `<${action}Result><Credentials>${fields.join('')}</Credentials></${action}Result>`;
  const body = `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${result}<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></${action}Response>`;
  return { status: 200, type: 'text/xml', body };
}
