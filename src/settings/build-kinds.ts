// The readers of settings that shape a build: platforms, host entries, cache sources, names of variables, stages.
import { isIP } from 'node:net';
import { readReference } from './destination-kinds.ts';
import type { Item } from './list-kinds.ts';
import type { PairRules } from './map-kinds.ts';
import { andThen, bad, good, quote, show, type Kind } from './reading.ts';

const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Build arguments: names are those of ARG instructions. */
export const buildArguments: PairRules = {
  name: 'build arguments',
  key: variableName,
  keyRule: 'must be a name of letters, digits and "_" that does not begin with a digit',
  bare: 'environment',
};

/** Labels: any name without blanks; a value is required, even if empty. */
export const labels: PairRules = {
  name: 'labels',
  key: /^[^\s=,"'\u0000-\u001f]+$/,
  keyRule: 'must be a name without blanks, quotes and commas',
  bare: 'refused',
};

/** The name of an environment variable. */
export const variable: Item<string> = {
  name: 'variables',
  read: (text, context) =>
    variableName.test(text)
      ? good(text)
      : bad(
          `${text.includes('=') ? 'it' : show(text, context)} is not the name of a variable`,
          'must be a name such as NPM_TOKEN',
        ),
};

/** A stage of the Dockerfile, by name or number. */
export const stage: Item<string> = {
  name: 'stages',
  read: (text, context) =>
    /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(text)
      ? good(text)
      : bad(`${show(text, context)} is not the name of a stage`, 'must be a name or number of a FROM instruction'),
};

/** One stage. */
export const oneStage: Kind<string> = { name: 'stage', read: (text, context) => stage.read(text.trim(), context) };

const systems = new Set(['linux', 'windows', 'freebsd', 'darwin', 'wasi', 'wasip1']);
const machines = new Set(
  'amd64 arm64 arm 386 ppc64le ppc64 s390x riscv64 mips mipsle mips64 mips64le loong64 wasm'.split(' '),
);
const machineAliases: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  i386: '386',
};

/** A platform, `os/arch[/variant]`. */
export const platform: Item<string> = {
  name: 'platforms',
  read(text, context) {
    const shape = 'must be written os/arch or os/arch/variant, such as linux/amd64';
    const [system = '', machine = '', variant, ...more] = text.toLowerCase().split('/');
    if (machine === '' || more.length > 0) return bad(`${show(text, context)} is not a platform`, shape);
    const arch = machineAliases[machine] ?? machine;
    if (!systems.has(system)) return bad(`${quote(system)} is not a known operating system`, shape);
    if (!machines.has(arch))
      return bad(`${quote(machine)} is not a known architecture`, `must be one of ${[...machines].join(', ')}`);
    if (variant === undefined) return good(`${system}/${arch}`);
    return /^v\d+(?:\.\d+)?$/.test(variant)
      ? good(`${system}/${arch}/${variant}`)
      : bad(`${quote(variant)} is not a variant`, 'must be a variant such as v7');
  },
};

/** The name of an image; BuildKit reads it again, so it stays as it was written. */
export const imageName: Kind<string> = {
  name: 'image',
  read: (text) => andThen(readReference(text.trim()), () => good(text.trim())),
};

/** An entry for /etc/hosts during the build. */
export interface HostEntry {
  readonly host: string;
  /** An IP address without brackets, or `host-gateway`. */
  readonly address: string;
}

/** `host:ip` or `host=ip`. */
export const hostEntry: Item<HostEntry> = {
  name: 'host entries',
  read(text, context) {
    const match = /^([A-Za-z0-9_][A-Za-z0-9_.-]*)[:=](.+)$/.exec(text);
    const [, host, written] = match ?? [];
    if (host === undefined || written === undefined) {
      return bad(`${show(text, context)} is not a host entry`, 'must be written host:ip');
    }
    const address = written.trim().replace(/^\[(.*)\]$/, '$1');
    return address === 'host-gateway' || isIP(address) > 0
      ? good({ host, address })
      : bad(`${quote(written)} is not an IP address`, 'must be an IP address or host-gateway');
  },
};
