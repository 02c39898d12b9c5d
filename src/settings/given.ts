// Which text each setting was given, and by which name: flags first, then the environment's names in the order of the
// table. Runners differ in how they make variable names of YAML keys, so PLUGIN_ names are also found when written with
// "-", "." or in lower case; an exact spelling wins.
import { addWarning, type Findings } from './findings.ts';
import { nearestName } from './nearest-name.ts';
import { escapeControls, type Environment, type Redact } from './reading.ts';
import { table } from './table.ts';
import type { Row } from './table/row.ts';
import { chooseVariant, type VariantChoice } from './variant.ts';

/** The text of a setting and where it was found (`PLUGIN_REPO`, `--repo`). */
export interface Given {
  readonly text: string;
  readonly from: string;
}

/** What was given, and what kind of registry it is for. */
export interface GivenSettings {
  readonly given: ReadonlyMap<string, Given>;
  readonly variant: VariantChoice;
}

/** What was given, by setting. Empty texts count as not given. Secrets are registered, also under names that lose. */
export function findGiven(
  environment: Environment,
  flags: ReadonlyMap<string, string>,
  redact: Redact,
  findings: Findings,
): GivenSettings {
  const variables = pluginVariables(environment, findings);
  const offered = new Map(
    [...table].map(([setting, row]) => [
      setting,
      candidates(setting, row, environment, variables, flags).filter(({ text }) => isFilled(text, row)),
    ]),
  );
  const variant = chooseVariant(
    new Map([...offered].map(([name, texts]) => [name, texts.filter(isForAll(name))])),
    findings,
  );
  const given = new Map<string, Given>();
  for (const [setting, row] of table) {
    const found = (offered.get(setting) ?? []).filter(({ from }) => countsIn(variant, row, from));
    if (isWhollySecret(row)) for (const { text } of found) redact(text);
    const [first] = found;
    if (first === undefined) continue;
    given.set(setting, first);
    const other = found.find(({ from, text }) => from.startsWith('PLUGIN_') && text !== first.text);
    if (other !== undefined && first.from.startsWith('PLUGIN_')) {
      addWarning(findings, setting, `${first.from} and ${other.from} differ; ${first.from} counts`);
    }
  }
  warnOfUnknown(variables, findings);
  return { given, variant };
}

/** Whether a text was offered under a name that counts in every variant: no other may choose one. */
function isForAll(setting: string): (given: Given) => boolean {
  const row = table.get(setting);
  const onlyIn = row?.status === 'works' ? row.onlyIn : undefined;
  return ({ from }) => onlyIn?.[from] === undefined;
}

/** Plain variables of a cloud count in its variant only: other steps use `TOKEN` for other things. */
function countsIn(variant: VariantChoice, row: Row, from: string): boolean {
  if (row.status !== 'works') return true;
  const only = row.onlyIn?.[from];
  if (only !== undefined) return variant.name === only && !variant.soft;
  if (row.plainIn === undefined || /^(?:PLUGIN_|--)/.test(from)) return true;
  return row.plainIn.includes(variant.name) && !(variant.soft && row.plainOnlyWhenChosen === true);
}

/** True when the text is the secret itself, rather than a list that names secrets or a path to them. */
function isWhollySecret(row: Row): boolean {
  return row.secret === true && (row.status !== 'works' || row.kind.name === 'secret');
}

function candidates(
  setting: string,
  row: Row,
  environment: Environment,
  variables: ReadonlyMap<string, Variable>,
  flags: ReadonlyMap<string, string>,
): readonly Given[] {
  const flag = flags.get(setting);
  const fromFlag = flag === undefined ? [] : [{ text: flag, from: `--${setting.replaceAll('_', '-')}` }];
  const names = row.status === 'works' ? row.env : row.env.filter((name) => name.startsWith('PLUGIN_'));
  const fromEnvironment = names.map((name) => {
    const text = name.startsWith('PLUGIN_') ? variables.get(name)?.text : environment[name];
    return { text: text ?? '', from: name };
  });
  return [...fromFlag, ...fromEnvironment];
}

function isFilled(text: string, row: Row): boolean {
  const keepsBlanks = row.status === 'works' && row.kind.keepsBlanks === true;
  return (keepsBlanks ? text : text.trim()) !== '';
}

interface Variable {
  readonly text: string;
  /** As it stands in the environment. */
  readonly spelling: string;
}

/** PLUGIN_ variables by normalised name. */
function pluginVariables(environment: Environment, findings: Findings): ReadonlyMap<string, Variable> {
  const variables = new Map<string, Variable>();
  for (const [spelling, text] of Object.entries(environment)) {
    if (text === undefined || text === '' || !/^plugin[_.-]/i.test(spelling)) continue;
    const name = spelling.toUpperCase().replace(/[-.]/g, '_');
    const other = variables.get(name);
    if (other !== undefined && other.text !== text) {
      const winner = spelling === name ? spelling : other.spelling;
      findings.warnings.push(escapeControls(`${other.spelling} and ${spelling} differ; ${winner} counts`));
    }
    if (other === undefined || spelling === name) variables.set(name, { text, spelling });
  }
  return variables;
}

function warnOfUnknown(variables: ReadonlyMap<string, Variable>, findings: Findings): void {
  const names = [...table.values()].flatMap(({ env }) => env).filter((name) => name.startsWith('PLUGIN_'));
  const known = new Set(names);
  for (const [name, { spelling }] of variables) {
    if (known.has(name)) continue;
    const nearest = nearestName(name, names);
    const advice = nearest === undefined ? '' : `; did you mean ${settingName(nearest)}?`;
    findings.warnings.push(escapeControls(`setting ${settingName(spelling)} is not known and not used${advice}`));
  }
}

/** What a person writes in YAML for a variable. */
function settingName(variable: string): string {
  return variable.slice('PLUGIN_'.length, 'PLUGIN_'.length + 80).toLowerCase();
}
