// The readers of settings about the surroundings of RUN: limits of the kernel, and what the build may ask of the daemon.
import { oneOf, orList } from './kinds.ts';
import { looksLikeJson, type Item } from './list-kinds.ts';
import { pairs, type PairRules } from './map-kinds.ts';
import { andThen, atItem, bad, gather, good, quote, show, type Kind, type Reading } from './reading.ts';

/** A resource limit of RUN; -1 means unlimited. */
export interface ResourceLimit {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** As setrlimit(2) has them; the names are those of docker run. */
const limitNames = new Set(
  'core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack'.split(' '),
);

const limitRules: PairRules = {
  name: 'limits',
  key: /^[a-z]+$/i,
  keyRule: 'must be the name of a limit, such as nofile',
  bare: 'refused',
};

/** `nofile=1024:2048` or `nofile=1024`. Limits hold no commas, so these separate them as line ends and ";" do. */
export const resourceLimits: Kind<readonly ResourceLimit[]> = {
  name: `map of ${limitRules.name}`,
  repeatable: true,
  read(text, context) {
    const lines = looksLikeJson(text) ? text : text.replace(/[;,]/g, '\n');
    return andThen(pairs(limitRules).read(lines, context), (found) =>
      gather([...found].map(([name, value], index) => atItem(readLimit(name.toLowerCase(), value.trim()), index + 1))),
    );
  },
};

function readLimit(name: string, value: string): Reading<ResourceLimit> {
  if (!limitNames.has(name)) return bad(`${quote(name)} is not a limit`, `must be ${orList([...limitNames])}`);
  const [, soft, hard = soft] = /^(-1|\d{1,15})(?::(-1|\d{1,15}))?$/.exec(value) ?? [];
  if (soft === undefined || hard === undefined) {
    return bad(`${quote(value)} is not a value for ${name}`, 'must be written soft:hard, such as nofile=1024:2048');
  }
  const limit = { name, soft: Number(soft), hard: Number(hard) };
  return limit.hard >= 0 && (limit.soft < 0 || limit.soft > limit.hard)
    ? bad(`the soft limit of ${name} is above the hard one`, 'must be written soft:hard')
    : good(limit);
}

/** The network of RUN. */
export const runNetwork: Kind<'default' | 'none' | 'host'> = oneOf('default', 'none', 'host');

/** What a build may only do when both sides agree. */
export const entitlementNames = ['network.host', 'security.insecure'] as const;
export type Entitlement = (typeof entitlementNames)[number];

/** One of them. */
export const entitlement: Item<Entitlement> = {
  name: 'entitlements',
  read(text, context) {
    const found = entitlementNames.find((name) => name === text.toLowerCase());
    return found === undefined
      ? bad(`${show(text, context)} is not an entitlement`, `must be ${orList(entitlementNames)}`)
      : good(found);
  },
};

/** A path among the control groups of the daemon's machine. */
export const controlGroup: Kind<string> = {
  name: 'control group',
  read: (text, context) =>
    /^[\w./:@-]+$/.test(text.trim()) && !text.split('/').includes('..')
      ? good(text.trim())
      : bad(`${show(text, context)} is not a control group`, 'must be a path such as /builds, or a slice'),
};
