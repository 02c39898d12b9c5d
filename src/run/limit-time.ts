// Chapter: the limit that the step set for all of it. When it is over the run ends as after SIGTERM, with exit code 6.
import { PluginError } from '../base/plugin-error.ts';
import type { Plan } from '../plan/plan.ts';
import { formatSeconds } from '../report/format.ts';
import type { Tools } from './tools.ts';

/** Starts the clock when there is a limit. */
export function limitTime({ timeoutMs }: Plan, { deadline }: Tools): void {
  if (timeoutMs === undefined) return;
  const message = `settings.timeout: the limit of ${formatSeconds(timeoutMs)} was reached`;
  const hint = 'raise timeout, or look above for what took so long';
  deadline.start(timeoutMs, new PluginError({ code: 'timeout', exitCode: 6, message, hint }));
}
