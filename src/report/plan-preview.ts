// What `--check` prints: the plan in words. It is for people at a keyboard; a pipeline step does not need it.

/** The part of a plan that `--check` shows. */
export interface PlanFacts {
  readonly action: { readonly kind: string };
  readonly build: {
    readonly dockerfileDisplay: string;
    readonly contextDisplay: string;
    readonly platforms: readonly string[];
    readonly buildArgs: ReadonlyMap<string, string>;
    readonly secrets: ReadonlyMap<string, unknown>;
  };
  /** Published instead of a build. */
  readonly copy?: {
    readonly source: { readonly display: string };
    readonly platform?: string;
    readonly referrers: boolean;
  };
  readonly output: {
    readonly files: readonly { readonly type: string; readonly display: string }[];
    readonly load: boolean;
  };
  readonly publish?: {
    readonly targets: readonly {
      readonly repository: { readonly domain: string; readonly path: string };
      readonly tags: readonly string[];
    }[];
  };
}

/** What a run with these settings would do; names of arguments and secrets, never their values. */
export function formatPlan(plan: PlanFacts): string {
  const { build, copy, output } = plan;
  const targets = (plan.publish?.targets ?? []).flatMap(({ repository, tags }) =>
    tags.map((tag) => `  publish ${repository.domain}/${repository.path}:${tag}`),
  );
  return [
    'the settings are fine; this step would',
    ...(copy === undefined ? [...buildLines(build), ...outputLines(output)] : [copyLine(copy)]),
    ...(targets.length === 0 ? ['  publish nothing'] : targets),
  ].join('\n');
}

function copyLine({ source, platform, referrers }: NonNullable<PlanFacts['copy']>): string {
  const part = platform === undefined ? '' : `, the image for ${platform} alone`;
  return `  copy    ${source.display}${part}${referrers ? ', with what refers to it' : ''}`;
}

function buildLines(build: PlanFacts['build']): readonly string[] {
  return [
    `  build   ${build.dockerfileDisplay} with context ${build.contextDisplay}${list(' for ', build.platforms)}`,
    ...optional('  args    ', [...build.buildArgs.keys()]),
    ...optional('  secrets ', [...build.secrets.keys()]),
  ];
}

function outputLines({ files, load }: PlanFacts['output']): readonly string[] {
  return [
    ...files.map(({ type, display }) => `  write   ${display} (${type})`),
    ...(load ? ['  keep    the image on the daemon'] : []),
  ];
}

function list(lead: string, items: readonly string[]): string {
  return items.length === 0 ? '' : `${lead}${items.join(', ')}`;
}

function optional(lead: string, items: readonly string[]): readonly string[] {
  return items.length === 0 ? [] : [list(lead, items)];
}
