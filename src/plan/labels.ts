// The labels of the image: the four that drone-docker sets by itself, those of label_schema, and custom ones, which win.
// Names: OCI image-spec 1.1, pre-defined annotation keys.
import type { BuildInfo } from '../settings/build-info.ts';
import type { Values } from '../settings/table.ts';

const prefix = 'org.opencontainers.image.';

type LabelSettings = Pick<Values, 'auto_label' | 'label_schema' | 'custom_labels' | 'link'>;

/** The labels. Empty values are set on purpose: else those of the base image would shine through. */
export function imageLabels(settings: LabelSettings, info: BuildInfo, created: Date): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  if (settings.auto_label) {
    labels.set(`${prefix}created`, `${created.toISOString().slice(0, -'.000Z'.length)}Z`);
    labels.set(`${prefix}revision`, info.commit || '00000000');
    labels.set(`${prefix}source`, withoutLogin(info.remoteUrl));
    labels.set(`${prefix}url`, withoutLogin(settings.link ?? ''));
    for (const [name, value] of settings.label_schema ?? []) labels.set(`${prefix}${name}`, value);
  }
  for (const [name, value] of settings.custom_labels ?? []) labels.set(name, value);
  return labels;
}

/** A URL without user and password. */
export function withoutLogin(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, '$1');
}
