// The error of everything that a registry, its token server or the way there did. Branch on `code`, never on the message:
// codes are given in refusal.ts, login-errors.ts and network-errors.ts. It holds no query of a URL and no secret.
import { PluginError, type PluginErrorOptions } from '../base/plugin-error.ts';

/** Where the image comes from, or where it goes. */
export type Side = 'source' | 'target';

export interface RegistryErrorOptions extends PluginErrorOptions {
  /** `docker.io` or `host[:port]`, as in image names. */
  readonly host: string;
  readonly side: Side;
  readonly method?: string | undefined;
  /** Without query and user. */
  readonly url?: string | undefined;
  readonly status?: number | undefined;
  /** Error code in the registry's answer: `MANIFEST_UNKNOWN`. */
  readonly registryCode?: string | undefined;
  readonly attempts?: number | undefined;
}

/** A failure of or on the way to a registry. */
export class RegistryError extends PluginError {
  readonly host: string;
  readonly side: Side;
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly status: number | undefined;
  readonly registryCode: string | undefined;
  readonly attempts: number;

  constructor(options: RegistryErrorOptions) {
    super(options);
    this.host = options.host;
    this.side = options.side;
    this.method = options.method;
    this.url = options.url;
    this.status = options.status;
    this.registryCode = options.registryCode;
    this.attempts = options.attempts ?? 1;
  }
}
