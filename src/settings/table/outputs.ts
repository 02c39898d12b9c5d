// Rows: the image as files of the workspace, and on the daemon.
import { known, offWords } from './row.ts';

export const outputRows = {
  load: known('refused', ['PLUGIN_LOAD', 'PLUGIN_BUILDX_LOAD'], 'Keep the image on the daemon.', { inert: offWords }),
  outputs: known('refused', ['PLUGIN_OUTPUT', 'PLUGIN_OUTPUTS'], 'Write the result to files.'),
  tar_path: known('refused', ['PLUGIN_TAR_PATH', 'PLUGIN_DESTINATION_TAR_PATH'], 'Write the image to an archive.'),
  buildx_output_format: known('unused', ['PLUGIN_BUILDX_OUTPUT_FORMAT'], 'Format of `tar_path`.', {
    inert: ['docker'],
  }),
  oci_layout_path: known('refused', ['PLUGIN_OCI_LAYOUT_PATH'], 'Write the image to a folder.'),
};
