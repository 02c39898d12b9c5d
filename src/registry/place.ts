// One repository as the requests see it: where it is, who speaks, which rights are asked for. The verbs are in
// manifests.ts and blobs.ts; Repository puts them together.
import type { Log } from '../base/log.ts';
import type { RegistryAccess } from './authorize.ts';
import type { Party } from './login-errors.ts';
import { operate, type OperationContext } from './operation.ts';
import type { RequestTarget } from './redirect.ts';
import type { Operation } from './refusal.ts';
import type { RegistryRequest } from './registry-request.ts';
import type { Scope } from './scope.ts';
import type { TimeLimits } from './time-limits.ts';
import type { WireResponse } from './wire.ts';

export interface PlaceOptions {
  /** As image names write it. */
  readonly host: string;
  readonly path: string;
  readonly access: RegistryAccess;
  readonly context: OperationContext;
  readonly limits: TimeLimits;
  readonly log: Log;
  /** Ask for the right to push from the start, so that one token serves all requests. */
  readonly mayPush: boolean;
}

/** What a request to a repository says beside its address. */
export type PlaceRequest = Pick<
  RegistryRequest,
  'method' | 'headers' | 'body' | 'headersMs' | 'redirects' | 'what' | 'beforeResend'
> & {
  /** Below `/v2/<path>/`, or a target from a Location. */
  readonly to: string | RequestTarget;
  readonly isCourtesy?: boolean;
  /** Rights in another repository that are needed as well. */
  readonly otherScope?: Scope;
  /** The right to delete is needed too; it is asked for only then, since many logins do not have it. */
  readonly mayDelete?: boolean;
};

/** A repository and the way to it. */
export class Place {
  readonly path: string;
  /** `host/path` */
  readonly name: string;
  readonly limits: TimeLimits;
  readonly log: Log;
  readonly #host: string;
  readonly #access: RegistryAccess;
  readonly #context: OperationContext;
  #mayPush: boolean;

  constructor(options: PlaceOptions) {
    this.#host = options.host;
    this.path = options.path;
    this.name = `${options.host}/${options.path}`;
    this.limits = options.limits;
    this.log = options.log;
    this.#access = options.access;
    this.#context = options.context;
    this.#mayPush = options.mayPush;
  }

  /** For messages: what may be pushed to is a target. */
  get party(): Party {
    return { host: this.#host, side: this.#mayPush ? 'target' : 'source' };
  }

  /** From the first write on, reads use the same token. */
  askForPush(): void {
    this.#mayPush = true;
  }

  /** One request, with its login, tried once. */
  async send(request: PlaceRequest, signal: AbortSignal): Promise<WireResponse> {
    const { to, otherScope, mayDelete, ...rest } = request;
    const actions = this.#mayPush ? ['pull', 'push'] : ['pull'];
    const own: Scope = { path: this.path, actions: mayDelete === true ? ['delete', ...actions] : actions };
    return this.#access.send(
      {
        ...rest,
        to: typeof to === 'string' ? `/v2/${this.path}/${to}` : to,
        scopes: otherScope === undefined ? [own] : [own, otherScope],
        party: this.party,
      },
      signal,
    );
  }

  /** Tries something until it is done; `what` begins every message about it. */
  async operate<Result>(
    kind: Operation['kind'],
    what: string,
    attempt: (number: number) => Promise<Result>,
    signal: AbortSignal,
    progressBytes?: () => number,
  ): Promise<Result> {
    const operation = { kind, what, repository: this.name, party: this.party };
    return operate(this.#context, operation, attempt, signal, progressBytes);
  }
}
