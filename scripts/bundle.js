// Bundles src/main.ts into dist/ with code splitting, so that a part that only some steps need is loaded only by them.
// The image holds this folder and Node, no node_modules.
import { readFile, rm } from 'node:fs/promises';
import { build } from 'esbuild';

/** Parts of dockerode that nothing here calls; its modem is replaced by src/engine/docker-api.ts. */
const unusedByUs = [
  '@balena/dockerignore',
  '@grpc/grpc-js',
  '@grpc/proto-loader',
  'docker-modem',
  'protobufjs',
  'tar-fs',
];
/** Native speed-ups of ssh2, which goes on in JavaScript when they cannot be loaded. */
const nativeOptions = /(^cpu-features$|\.node$)/;

/** Resolves the unused parts to an empty module, and the native ones to a module that fails to load. */
const leaveOut = {
  name: 'leave-out',
  setup(bundle) {
    const unused = new RegExp(`^(${unusedByUs.join('|')})$`);
    bundle.onResolve({ filter: unused }, ({ path }) => ({ path, namespace: 'unused' }));
    bundle.onResolve({ filter: nativeOptions }, ({ path }) => ({ path, namespace: 'native' }));
    bundle.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'module.exports = {};' }));
    bundle.onLoad({ filter: /.*/, namespace: 'native' }, ({ path }) => ({
      contents: `throw new Error(${JSON.stringify(`${path} is not in the bundle`)});`,
    }));
  },
};

const { version } = JSON.parse(await readFile('package.json', 'utf8'));

await rm('dist', { recursive: true, force: true });
await build({
  entryPoints: { main: 'src/main.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  chunkNames: 'chunks/[name]-[hash]',
  minifySyntax: true,
  legalComments: 'linked',
  define: { 'process.env.DOCKER_BUILD_VERSION': JSON.stringify(version) },
  banner: {
    // What CommonJS modules (dockerode, ssh2) expect to find.
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url); const __dirname = import.meta.dirname;",
  },
  plugins: [leaveOut],
  logLevel: 'warning',
});
