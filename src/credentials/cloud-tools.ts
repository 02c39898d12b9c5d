// What the logins of clouds are made with: connections, the clock, and where secrets and warnings go.
import type { Log } from '../base/log.ts';
import type { CloudAnswer, CloudCall } from './cloud-http.ts';

/** Sends a question to a cloud; cloud-http.ts implements it and says what is thrown. */
export interface CloudSender {
  send(call: CloudCall, signal: AbortSignal): Promise<CloudAnswer>;
}

export interface CloudTools {
  readonly http: CloudSender;
  /** The same without proxies, for servers of the machine's own network. */
  readonly local: CloudSender;
  /** Wall clock. */
  readonly now: () => Date;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly redact: (secret: string) => unknown;
}
