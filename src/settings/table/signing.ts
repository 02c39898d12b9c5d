// Rows: signatures of what is published.
import { bool, secret } from '../kinds.ts';
import { signingKey, signingOptions } from '../signing-kinds.ts';
import { works, worksWithDefault } from './row.ts';

export const signingRows = {
  cosign_private_key: works({
    env: ['PLUGIN_COSIGN_PRIVATE_KEY'],
    kind: signingKey,
    secret: true,
    help: 'Sign each published digest with this key, as `cosign sign` does: PEM text or a path; ECDSA, RSA, Ed25519, or a key made by cosign. Keys in a key service (KMS) and keyless signing are not supported.',
  }),
  cosign_password: works({
    env: ['PLUGIN_COSIGN_PASSWORD'],
    kind: secret,
    secret: true,
    help: 'Password of `cosign_private_key`.',
  }),
  cosign_params: works({
    env: ['PLUGIN_COSIGN_PARAMS'],
    kind: signingOptions,
    help: 'Options of signing: `-a key=value` signs annotations along, `--recursive` signs the images of an index too. Nothing is written to a transparency log: `--tlog-upload=false` says that you know, and `cosign verify` needs `--insecure-ignore-tlog`.',
  }),
  cosign_required: worksWithDefault(true, {
    env: ['PLUGIN_COSIGN_REQUIRED'],
    kind: bool,
    help: 'Fail the step (exit code 4) when signing fails; false makes it a warning. What was published stays published either way.',
  }),
};
