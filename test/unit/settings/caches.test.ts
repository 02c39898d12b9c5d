// Caches, attestations and annotations as they are written in settings.
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { goodStep, readStep, temporaryFolder, workspace, type StepSettings } from './step.ts';

const registry = (ref: string, more: Readonly<Record<string, string>> = {}) => ({
  type: 'registry',
  attrs: { ref, ...more },
});

describe('cache_from and cache_to', () => {
  it.each<[string, unknown]>([
    ['octo/app:cache', [registry('octo/app:cache')]],
    ['octo/app:cache,octo/app:other', [registry('octo/app:cache'), registry('octo/app:other')]],
    ['type=registry,ref=r.example/a,type=registry,ref=r.example/b', [registry('r.example/a'), registry('r.example/b')]],
    [
      'type=s3,bucket=b,region=eu;octo/app',
      [{ type: 's3', attrs: { bucket: 'b', region: 'eu' } }, registry('octo/app')],
    ],
    ['[{"type":"registry","ref":"octo/app:cache"}]', [registry('octo/app:cache')]],
  ])('read %j', (text, caches) => {
    expect(goodStep({ cache_from: text }).caches.from).toEqual(caches);
    expect(goodStep({ cache_to: text }).caches.to).toEqual(caches);
  });

  it('may be inline when written, and must say true or false of errors', () => {
    expect(goodStep({ cache_to: 'type=inline' }).caches.to).toEqual([{ type: 'inline', attrs: {} }]);
    expect(goodStep({ cache_to: 'type=registry,ref=a/b,mode=max,ignore-error=no' }).caches.to).toEqual([
      registry('a/b', { mode: 'max', 'ignore-error': 'false' }),
    ]);
  });

  it.each<[StepSettings, string]>([
    [{ cache_from: 'type=inline' }, 'must be type=registry,ref='],
    [{ cache_to: 'type=evil' }, 'type "evil" is not known here'],
    [{ cache_to: 'mode=max' }, 'it has no type'],
    [{ cache_to: 'type=registry' }, 'empty'],
    [{ cache_to: 'type=local' }, 'type=local has no dest'],
    [{ cache_from: 'type=local,dest=x' }, 'type=local has no src'],
    [{ cache_to: 'type=inline,mode=all' }, 'mode "all" is not known'],
    [{ cache_to: 'type=registry,ref=a/b,ignore-error=perhaps' }, 'ignore-error "perhaps" is not a boolean'],
    [{ cache_images: 'a/b,A/B' }, 'item 2: '],
    [{ cache_repo: 'a/b:tag', enable_cache: 'true' }, 'has a tag'],
  ])('%j is refused', (settings, words) => {
    expect(readStep(settings).problems).toEqual([expect.stringContaining(words)]);
  });

  it('get the secrets that Harness writes as placeholders, and mask these and all others', () => {
    const outcome = readStep({
      cache_from:
        'type=s3,bucket=b,access_key_id=harness_placeholder_aws_creds,secret_access_key=harness_placeholder_aws_creds',
      cache_to:
        'type=gcs,gcp_json_key=harness_placeholder_gcp_creds;type=azblob,account_key=harness_placeholder_azure_creds;type=gha,token=hunter2222',
      harness_self_hosted_s3_access_key: 'AKIA-of-s3',
      harness_self_hosted_s3_secret_key: 'secret-of-s3',
      harness_self_hosted_gcp_json_key: '{"private_key":"of-gcp"}',
    });
    const encoded = Buffer.from('{"private_key":"of-gcp"}').toString('base64');
    expect(outcome.settings?.caches).toEqual({
      from: [{ type: 's3', attrs: { bucket: 'b', access_key_id: 'AKIA-of-s3', secret_access_key: 'secret-of-s3' } }],
      to: [
        { type: 'gcs', attrs: { gcp_json_key: encoded } },
        { type: 'azblob', attrs: {} },
        { type: 'gha', attrs: { token: 'hunter2222' } },
      ],
    });
    expect(outcome.redacted).toEqual(expect.arrayContaining(['AKIA-of-s3', 'secret-of-s3', encoded, 'hunter2222']));
    expect(outcome.warnings).toEqual([
      'settings.cache_to: account_key is a placeholder of Harness whose setting is not given; left out',
    ]);
  });

  it('keep local caches in folders that no link leads out of the workspace', () => {
    const outside = temporaryFolder();
    const folder = workspace({ 'kept/index.json': '{}' });
    symlinkSync(outside, join(folder, 'away'));
    const caches = goodStep(
      { cache_from: 'type=local,src=kept;type=local,src=missing', cache_to: 'type=local,dest=new/one' },
      folder,
    );
    expect(caches.caches).toEqual({
      from: [
        { type: 'local', attrs: { src: join(folder, 'kept') } },
        { type: 'local', attrs: { src: join(folder, 'missing') } },
      ],
      to: [{ type: 'local', attrs: { dest: join(folder, 'new/one') } }],
    });
    const { problems } = readStep({ cache_from: 'type=local,src=away', cache_to: 'type=local,dest=away/new' }, folder);
    expect(problems).toEqual([
      expect.stringMatching(/^settings.cache_from: the link "away" leads out of the workspace; src must be/),
      expect.stringMatching(/^settings.cache_to: .*leads out of the workspace; dest must be/),
    ]);
    expect(readStep({ cache_to: 'type=local,dest=Dockerfile' }, folder).problems).toHaveLength(1);
    expect(readStep({ cache_from: 'type=local,src=Dockerfile' }, folder).problems).toHaveLength(1);
  });

  it('tell S3 how addresses are written', () => {
    const styles = (settings: StepSettings) =>
      goodStep(settings).caches.from.map(({ attrs }) => attrs['use_path_style']);
    const cache_from = 'type=s3,bucket=a;type=s3,bucket=b,use_path_style=false;octo/app';
    expect(styles({ cache_from, path_style: 'true' })).toEqual(['true', 'false', undefined]);
    expect(styles({ cache_from, AWS_PLUGIN_PATH_STYLE: 'true' })).toEqual(['true', 'false', undefined]);
    expect(styles({ cache_from })).toEqual([undefined, 'false', undefined]);
  });
});

describe('provenance, sbom and attests', () => {
  const provenance = (attrs: Readonly<Record<string, string>>, required = true) => ({
    type: 'provenance',
    attrs,
    required,
  });

  it.each<[StepSettings, unknown]>([
    [{}, []],
    [{ provenance: 'false', sbom: 'no' }, []],
    [{ provenance: 'true' }, [provenance({ mode: 'min' }, false)]],
    [{ provenance: 'mode=max' }, [provenance({ mode: 'max' })]],
    [{ provenance: 'builder-id=https://ci' }, [provenance({ mode: 'min', 'builder-id': 'https://ci' })]],
    [{ sbom: 'true' }, [{ type: 'sbom', attrs: {}, required: false }]],
    [{ sbom: 'generator=a/b:1' }, [{ type: 'sbom', attrs: { generator: 'a/b:1' }, required: true }]],
    [
      { attests: 'type=provenance,mode=max\ntype=sbom' },
      [provenance({ mode: 'max' }), { type: 'sbom', attrs: {}, required: false }],
    ],
    [{ attests: 'type=provenance,disabled=true' }, []],
    [{ attests: 'type=provenance,mode=max', provenance: 'mode=max' }, [provenance({ mode: 'max' })]],
  ])('%j', (settings, attestations) => {
    expect(goodStep(settings).attestations).toEqual(attestations);
  });

  it.each<[StepSettings, string]>([
    [{ provenance: 'max' }, 'settings.provenance: it is neither a boolean nor key=value'],
    [{ provenance: 'mode=all' }, 'mode "all" is not known'],
    [{ provenance: 'color=red' }, '"color" is not known'],
    [{ sbom: 'generator=A B' }, 'settings.sbom: '],
    [{ attests: 'mode=max' }, 'it has no type'],
    [{ attests: 'type=vex' }, 'type "vex" is not known'],
    [{ attests: 'type=provenance,mode=max', provenance: 'true' }, 'settings.attests: it contradicts provenance'],
    [{ attests: 'type=sbom', sbom: 'false' }, 'settings.attests: it contradicts sbom'],
    [{ attests: 'type=sbom;type=sbom,generator=a/b' }, 'settings.attests: it contradicts itself'],
  ])('%j is refused', (settings, words) => {
    expect(readStep(settings).problems).toEqual([expect.stringContaining(words)]);
  });

  it('warn that mode=max publishes build arguments', () => {
    expect(goodStep({ provenance: 'mode=max' }).warnings).toEqual([expect.stringContaining('build arguments')]);
    expect(goodStep({ provenance: 'true' }).warnings).toEqual([]);
  });
});

describe('annotations', () => {
  const of = (level: string, key: string, value: string, platform?: string) => ({
    level,
    key,
    value,
    ...(platform === undefined ? {} : { platform }),
  });

  it.each<[string, unknown]>([
    ['org.example.a=1', [of('manifest', 'org.example.a', '1')]],
    ['org.example.a=1, 2;b=3', [of('manifest', 'org.example.a', '1, 2'), of('manifest', 'b', '3')]],
    // A YAML list, as Drone hands it over.
    ['org.example.a=1,org.example.b=2', [of('manifest', 'org.example.a', '1'), of('manifest', 'org.example.b', '2')]],
    ['org.example.a=x,y=2', [of('manifest', 'org.example.a', 'x,y=2')]],
    ['index:a=1', [of('index', 'a', '1')]],
    ['manifest[linux/arm/v7]:a=1', [of('manifest', 'a', '1', 'linux/arm/v7')]],
    ['index,manifest:a=1', [of('index', 'a', '1'), of('manifest', 'a', '1')]],
    ['{"index:a":"1","b":"x=y"}', [of('index', 'a', '1'), of('manifest', 'b', 'x=y')]],
  ])('%j', (text, annotations) => {
    expect(goodStep({ annotations: text }).values.annotations).toEqual(annotations);
  });

  it.each([
    ['a', 'it has no "="'],
    ['image:a=1', '"image" has no annotations'],
    ['index[linux/amd64]:a=1', 'an index has no platform'],
    ['manifest[dos/amd64]:a=1', 'not a known operating system'],
  ])('%j is refused', (text, words) => {
    expect(readStep({ annotations: text }).problems).toEqual([expect.stringContaining(words)]);
  });

  it('need OCI manifests, and an image that is made here', () => {
    expect(readStep({ annotations: 'a=1', oci_mediatypes: 'false' }).problems).toEqual([
      expect.stringContaining('settings.oci_mediatypes: '),
    ]);
    expect(readStep({ annotations: 'a=1', oci_mediatypes: 'true' }).problems).toEqual([]);
  });
});
