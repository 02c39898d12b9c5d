// What `secret_scan` asks of an image before anybody else can read it.
import type { Plan } from '../plan/plan.ts';
import { scanImage, type ScanOptions } from '../publish/scan-image.ts';
import type { Manifest } from '../publish/target.ts';
import type { Tools } from './tools.ts';

type Scan = (manifest: Manifest, content: ScanOptions['content'], signal: AbortSignal) => Promise<void>;

/** The search of an image for secrets of this step; undefined when it is not wanted. It throws PluginError (exit 7). */
export function secretScan({ secretScan: mode }: Plan, { log, holdsSecret }: Tools): Scan | undefined {
  if (mode === 'off') return undefined;
  return (manifest, content, signal) => scanImage(manifest, { content, holdsSecret, mode, log }, signal);
}
