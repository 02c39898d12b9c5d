// The setting `environment`: variables beside those of the step, for what names variables: bare build arguments,
// build_args_from_env and secrets_from_env. No other setting is read from them.
import { addProblem, type Findings } from './findings.ts';
import type { Given } from './given.ts';
import { readJson, scalarText } from './list-kinds.ts';
import { andThen, atItem, bad, gather, good, type Environment, type Kind, type Reading } from './reading.ts';

const rule = 'must be a JSON object of names and values';

/** A JSON object of variables. Its values may be secrets: they are never shown. */
export const variables: Kind<ReadonlyMap<string, string>> = {
  name: 'JSON object',
  read(text) {
    const json = readJson(text.trim());
    if (!json.ok) return json;
    if (json.value.kind !== 'object') return bad('it is not a JSON object', rule);
    const entries = [...json.value.members].map(([name, value], index) =>
      atItem(
        andThen(scalarText(value), (scalar) => checkVariable(name, scalar)),
        index + 1,
      ),
    );
    return andThen(gather(entries), (checked) => good(new Map(checked)));
  },
};

function checkVariable(name: string, value: string): Reading<readonly [string, string]> {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return bad('its name is not that of a variable', rule);
  return value.includes('\0') ? bad('its value holds a NUL byte', rule) : good([name, value] as const);
}

/** The environment in which variables are looked up. Those of the step win. */
export function lookUpEnvironment(
  environment: Environment,
  given: ReadonlyMap<string, Given>,
  findings: Findings,
): Environment {
  const own = given.get('environment');
  if (own === undefined) return environment;
  const reading = variables.read(own.text, { from: own.from, secret: true, environment, redact: () => undefined });
  if (!reading.ok) {
    for (const problem of reading.problems) addProblem(findings, 'environment', problem);
    return environment;
  }
  return Object.assign(Object.create(null), Object.fromEntries(reading.value), environment);
}
