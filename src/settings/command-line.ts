// Flags: every setting is one, in the name of the table with "-" or "_" (`--dry-run`, `--repo x`), since drone-docker's
// image forwards its arguments. A flag wins over the environment. Secrets are refused: a command line is no secret.
import minimist from 'minimist';
import { addProblem, type Findings } from './findings.ts';
import { quote } from './reading.ts';
import { table } from './table.ts';

/** What a run is asked to do. */
export type Mode = 'run' | 'check' | 'help' | 'version';

export interface CommandLine {
  readonly mode: Mode;
  /** Text by setting name. */
  readonly flags: ReadonlyMap<string, string>;
}

const modes: readonly Mode[] = ['help', 'version', 'check'];

/** Reads the arguments behind the program's name. Problems are entered into the findings. */
export function readCommandLine(argv: readonly string[], findings: Findings): CommandLine {
  const settingOf = flagNames();
  const flags = new Map<string, string>();
  const { known, unknown } = canonical(argv, settingOf);
  const parsed = minimist(known, {
    string: ['_', ...settingOf.keys()],
    boolean: [...modes],
    unknown: (argument) => {
      unknown.push(argument);
      return false;
    },
  });
  for (const argument of unknown) {
    const name = argument.split('=')[0] ?? '';
    findings.problems.push(
      argument.startsWith('-')
        ? `flag ${quote(name)}: is not known; must be a setting such as --repo, or --check, --help or --version`
        : 'an argument that is not a flag was given; must be flags such as --repo name',
    );
  }
  for (const [name, setting] of settingOf) {
    const given: unknown = Object.hasOwn(parsed, name) ? parsed[name] : undefined;
    const texts = Array.isArray(given) ? given.map(String) : typeof given === 'string' ? [given] : [];
    if (texts.length > 0) takeFlag(setting, texts, flags, findings);
  }
  return { mode: modes.find((mode) => parsed[mode] === true) ?? 'run', flags };
}

function takeFlag(setting: string, texts: readonly string[], flags: Map<string, string>, findings: Findings): void {
  const row = table.get(setting);
  if (row === undefined) return;
  const all = [...(flags.has(setting) ? [flags.get(setting) ?? ''] : []), ...texts];
  if (row.secret === true) {
    addProblem(findings, setting, {
      wrong: 'it is given as a flag, which everybody on the machine can read',
      right: `must be given by the environment${row.env[0] === undefined ? '' : ` (${row.env[0]})`}`,
    });
  } else if (all.length > 1 && !(row.status === 'works' && row.kind.repeatable === true)) {
    addProblem(findings, setting, { wrong: `its flag is given ${all.length} times`, right: 'must be given once' });
  } else {
    flags.set(setting, all.join('\n'));
  }
}

/** Names of flags (with "-") and the settings that they stand for: table names first, then PLUGIN_ aliases. */
function flagNames(): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const name of table.keys()) names.set(name.replaceAll('_', '-'), name);
  for (const [setting, { env }] of table) {
    for (const variable of env) {
      if (!variable.startsWith('PLUGIN_')) continue;
      const name = variable.slice('PLUGIN_'.length).toLowerCase().replaceAll('_', '-');
      if (!names.has(name)) names.set(name, setting);
    }
  }
  return names;
}

interface CanonicalArguments {
  readonly known: string[];
  readonly unknown: string[];
}

/**
 * Known flags as `--name=value`, so that minimist does not take `--no-cache` for "cache: no", a value that begins with
 * "-" for a flag, or the word behind a boolean for its value.
 */
function canonical(argv: readonly string[], settingOf: ReadonlyMap<string, string>): CanonicalArguments {
  const known: string[] = [];
  const unknown: string[] = [];
  for (let at = 0; at < argv.length; at += 1) {
    const argument = argv[at] ?? '';
    const [, written, value] = /^--([A-Za-z][\w-]*)(?:=([\s\S]*))?$/.exec(argument) ?? [];
    const name = written?.replaceAll('_', '-').toLowerCase() ?? '';
    const row = table.get(settingOf.get(name) ?? '');
    if (row === undefined) {
      // minimist stumbles over flags that are named like members of every object (--constructor).
      const isMode = modes.some((mode) => argument === `--${mode}`);
      (argument.startsWith('--') && !isMode ? unknown : known).push(argument);
    } else if (value !== undefined) {
      known.push(`--${name}=${value}`);
    } else if (isSwitch(row) && !/^(?:true|false)$/i.test(argv[at + 1] ?? '')) {
      known.push(`--${name}=true`);
    } else {
      known.push(`--${name}=${argv[at + 1] ?? ''}`);
      at += 1;
    }
  }
  return { known, unknown };
}

/** True when a flag needs no value. */
function isSwitch(row: NonNullable<ReturnType<typeof table.get>>): boolean {
  return row.status === 'works' ? row.kind.name === 'boolean' : row.inert.includes('false');
}
