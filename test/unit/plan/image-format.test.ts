import { describe, expect, it } from 'vitest';
import { formatAttrs, imageFormat } from '../../../src/plan/image-format.ts';
import { goodStep, type StepSettings } from '../settings/step.ts';

describe('the form of an image', () => {
  it.each<readonly [StepSettings, object, object]>([
    [{}, { family: 'docker', compression: 'gzip', level: 4 }, {}],
    [{ compression_level: '9' }, { family: 'docker', compression: 'gzip', level: 9 }, { 'compression-level': '9' }],
    [{ oci_mediatypes: 'true' }, { family: 'oci', compression: 'gzip', level: 4 }, { 'oci-mediatypes': 'true' }],
    [{ oci_mediatypes: 'false' }, { family: 'docker', compression: 'gzip', level: 4 }, { 'oci-mediatypes': 'false' }],
    [
      { compression: 'zstd', compression_level: '19' },
      { family: 'oci', compression: 'zstd', level: 19 },
      { compression: 'zstd', 'compression-level': '19', 'force-compression': 'true', 'oci-mediatypes': 'true' },
    ],
    [
      { compression: 'uncompressed', compression_level: '3' },
      { family: 'docker', compression: 'uncompressed' },
      { compression: 'uncompressed', 'force-compression': 'true' },
    ],
  ])('by %j', (settings, format, attrs) => {
    const step = goodStep(settings);
    expect(imageFormat(step)).toMatchObject(format);
    expect(formatAttrs(step)).toEqual(attrs);
  });
});
