// Settings of trust: whose certificates are believed where, what is not verified, which proxies are used.
import { describe, expect, it } from 'vitest';
import { makePlan } from '../../../src/plan/plan.ts';
import { readBuildInfo } from '../../../src/settings/build-info.ts';
import { makeCertificates } from '../../support/certificates.ts';
import { goodStep, readStep, type StepSettings, workspace } from './step.ts';

const { ca, cert, key, otherKey } = makeCertificates();
const plan = (settings: StepSettings, folder?: string) =>
  makePlan(goodStep(settings, folder), readBuildInfo({}), new Date(0)).registries;

describe('authorities', () => {
  it('are believed everywhere, or at the host that they are given for', () => {
    const folder = workspace({ 'a.pem': ca, 'b.pem': `# a comment\n${ca}` });
    expect(plan({ ca_cert: ca }).caCertificates).toEqual([ca]);
    expect(plan({ ca_cert: ca.replaceAll('\n', '\\n') }).caCertificates).toEqual([ca]);
    const { caCertificates, hostTrust } = plan({ ca_cert: 'a.pem,reg.example=b.pem,reg.example=a.pem' }, folder);
    expect(caCertificates).toEqual([ca]);
    expect(hostTrust).toEqual(new Map([['reg.example', { authorities: [ca, ca] }]]));
  });

  it.each([
    ['missing.pem', 'settings.ca_cert: "missing.pem" does not exist'],
    ['reg.example=missing.pem', 'settings.ca_cert: "missing.pem" does not exist'],
    ['empty.pem', 'settings.ca_cert: "empty.pem": it holds no certificate'],
    ['key.pem', 'settings.ca_cert: "key.pem": it holds a private key'],
  ])('from %s are an error', (ca_cert, problem) => {
    const folder = workspace({ 'empty.pem': '', 'key.pem': `${ca}${key}` });
    expect(readStep({ ca_cert }, folder).problems).toEqual([`${problem}; must be PEM text or paths of PEM files`]);
  });

  it('that the machine names and does not have are a warning', () => {
    const folder = workspace({ 'a.pem': ca });
    expect(readStep({ HARNESS_CA_PATH: '/missing.pem' }, folder).warnings).toEqual([
      'settings.ca_cert: (HARNESS_CA_PATH) "/missing.pem" does not exist; not used',
    ]);
    expect(readStep({ SSL_CERT_FILE: '/missing.pem' }, folder).warnings).toEqual([
      'SSL_CERT_FILE is not used: "/missing.pem" does not exist',
    ]);
    expect(plan({ SSL_CERT_FILE: 'a.pem', NODE_EXTRA_CA_CERTS: 'a.pem' }, folder).caCertificates).toEqual([ca]);
  });
});

describe('client certificates', () => {
  it('given as text are for the registries of the image', () => {
    const pair = { cert, key };
    const trust = { authorities: [], clientPair: pair };
    const here = { repo: 'a.io/x,c/d', client_cert: `${cert}${key}` };
    expect(plan(here).hostTrust).toEqual(new Map([['a.io', trust]]));
    expect(plan({ ...here, registry: 'b.io' }).hostTrust).toEqual(new Map([['b.io', trust]]));
    expect(readStep(here).redacted).toEqual(expect.arrayContaining([`${cert}${key}`]));
  });

  it('given as files are for their host, whose key is masked', () => {
    const folder = workspace({ 'c.pem': cert, 'k.pem': key, 'both.pem': `${key}${cert}` });
    const client_cert = 'b.io=c.pem,k.pem,a.io=both.pem';
    const trust = { authorities: [], clientPair: { cert, key } };
    expect(plan({ client_cert }, folder).hostTrust).toEqual(
      new Map([
        ['b.io', trust],
        ['a.io', trust],
      ]),
    );
    expect(readStep({ client_cert }, folder).redacted).toContain(key);
  });

  it.each([
    ['c.pem,missing.pem', 'the key: its file does not exist'],
    ['a.io=both.pem,b.io=missing.pem,k.pem', 'item 2: the certificate: its file does not exist'],
    ['a.io=c.pem,c.pem', 'it holds no private key'],
    ['a.io=c.pem,other.pem', 'its private key does not belong to its first certificate'],
    ['k.pem', 'it holds no certificate'],
    ['locked.pem', 'its private key is protected by a passphrase'],
  ])('from %s are an error that shows nothing', (client_cert, problem) => {
    const locked = '-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n';
    const files = {
      'both.pem': `${cert}${key}`,
      'c.pem': cert,
      'k.pem': key,
      'other.pem': otherKey,
      'locked.pem': `${cert}${locked}`,
    };
    expect(readStep({ client_cert }, workspace(files)).problems).toEqual([
      `settings.client_cert: ${problem}; must be PEM text of a certificate and its key, or host=certificate,key with paths`,
    ]);
  });
});

describe('hosts that are not verified', () => {
  it.each<readonly [StepSettings, readonly string[]]>([
    [{}, []],
    [{ skip_tls_verify: 'true', registry: 'r.example:5000' }, ['r.example:5000']],
    [{ skip_tls_verify: 'true', repo: 'r.example/a,c/d' }, ['r.example']],
    [{ skip_tls_verify: 'false', registry: 'r.example' }, []],
    [{ skip_tls_verify_registry: 'a.io,b.io:5000' }, ['a.io', 'b.io:5000']],
    [{ insecure_skip_verify: 'on', registry: 'r.example' }, ['r.example']],
  ])('%j: %j', (settings, hosts) => {
    const { unverifiedHosts, insecureHosts } = plan(settings);
    expect([...unverifiedHosts]).toEqual(hosts);
    expect([...insecureHosts]).toEqual([]);
  });

  it('are said to be none of the daemon’s business', () => {
    expect(readStep({ skip_tls_verify: 'true', registry: 'r.example' }).warnings).toEqual([
      'settings.skip_tls_verify: applies to publishing; base images are pulled by the daemon, which needs insecure-registries in its daemon.json',
    ]);
  });
});

describe('proxies', () => {
  it('are those of the settings, else of the variables, lower case first', () => {
    const variables = { http_proxy: 'http://lower:1', HTTP_PROXY: 'http://upper:1', NO_PROXY: 'a.io' };
    expect(plan({ https_proxy: 'http://s:2', ...variables }).proxies).toEqual({
      http: 'http://lower:1',
      https: 'http://s:2',
      no: 'a.io',
    });
    expect(plan({ PLUGIN_HTTP_PROXY: 'http://setting:1', ...variables }).proxies.http).toBe('http://setting:1');
  });

  it('that this plugin cannot use are told', () => {
    expect(readStep({ https_proxy: 'socks5://p:1080' }).warnings).toEqual([
      'settings.https_proxy: is no http:// or https:// proxy: the build gets it, this plugin connects without it',
    ]);
  });

  it('have their logins masked', () => {
    expect(readStep({ https_proxy: 'http://u:hunter%2022@p:3128' }).redacted).toEqual(
      expect.arrayContaining(['u:hunter%2022', 'hunter 22']),
    );
  });
});

it('token_hosts are hosts', () => {
  expect([...plan({ token_hosts: 'https://Auth.example/,b.io:5000' }).tokenHosts]).toEqual([
    'auth.example',
    'b.io:5000',
  ]);
});
