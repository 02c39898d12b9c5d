// buildx_options: flags of `docker buildx build`, which drone-buildx hands to that program. None runs here, so each known flag
// is read as the setting that means the same; what has no setting is refused by name, since ignoring it would build something
// else.
import { addProblem, addWarning, type Findings } from './findings.ts';
import type { Given } from './given.ts';
import { looksLikeJson, readJson, scalarTexts, splitAtSemicolons } from './list-kinds.ts';
import { andThen, bad, quote, good, type Reading } from './reading.ts';

interface Flag {
  readonly setting: string;
  /** `list`: may be repeated; `names`: the same, and a value may be several; `switch`: needs no value. */
  readonly takes: 'one' | 'list' | 'names' | 'switch';
}

const flags: Readonly<Record<string, Flag>> = {
  '--add-host': { setting: 'add_host', takes: 'list' },
  '--allow': { setting: 'allow', takes: 'names' },
  '--annotation': { setting: 'annotations', takes: 'list' },
  '--attest': { setting: 'attests', takes: 'list' },
  '--build-arg': { setting: 'build_args', takes: 'list' },
  '--build-context': { setting: 'named_context', takes: 'list' },
  '--cache-from': { setting: 'cache_from', takes: 'list' },
  '--cache-to': { setting: 'cache_to', takes: 'list' },
  '--call': { setting: 'call', takes: 'one' },
  '--cgroup-parent': { setting: 'cgroup_parent', takes: 'one' },
  '--file': { setting: 'dockerfile', takes: 'one' },
  '-f': { setting: 'dockerfile', takes: 'one' },
  '--iidfile': { setting: 'iid_file', takes: 'one' },
  '--label': { setting: 'custom_labels', takes: 'list' },
  '--metadata-file': { setting: 'metadata_file', takes: 'one' },
  '--network': { setting: 'network', takes: 'one' },
  '--no-cache': { setting: 'no_cache', takes: 'switch' },
  '--no-cache-filter': { setting: 'no_cache_filter', takes: 'names' },
  '--output': { setting: 'outputs', takes: 'list' },
  '-o': { setting: 'outputs', takes: 'list' },
  '--platform': { setting: 'platform', takes: 'names' },
  '--progress': { setting: 'progress', takes: 'one' },
  '--provenance': { setting: 'provenance', takes: 'one' },
  '--pull': { setting: 'pull_image', takes: 'switch' },
  '--quiet': { setting: 'quiet', takes: 'switch' },
  '-q': { setting: 'quiet', takes: 'switch' },
  '--sbom': { setting: 'sbom', takes: 'one' },
  '--secret': { setting: 'secret', takes: 'list' },
  '--shm-size': { setting: 'shm_size', takes: 'one' },
  '--ssh': { setting: 'ssh', takes: 'list' },
  '--tag': { setting: 'extra_tags', takes: 'list' },
  '-t': { setting: 'extra_tags', takes: 'list' },
  '--target': { setting: 'target', takes: 'one' },
  '--ulimit': { setting: 'ulimit', takes: 'list' },
};

/** What this plugin decides by itself: where the image goes, and who builds it. */
const dropped: Readonly<Record<string, 'value' | 'switch'>> = {
  '--builder': 'value',
  '--load': 'switch',
  '--push': 'switch',
};

const rule = 'must be flags of docker buildx build that have a setting here';

/** What the flags say, by setting. Problems and what was dropped go to the findings. */
export function readBuildxOptions(given: ReadonlyMap<string, Given>, findings: Findings): ReadonlyMap<string, Given> {
  const found = new Map<string, Given>();
  for (const [setting, isSeparator] of [
    ['buildx_options', splitCommas],
    ['buildx_options_semicolon', splitAtSemicolons],
  ] as const) {
    const own = given.get(setting);
    if (own === undefined) continue;
    const reading = andThen(itemsOf(own.text, isSeparator), (items) => readFlags(items, setting, findings));
    if (!reading.ok) for (const problem of reading.problems) addProblem(findings, setting, problem);
    else for (const [name, texts] of reading.value) collect(found, name, texts, setting);
  }
  return found;
}

function collect(found: Map<string, Given>, name: string, { flag, texts }: Texts, setting: string): void {
  const isSingle = flag.takes === 'one' || flag.takes === 'switch';
  // A JSON array is the one spelling in which commas and semicolons of values are safe.
  found.set(name, { text: isSingle ? (texts.at(-1) ?? '') : JSON.stringify(texts), from: setting });
}

function itemsOf(text: string, split: (text: string) => readonly string[]): Reading<readonly string[]> {
  if (!looksLikeJson(text)) return good(split(text));
  return andThen(readJson(text), (json) =>
    json.kind === 'array' ? scalarTexts(json.items) : bad('it is no list', rule),
  );
}

/** Drone joins lists with commas, which values have too: a new flag begins with "-". */
function splitCommas(text: string): readonly string[] {
  return text.split(/\r?\n|,(?=\s*-)/);
}

interface Texts {
  readonly flag: Flag;
  readonly texts: readonly string[];
}

function readFlags(items: readonly string[], setting: string, findings: Findings): Reading<ReadonlyMap<string, Texts>> {
  const words = items.flatMap(wordsOf);
  const found = new Map<string, Texts>();
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const [, name = '', value] = /^(--?[a-z][a-z-]*)(?:=([\s\S]*))?$/.exec(word) ?? [];
    const drop = dropped[name];
    const flag = flags[name];
    if (name === '') return bad(`item ${at + 1} is no flag`, rule);
    if (drop === undefined && flag === undefined) return bad(`the flag ${quote(name)} has no setting here`, rule);
    const isSwitch = (drop ?? flag?.takes) === 'switch';
    const next = value === undefined && !isSwitch ? words[(at += 1)] : value;
    if (next === undefined && !isSwitch) return bad(`the flag ${quote(name)} has no value`, rule);
    if (flag === undefined) {
      addWarning(
        findings,
        setting,
        `${name} is not used: this plugin pushes by itself, and builds on the runner’s daemon`,
      );
      continue;
    }
    const texts = flag.takes === 'names' ? (next ?? '').split(',') : [next ?? 'true'];
    found.set(flag.setting, { flag, texts: [...(found.get(flag.setting)?.texts ?? []), ...texts] });
  }
  return good(found);
}

/** `--flag value`, `--flag=value`, and several of them in one item; quotes round a value are those of a shell. */
function wordsOf(item: string): readonly string[] {
  return item
    .trim()
    .split(/\s+(?=--?[a-z])/)
    .flatMap((part) => {
      const [, name, value] = /^(--?[a-z][a-z-]*)\s+([\s\S]+)$/.exec(part) ?? [];
      return name === undefined || value === undefined ? [part] : [name, value];
    })
    .map((word) => word.replace(/^((?:--?[a-z-]+=)?)(["'])([\s\S]*)\2$/, '$1$3'))
    .filter((word) => word !== '');
}

/**
 * The value of a setting that is given by itself and by flags: lists are joined, and what contradicts the setting is not
 * used, with a warning.
 */
export function joinWithFlags(name: string, own: unknown, fromFlags: unknown, findings: Findings): unknown {
  if (Array.isArray(own) && Array.isArray(fromFlags)) return [...own, ...fromFlags];
  if (own instanceof Map && fromFlags instanceof Map) {
    const lost = [...fromFlags]
      .filter(([key, value]) => own.has(key) && own.get(key) !== value)
      .map(([key]) => String(key));
    if (lost.length > 0)
      addWarning(findings, name, `${lost.join(', ')} of buildx_options is not used; the setting counts`);
    return new Map([...fromFlags, ...own]);
  }
  if (JSON.stringify(own) !== JSON.stringify(fromFlags)) {
    addWarning(findings, name, 'what buildx_options says is not used; the setting counts');
  }
  return own;
}
