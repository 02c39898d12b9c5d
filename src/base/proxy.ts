// Which proxy a request goes through, by the rules that Go programs follow, since the same variables steer docker and
// BuildKit in the same pipelines: the scheme of the target chooses the proxy, loopback never has one, and the list of
// exceptions knows hosts, suffixes, addresses, networks and ports. golang.org/x/net/http/httpproxy
import { BlockList, isIP, isIPv6 } from 'node:net';

/** The three settings as they were given; a login in a proxy's URL is a secret. */
export interface ProxySettings {
  /** For targets in plain http. */
  readonly http?: string | undefined;
  /** For targets with TLS; the one for plain http does not stand in. */
  readonly https?: string | undefined;
  /** Targets without a proxy. */
  readonly no?: string | undefined;
}

/** URL of the proxy for a target, with its login when it has one; undefined = directly. */
export type ProxyFor = (target: URL) => string | undefined;

/** The rule for all requests of a run. A proxy that `readProxy` cannot use counts as none. */
export function proxyRule({ http, https, no }: ProxySettings): ProxyFor {
  const plain = readProxy(http ?? '')?.href;
  const secure = readProxy(https ?? '')?.href;
  const isDirect = exceptions(no ?? '');
  return (target) => {
    const proxy = target.protocol === 'https:' ? secure : plain;
    if (proxy === undefined) return undefined;
    const host = target.hostname.toLowerCase().replace(/^\[|\]$|\.$/g, '');
    const port = target.port === '' ? (target.protocol === 'https:' ? '443' : '80') : target.port;
    return isThisMachine(host) || isDirect(host, port) ? undefined : proxy;
  };
}

/** A proxy that HTTP can be spoken to; `proxy:3128` counts as http://proxy:3128. undefined for all else, e.g. SOCKS. */
export function readProxy(text: string): URL | undefined {
  const value = text.trim();
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const url = value !== '' && URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.hostname !== '' ? url : undefined;
}

/** A proxy as it may be shown: without its login. */
export function shownProxy(proxy: string): string {
  const url = new URL(proxy);
  return `${url.protocol}//${url.host}`;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isThisMachine(host: string): boolean {
  return host === 'localhost' || isIn(loopback, host);
}

function isIn(list: BlockList, host: string): boolean {
  return isIP(host) !== 0 && list.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');
}

type Exception = (host: string, port: string) => boolean;

/** Whether a host and port are excepted by a list such as `.corp.example,10.0.0.0/8,db:5432`. */
function exceptions(list: string): Exception {
  const entries = list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '');
  const rules = entries.map(readException).filter((rule) => rule !== undefined);
  return (host, port) => rules.some((rule) => rule(host, port));
}

function readException(entry: string): Exception | undefined {
  if (entry === '*') return () => true;
  const network = readNetwork(entry);
  if (network !== undefined) return (host) => isIn(network, host);
  const [name, port] = splitPort(entry);
  const fits = (actual: string): boolean => port === undefined || port === actual;
  if (isIP(name) !== 0) {
    const list = new BlockList();
    list.addAddress(name, isIPv6(name) ? 'ipv6' : 'ipv4');
    return (host, actual) => fits(actual) && isIn(list, host);
  }
  const suffix = name.replace(/^\*(?=\.)/, '').replace(/\.$/, '');
  if (suffix === '' || suffix === '.') return undefined;
  // `example.com` is itself and what lies below it; `.example.com` and `*.example.com` are only what lies below.
  return suffix.startsWith('.')
    ? (host, actual) => fits(actual) && host.endsWith(suffix)
    : (host, actual) => fits(actual) && (host === suffix || host.endsWith(`.${suffix}`));
}

function readNetwork(entry: string): BlockList | undefined {
  const match = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(entry);
  const address = match?.[1] ?? '';
  const bits = Number(match?.[2]);
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  if (isIP(address) === 0 || bits > (family === 'ipv6' ? 128 : 32)) return undefined;
  const list = new BlockList();
  list.addSubnet(address, bits, family);
  return list;
}

/** `host:port`, `[::1]:port`, or one of them without port. */
function splitPort(entry: string): readonly [string, string | undefined] {
  const bracketed = /^\[([0-9a-f:.]+)\](?::(\d+))?$/.exec(entry);
  if (bracketed !== null) return [bracketed[1] ?? '', bracketed[2]];
  if (isIPv6(entry)) return [entry, undefined];
  const match = /^(.*?):(\d+)$/.exec(entry);
  return match === null ? [entry, undefined] : [match[1] ?? '', match[2]];
}
