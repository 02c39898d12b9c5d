// Rows: the image as files of the workspace, and on the daemon.
import { bool, oneOf, path } from '../kinds.ts';
import { outputSpecs } from '../output-kinds.ts';
import { works, worksWithDefault } from './row.ts';

export const outputRows = {
  load: worksWithDefault(false, {
    env: ['PLUGIN_LOAD', 'PLUGIN_BUILDX_LOAD'],
    kind: bool,
    help: 'Keep the image on the daemon for later steps, under a name `docker-build.invalid/kept/…` that the log tells and that ends with the time and a random part; never under a real one. It stays until somebody removes it.',
  }),
  outputs: works({
    env: ['PLUGIN_OUTPUT', 'PLUGIN_OUTPUTS'],
    kind: outputSpecs,
    help: 'Write the result to files, besides publishing or in a dry run: `type=local,dest=out` (the files of the image), `type=tar`, `type=oci` or `type=docker` with `dest=FILE`; `type=oci,tar=false` writes a folder. A path alone is a local one. Several may be given.',
  }),
  tar_path: works({
    env: ['PLUGIN_TAR_PATH', 'PLUGIN_DESTINATION_TAR_PATH'],
    kind: path,
    help: 'Write the image to this archive, with its names, for `docker load` and others. Layers are uncompressed when the daemon has a graph-driver image store.',
  }),
  buildx_output_format: worksWithDefault('docker', {
    env: ['PLUGIN_BUILDX_OUTPUT_FORMAT'],
    kind: oneOf('docker', 'oci'),
    help: 'Format of `tar_path`. An image in `oci` has the digest of the published one where that has OCI media types too (`oci_mediatypes: true`, containerd image store).',
  }),
  oci_layout_path: works({
    env: ['PLUGIN_OCI_LAYOUT_PATH'],
    kind: path,
    help: 'Write the image to this folder as an OCI image layout.',
  }),
};
