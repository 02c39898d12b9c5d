// Bad settings: each with what is wrong and what is right, all at once, before any connection.
import { symlinkSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSettings } from '../../../src/settings/read-settings.ts';
import { workspaceFiles } from '../../../src/settings/workspace-files.ts';
import { readStep, temporaryFolder, workspace, type StepSettings } from './step.ts';

const wholeLine = (setting: string, text: string) => new RegExp(String.raw`^settings\.${setting}: .*${text}.*`);

describe('names and tags', () => {
  it.each<[string, StepSettings, string]>([
    ['repo', { repo: '' }, 'required and missing; must be the repository'],
    ['repo', { repo: ' ' }, 'required and missing'],
    ['repo', { repo: 'a b/c' }, 'space at position 2'],
    ['repo', { repo: 'foo:1.2' }, 'tag belongs in `tags`'],
    ['repo', { repo: 'reg.example/foo:1.2' }, 'tag belongs in `tags`'],
    ['repo', { repo: 'https://reg/x' }, 'scheme; must be the name without'],
    ['repo', { repo: '-rf/x' }, 'must not begin with "-"'],
    ['repo', { repo: `reg.example/${'a'.repeat(250)}` }, 'at most 255'],
    ['repo', { repo: 'reg:99999/x' }, 'port'],
    ['repo', { repo: 'reg:0/x' }, 'port'],
    ['repo', { repo: '::1/x' }, 'brackets'],
    ['repo', { repo: 'example.com/App' }, 'upper-case'],
    ['repo', { repo: 'a@sha256:00' }, 'must be the name of a repository alone'],
    ['repo', { repo: 'a,,b/${DRONE_REPO}' }, 'item 3: .*not replaced'],
    ['repo', { repo: '{"a":"b"}' }, 'must be a list'],
    ['repo', { repo: '["a",null]' }, 'item 2: it is null; must be text'],
    ['repo', { repo: '["a"' }, 'not JSON.* at byte 4'],
    ['repo', { repo: ',' }, 'at least one item'],
    ['registry', { registry: 'https://user:hunter22@x' }, 'holds a login'],
    ['registry', { registry: 'https://x/path?q' }, 'query'],
    ['registry', { registry: 'ftp://x' }, 'scheme'],
    ['registry', { registry: 'x:70000' }, 'port from 1 to 65535'],
    ['registry', { registry: 'a..b' }, 'is not a host'],
    ['insecure_registries', { insecure_registries: 'a,999.1.1.1' }, 'item 2: "999.1.1.1" is not a host'],
    ['repo', { repo: '999.1.1.1/x' }, 'not a host name'],
    [
      'cache_from',
      { cache_from: 'https://user:hunter22@r.example/app' },
      'a text with "@" is not the name of an image',
    ],
    ['cache_from', { cache_from: 'user:hunter22@r.example/app' }, 'a text with "@" is not the name of an image'],
    ['tags', { tags: '-x' }, 'must begin with a letter'],
    ['tags', { tags: '.x' }, 'must begin with a letter'],
    ['tags', { tags: 'a'.repeat(129) }, 'at most 128'],
    ['tags', { tags: '${DRONE_TAG}' }, 'variable that was not replaced'],
    ['tags', { tags: 'app:1' }, 'extra_tags'],
    ['tags', { tags: '1e+21' }, 'quote numbers in YAML'],
    ['tags', { tags: 'a b' }, 'must consist of'],
    ['tags', { tags: Array.from({ length: 51 }, (_, index) => `t${index}`).join(',') }, 'at most 50'],
    ['auto_tag_suffix', { auto_tag: 'true', auto_tag_suffix: ' x' }, 'cannot end a tag'],
    ['auto_tag_suffix', { auto_tag: 'true', auto_tag_suffix: '/' }, 'cannot end a tag'],
    ['auto_tag_latest', { auto_tag: 'true', auto_tag_latest: 'all' }, 'must be branch, release, both or none'],
    ['default_tag', { auto_tag: 'true', default_tag: 'a/b' }, 'extra_tags'],
  ])('%s: %j', (setting, settings, text) => {
    const { problems } = readStep(settings);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(wholeLine(setting, text));
  });

  it('an IPv6 registry in brackets is fine', () => {
    expect(readStep({ repo: '[::1]:5000/x' }).settings?.values.repo?.[0]).toMatchObject({
      domain: '[::1]:5000',
      path: 'x',
    });
  });

  it('an empty tag or one given twice causes a warning', () => {
    const { settings, warnings } = readStep({ tags: '1,,2,1' });
    expect(settings?.tags.list).toEqual(['1', '2']);
    expect(warnings).toEqual([
      'settings.tags: item 2: empty, dropped',
      'settings.tags: an item is given twice; it counts once',
    ]);
  });

  it('credentials for another host than that of repo cause a warning', () => {
    const { warnings } = readStep({ registry: 'a.example', repo: 'b.com/x', username: 'u', password: 'hunter22' });
    expect(warnings).toEqual([
      'settings.registry: username and password belong to a.example only, while repo is at b.com; set registry to the host that they are for',
    ]);
  });
});

describe('booleans, numbers and what belongs to a daemon', () => {
  it.each<[string, StepSettings, string]>([
    ['dry_run', { dry_run: 'perhaps' }, '"perhaps" is not a boolean; must be true or false'],
    ['daemon_retry_count', { daemon_retry_count: '1e9' }, 'from 0 to 600'],
    ['daemon_retry_count', { daemon_retry_count: 'abc' }, 'not an integer; must be an integer from 0 to 600'],
    ['daemon_retry_count', { daemon_retry_count: '601' }, 'from 0 to 600'],
    ['retries', { retries: '1.5' }, 'integer from 0 to 20'],
    ['retries', { retries: '21' }, 'integer from 0 to 20'],
    ['max_concurrent_uploads', { max_concurrent_uploads: '0' }, 'from 1 to 32'],
    ['compression_level', { compression_level: '99' }, 'from 1 to 19'],
    ['log_level', { log_level: 'loud' }, 'must be panic'],
    ['docker_host', { docker_host: 'ssh://me@host' }, 'ssh:// is not supported'],
    ['docker_host', { docker_host: 'tcp://' }, 'no host'],
    ['docker_host', { docker_host: 'unix://sock' }, 'absolute path'],
    ['docker_host', { docker_host: '/var/run/docker.sock' }, 'unix:///path'],
    ['docker_host', { DOCKER_HOST: 'ftp://x' }, String.raw`\(DOCKER_HOST\) .* is not an address`],
    ['docker_api_version', { docker_api_version: 'new' }, 'must be written 1.41'],
    ['docker_tls_key', { docker_tls_cert: '-----BEGIN CERTIFICATE-----' }, 'given together'],
    ['push', { push: 'true', dry_run: 'true' }, 'contradict'],
    ['compression_level', { compression: 'zstd', compression_level: '20' }, 'from 1 to 19'],
    ['compression_level', { compression_level: '10' }, 'from 1 to 9 with gzip'],
    ['compression', { compression: 'xz' }, 'must be gzip, zstd or uncompressed'],
    ['oci_mediatypes', { oci_mediatypes: 'docker' }, 'must be auto, true or false'],
    ['oci_mediatypes', { oci_mediatypes: 'false', compression: 'zstd' }, 'must be true or auto with compression: zstd'],
    ['timeout', { timeout: '30' }, 'needs a unit'],
    ['timeout', { timeout: '25h' }, 'at most 24h'],
    ['upload_chunk_size', { upload_chunk_size: 'big' }, 'such as 64m'],
    ['verify', { verify: 'all' }, 'must be tags, full or off'],
    ['on_partial_publish', { on_partial_publish: 'undo' }, 'must be restore or keep'],
    ['push_only', { push_only: 'true', dry_run: 'true' }, 'must not be combined with dry_run'],
    ['push_only', { push_only: 'true', push: 'false' }, 'must not be combined with dry_run'],
    ['source_image', { push_only: 'true', source_image: 'Bad/Name:1' }, 'upper-case'],
    ['source_image', { push_only: 'true', source_image: 'app@sha256:12' }, 'hex digits'],
    ['source_image', { push_only: 'true', source_image: `app@sha512:${'a'.repeat(128)}` }, 'not a sha256 one'],
    [
      'source_image',
      { push_only: 'true', source_image: `sha256:${'a'.repeat(64)}`, source_from: 'registry' },
      'id of an',
    ],
    ['source_from', { push_only: 'true', source_from: 'disk' }, 'must be auto, registry or daemon'],
    ['source_tar_path', { push_only: 'true', source_tar_path: 'nowhere.tar' }, '"nowhere.tar" does not exist'],
    ['source_tar_path', { push_only: 'true', source_tar_path: '/proc/self/environ' }, 'it leads into /proc'],
    ['provenance', { provenance: 'mode=full' }, 'mode "full" is not known'],
    ['json_key', { json_key: 'hunter22' }, 'neither JSON nor base64 of JSON'],
  ])('%s: %j', (setting, settings, text) => {
    const { problems } = readStep(settings);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(wholeLine(setting, text));
  });

  it('options of a daemon that we do not start cause one warning, and are not judged', () => {
    const { problems, warnings } = readStep({
      mtu: '0',
      bip: 'x',
      storage_driver: 'vfs',
      storage_path: '/x',
      custom_dns: '1.1.1.1',
      ipv6: 'true',
      mirror: 'https://m',
      daemon_off: 'false',
      purge: 'true',
      squash: 'false',
    });
    expect(problems).toEqual([]);
    expect(warnings).toEqual([
      "not used: mirror, storage_driver, storage_path, bip, mtu, ipv6, custom_dns; the runner's daemon is used, an administrator sets these in its daemon.json",
    ]);
  });
});

describe('files and context', () => {
  it.each<[string, StepSettings, string]>([
    ['context', { context: 'Dockerfile' }, 'is a file, not a directory'],
    ['context', { context: 'nowhere' }, 'does not exist'],
    ['context', { context: '/' }, 'whole file system'],
    ['context', { context: '/proc/self' }, 'leads into /proc'],
    ['context', { context: 'https://x.git#-b' }, 'ref begins with "-"'],
    ['context', { context: 'https://user:pw@example.com/x.git' }, 'holds a login'],
    ['context', { context: 'https://token@example.com/x.git' }, 'holds a login'],
    ['context', { context: 'ssh://git:pw@example.com/x.git' }, 'holds a login'],
    ['context', { context: 'ssh://-oProxyCommand=x/y.git' }, 'begins with "-"'],
    ['context', { context: 'git@-oProxyCommand=x:y.git' }, 'begins with "-"'],
    ['context', { context: 'git@example.com:x.git#--upload-pack=x' }, 'ref begins with "-"'],
    ['context', { context: 'git://example.com/x.git' }, 'git://'],
    ['context', { context: 'https://example.com/x.git#main:../..' }, 'leads out of the repository'],
    ['context', { context: 'https://example.com/x.git#a..b' }, 'not a name that git allows'],
    ['context', { context: 'https://example.com/x#main' }, 'no address of a git repository'],
    ['context', { context: 'https://exam ple.com/x' }, 'blanks'],
    [
      'dockerfile',
      { context: 'https://example.com/x.git', dockerfile: '../Dockerfile' },
      'inside of the remote context',
    ],
    ['dockerfile', { context: 'https://example.com/x.git', dockerfile: '/Dockerfile' }, 'inside of the remote context'],
    [
      'context_sub_path',
      { context: 'https://example.com/x.git', context_sub_path: '../a' },
      'leads out of the context',
    ],
    ['named_context', { named_context: 'nothing' }, 'no "="'],
    ['named_context', { named_context: 'a=target:stage' }, '"target:" is not available'],
    ['named_context', { named_context: 'a=docker-image://Bad Ref' }, 'white space'],
    ['named_context', { named_context: 'a=nowhere' }, 'does not exist'],
    ['named_context', { named_context: 'a=/' }, 'whole file system'],
    ['named_context', { named_context: 'a=https://example.com/x.git#-b' }, 'ref begins with "-"'],
    ['named_context', { named_context: 'A B=.' }, 'name is not allowed'],
    [
      'github_token',
      { github_token: 'ghtoken', context: 'https://e.com/x.git', secret: '{"GIT_AUTH_TOKEN":"other"}' },
      'id GIT_AUTH_TOKEN',
    ],
    ['context', { context: 'ext::sh -c x' }, 'transport helper'],
    ['context', { context: 'file:///etc' }, 'no scheme of a context'],
    ['context', { context: 'a\0b' }, 'NUL'],
    ['context_sub_path', { context_sub_path: '../x' }, 'leads out of the context'],
    ['dockerfile', { dockerfile: '.' }, 'is a directory'],
    ['dockerfile', { dockerfile: 'nowhere/Dockerfile' }, 'does not exist'],
    ['dockerfile', { dockerfile: 'empty' }, 'is empty'],
    ['dockerfile', { dockerfile: 'long' }, 'longer than 1 MiB'],
    ['dockerfile', { dockerfile: 'fifo' }, 'is a fifo'],
    ['dockerfile', { dockerfile: '/dev/null' }, 'leads into /dev'],
    ['dockerfile', { dockerfile: 'link' }, 'the link "link" leads out of the workspace'],
    ['dockerfile', { dockerfile: 'a\0b' }, 'NUL'],
    ['tags_file', { tags_file: 'nowhere' }, 'does not exist'],
    ['tags_file', { tags_file: 'empty' }, 'names no tag'],
    ['tags_file', { tags_file: 'fifo' }, 'is a fifo'],
    ['secrets_from_file', { secrets_from_file: 'x=/nope' }, 'item 1: "/nope" does not exist'],
    ['secrets_from_file', { secrets_from_file: 'x=.' }, 'is a directory'],
    ['secrets_from_file', { secrets_from_file: 'x=fifo' }, 'is a fifo'],
    ['secrets_from_file', { secrets_from_file: 'x=long' }, 'longer than 500 KiB'],
    ['secrets_from_file', { secrets_from_file: 'x=link' }, 'leads out of the workspace'],
    ['secrets_from_file', { secrets_from_file: 'x=/proc/self/environ' }, 'leads into /proc'],
    ['ca_cert', { ca_cert: 'nowhere.pem' }, 'does not exist'],
    ['ca_cert', { ca_cert: 'Dockerfile' }, 'holds no certificate'],
  ])('%s: %j', (setting, settings, text) => {
    const folder = workspace({ empty: '', long: 'x'.repeat(1024 * 1024 + 1) });
    symlinkSync('/etc/passwd', join(folder, 'link'));
    execFileSync('mkfifo', [join(folder, 'fifo')]);
    const { problems } = readStep(settings, folder);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(wholeLine(setting, text));
  });

  it('a folder above the workspace is fine as context, when the setting itself says so', () => {
    const top = temporaryFolder({ 'a/b/Dockerfile': 'FROM scratch\n' });
    expect(readStep({ context: '../..' }, join(top, 'a/b')).settings?.source).toMatchObject({ contextDirectory: top });
  });

  it('a link that leaves the workspace is followed when that is asked for', () => {
    const folder = workspace();
    const outside = temporaryFolder({ 'other.Dockerfile': 'FROM scratch\n' });
    symlinkSync(join(outside, 'other.Dockerfile'), join(folder, 'link'));
    const { settings } = readStep({ dockerfile: 'link', follow_outside_links: 'true' }, folder);
    expect(settings?.source).toMatchObject({ dockerfileDirectory: outside, dockerfileName: 'other.Dockerfile' });
  });

  it.each<[string, string | Buffer, string]>([
    ['binary', Buffer.from([0, 1, 2, 255]), 'is not a text file'],
    ['too long', 'a,'.repeat(40_000), 'longer than 64 KiB'],
    ['a bad tag', 'good\n${BAD}\n', 'item 2: .*not replaced'],
    ['empty', '\n', 'names no tag'],
  ])('a file .tags that is %s is an error', (_, content, text) => {
    const { problems } = readStep({}, workspace({ '.tags': content }));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(wholeLine('tags', text));
  });

  it('a file .tags that is a link to outside is an error, and ignore_tags_file passes it over', () => {
    const folder = workspace();
    symlinkSync(join(temporaryFolder({ t: 'prod' }), 't'), join(folder, '.tags'));
    expect(readStep({}, folder).problems[0]).toMatch(wholeLine('tags', 'leads out of the workspace'));
    expect(readStep({ ignore_tags_file: 'true' }, folder).settings?.tags.list).toEqual(['latest']);
  });
});

describe('build options', () => {
  it.each<[string, StepSettings, string]>([
    ['build_args', { build_args: '=x' }, 'item 1: the name in front of "=" is empty'],
    ['build_args', { build_args: '1A=hunter22' }, 'item 1: its name is not allowed'],
    ['build_args', { build_args: 'A-B=hunter22' }, 'name'],
    ['build_args', { build_args: '{"A":{"from_secret":"b"}}' }, 'from_secret'],
    ['build_args', { build_args: '{"A":["hunter22"]}' }, 'must be text'],
    ['build_args', { build_args: '{"A":"hunter22","A":"b"}' }, 'key that occurs twice'],
    ['build_args_from_env', { build_args_from_env: 'A=hunter22' }, 'it is not the name of a variable'],
    ['custom_labels', { custom_labels: 'nokey' }, 'must be written key=value'],
    ['custom_labels', { custom_labels: '=v' }, 'empty'],
    ['label_schema', { label_schema: 'a' }, 'must be written key=value'],
    ['platform', { platform: 'linux' }, 'os/arch'],
    ['platform', { platform: 'linux/foo' }, 'not a known architecture'],
    ['platform', { platform: 'dos/amd64' }, 'not a known operating system'],
    ['platform', { platform: 'linux/arm/seven' }, 'variant'],
    ['add_host', { add_host: 'db' }, 'host:ip'],
    ['add_host', { add_host: 'db:1.2.3' }, 'IP address or host-gateway'],
    ['cache_from', { cache_from: 'type=evil,ref=x' }, 'must be type=registry'],
    ['cache_from', { cache_from: 'type=registry' }, 'empty'],
    ['cache_from', { cache_from: 'a/b,A/B' }, 'item 2: '],
    ['target', { target: 'a b' }, 'name of a stage'],
    ['no_cache_filter', { no_cache_filter: 'a,b;c' }, 'item 2: .*name of a stage'],
    ['source_date_epoch', { source_date_epoch: '-1' }, 'integer'],
    ['source_date_epoch', { SOURCE_DATE_EPOCH: 'soon' }, String.raw`\(SOURCE_DATE_EPOCH\)`],
  ])('%s: %j', (setting, settings, text) => {
    const { problems } = readStep(settings);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(wholeLine(setting, text));
    expect(problems[0]).not.toContain('hunter22');
  });

  it.each<[StepSettings, RegExp]>([
    [{ build_args: 'FOO' }, /^settings.build_args: item 1: variable FOO is not set/],
    [{ build_args: '__proto__' }, /variable __proto__ is not set/],
    [{ build_args_from_env: 'toString' }, /variable toString is not set/],
    [{ secrets_from_env: 'a=constructor' }, /its variable is not set/],
    [{ build_args: 'A=1,2 3' }, /^settings.build_args: item 2: .*neither NAME=value.*build_args_new/],
    [{ build_args: 'A=1,A=2' }, /^settings.build_args: "A" is given twice/],
    [{ build_args_from_env: 'NOPE' }, /^settings.build_args_from_env: variable NOPE is not set/],
    [{ build_args: 'NPM_TOKEN=x' }, /NPM_TOKEN can be read by everybody/],
    [{ build_args_new: 'A=1' }, /is used, although/],
    [{ build_args: 'A=1', build_args_new: 'B=1' }, /is not used, because build_args is given/],
    [{ cache_repo: 'a/cache' }, /^settings.cache_repo: does nothing without enable_cache/],
    [{ label_schema: 'a=b', auto_label: 'false' }, /does nothing without auto_label/],
    [{ auto_tag_suffix: 'x' }, /does nothing without auto_tag/],
    [{ auto_tag: 'true', tags: '1.0' }, /^settings.tags: is not used, because auto_tag makes the tags/],
    [{ docker_host: 'tcp://docker:2375' }, /without TLS/],
    [{ insecure: 'true' }, /insecure-registries in its daemon.json/],
    [{ pull_image: 'false' }, /may decide what FROM means/],
    [{ registry: 'http://r.example' }, /without TLS, because the setting says http/],
    [{ username: 'u' }, /is not used without password/],
    [{ HARNESS_CA_PATH: '/nope.pem' }, /HARNESS_CA_PATH.*not used/],
  ])('%j causes one warning', (settings, text) => {
    const { problems, warnings } = readStep(settings);
    expect(problems).toEqual([]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(text);
  });

  it('auto_tag with tags that say latest only causes no warning', () => {
    expect(readStep({ auto_tag: 'true', tags: 'latest' }).warnings).toEqual([]);
  });
});

describe('secrets and credentials', () => {
  const long = 'i'.repeat(300);
  it.each<[string, StepSettings, string]>([
    ['username', { password: 'hunter22' }, 'missing, while password is given'],
    ['config', { config: '{"auths":{"hunter22"' }, 'not JSON.*byte'],
    ['config', { config: 'hunter22' }, 'neither JSON nor a file'],
    ['config', { config: '{"hunter22":1}' }, 'no "auths"'],
    ['config', { config: '{"auths":{"a.example":{"auth":"hunter22!"}}}' }, 'entry 1 of "auths": "auth" is not base64'],
    ['config', { config: '{"auths":{"a.example":"hunter22"}}' }, 'entry 1 of "auths" is no object'],
    ['config', { config: `{"auths":{},"x":"${'x'.repeat(1024 * 1024)}"}` }, 'longer than 1 MiB'],
    ['secret', { secret: 'hunter22' }, 'has no id'],
    ['secret', { secret: 'id=' }, 'id is not allowed'],
    ['secret', { secret: 'id=a,src=' }, 'empty'],
    ['secret', { secret: 'id=a,foo=hunter22' }, 'field that is not known'],
    ['secret', { secret: 'id=a,env=B,src=hunter22' }, 'both env and src'],
    ['secret', { secret: 'id=a,src=hunter22' }, 'item 1: its file cannot be read'],
    ['secret', { secret: '{"a b":"hunter22"}' }, 'item 1: its id is not allowed'],
    ['secret', { secret: 'id=a/b,env=X' }, 'id is not allowed'],
    ['secret', { secret: `id=${long},env=X` }, 'id is not allowed'],
    ['secrets_from_env', { secrets_from_env: 'A=B,hunter22' }, 'item 2: it has no "="'],
    ['secrets_from_env', { secrets_from_env: 'a=' }, 'after "="'],
    ['secrets_from_env', { secrets_from_env: '=hunter22' }, 'before "="'],
    ['secrets_from_env', { secrets_from_env: 'a=X', secret: '{"a":"hunter22"}', X: 'y' }, 'id is given twice'],
    ['ssh_agent_key', { ssh_agent_key: 'ssh-ed25519 AAAAhunter22' }, 'public key'],
    ['ssh_agent_key', { ssh_agent_key: 'hunter22' }, 'BEGIN'],
    [
      'ssh_agent_key',
      { ssh_agent_key: '-----BEGIN ENCRYPTED PRIVATE KEY-----\nhunter22\n-----END ENCRYPTED PRIVATE KEY-----' },
      'passphrase',
    ],
    ['ssh_agent_key', { ssh_agent_key: '-----BEGIN OPENSSH PRIVATE KEY-----\nhunter22' }, 'cut off'],
    ['build_args', { build_args: 'A=hunter22', username: 'u', password: 'hunter22' }, 'value of A is that of a secret'],
    ['build_args', { build_args: 'A=hunter22', secret: '{"a":"hunter22"}' }, 'secrets_from_env'],
  ])('%s: %j', (setting, settings, text) => {
    const { problems } = readStep(settings);
    const about = problems.filter((problem) => wholeLine(setting, text).test(problem));
    expect(about.map((problem) => problem.length > 0)).toEqual([true]);
    expect(problems.join('\n')).not.toContain('hunter22');
  });

  it('all broken logins of a config are named, by their position', () => {
    const config = '{"auths":{"a.example":{},"b.example":{"auth":7},"c.example":{"auth":"hunter22"},"d.example":1}}';
    const rule = 'must be the text of a docker config.json, or the path of one';
    expect(readStep({ config }).problems).toEqual([
      `settings.config: entry 2 of "auths": "auth" is no text; ${rule}`,
      `settings.config: entry 3 of "auths": "auth" is not base64 of user:password; ${rule}`,
      `settings.config: entry 4 of "auths" is no object; ${rule}`,
    ]);
  });

  it.each<[StepSettings, string]>([
    [{ build_args_new: 'A=hunter22' }, 'build_args_new'],
    [{ build_args: 'A=hunter22', multiple_build_args: 'true' }, 'build_args'],
    [{ build_args_from_env: 'A', A: 'hunter22' }, 'build_args_from_env'],
  ])('%j: a secret as build argument is said of the setting that holds it', (settings, name) => {
    const { problems } = readStep({ username: 'u', password: 'hunter22', ...settings });
    expect(problems).toEqual([expect.stringMatching(`^settings\\.${name}: the value of A is that of a secret`)]);
  });

  it.each<[StepSettings, string]>([
    [{ build_args_new: 'API_TOKEN=x', multiple_build_args: 'true' }, 'build_args_new'],
    [{ build_args_from_env: 'API_TOKEN', API_TOKEN: 'x' }, 'build_args_from_env'],
  ])('%j: a name that sounds secret is warned of where it is', (settings, name) => {
    expect(readStep(settings).warnings).toEqual([expect.stringMatching(`^settings\\.${name}: API_TOKEN can be read`)]);
  });

  it('secret_scan relaxes what is said about build arguments', () => {
    const step = { build_args: 'A=hunter22', username: 'u', password: 'hunter22', registry: 'example.com' };
    expect(readStep({ ...step, secret_scan: 'warn' }).warnings).toEqual([
      expect.stringContaining('value of A is that of a secret'),
    ]);
    expect(readStep({ ...step, secret_scan: 'off' })).toMatchObject({ problems: [], warnings: [] });
  });

  it('a password that ends with a line end is used without it', () => {
    const { settings, warnings } = readStep({ registry: 'example.com', username: 'u', password: 'hunter22\n' });
    expect(settings?.values.password).toBe('hunter22');
    expect(warnings).toEqual(['settings.password: ended with a newline, which was removed']);
  });

  it('credential programs of a config cause a warning', () => {
    const { warnings } = readStep({ config: '{"auths":{},"credsStore":"desktop"}' });
    expect(warnings).toEqual([expect.stringContaining('credential program desktop')]);
  });
});

describe('all at once', () => {
  it('ten bad settings give ten lines', () => {
    const { problems } = readStep({
      repo: 'https://x/y',
      tags: 'a b',
      registry: 'ftp://x',
      password: 'hunter22',
      dry_run: 'perhaps',
      retries: '99',
      platform: 'linux',
      context: 'nowhere',
      dockerfile: 'nowhere/Dockerfile',
      build_args: '=x',
    });
    expect(problems.map((problem) => problem.split(':')[0])).toEqual(
      expect.arrayContaining(
        'repo tags registry username dry_run retries platform context dockerfile build_args'
          .split(' ')
          .map((name) => `settings.${name}`),
      ),
    );
    expect(problems).toHaveLength(10);
  });

  it('are counted in the message, and end the run with exit code 2', () => {
    const read = () =>
      readSettings({
        env: { PLUGIN_TAGS: '-', PLUGIN_RETRIES: 'x' },
        argv: [],
        files: workspaceFiles(workspace()),
        redact: () => undefined,
      });
    expect(read).toThrow(expect.objectContaining({ exitCode: 2, code: 'settings', message: '3 settings are wrong' }));
  });
});
