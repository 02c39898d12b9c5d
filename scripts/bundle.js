// Bundles src/main.ts into dist/ with code splitting, so that a part that only some steps need is loaded only by them.
// The image holds this folder and Node, no node_modules.
import { readFile, rm } from 'node:fs/promises';
import { builtinModules } from 'node:module';
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

/** What of undici src/registry uses, put together as its index does; the rest is fetch, cookies and web sockets. */
const undiciParts = {
  name: 'undici-parts',
  setup(bundle) {
    bundle.onResolve({ filter: /^undici$/ }, ({ path }) => ({ path, namespace: 'undici-parts' }));
    bundle.onLoad({ filter: /.*/, namespace: 'undici-parts' }, () => ({
      resolveDir: '.',
      contents: `
        import api from 'undici/lib/api/index.js';
        import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
        Object.assign(Dispatcher.prototype, api);
        export { default as Pool } from 'undici/lib/dispatcher/pool.js';
        export { default as ProxyAgent } from 'undici/lib/dispatcher/proxy-agent.js';
      `,
    }));
  },
};

/**
 * Loads Node's own modules by require(). An import of node:http reads all of its exports, and one of them is a getter that
 * loads fetch and web sockets: a third of the time until the first line of the log.
 */
const builtinsByRequire = {
  name: 'builtins-by-require',
  setup(bundle) {
    const builtins = new Set(builtinModules);
    bundle.onResolve({ filter: /^(node:)?[a-z0-9_/]+$/ }, ({ path, namespace }) => {
      const name = path.replace(/^node:/, '');
      if (!builtins.has(name)) return undefined;
      return namespace === 'builtin' ? { path: `node:${name}`, external: true } : { path: name, namespace: 'builtin' };
    });
    bundle.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = require('node:${path}');`,
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
  // Half the bytes to parse at each start; names stay, for stack traces.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'linked',
  define: {
    'process.env.DOCKER_BUILD_VERSION': JSON.stringify(version),
    // Which versions of Node the SDK of AWS will need is nothing for the log of a step: the image brings its own.
    'process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED': '"true"',
  },
  banner: {
    // What CommonJS modules (dockerode, ssh2) expect to find.
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url); const __dirname = import.meta.dirname;",
  },
  plugins: [leaveOut, undiciParts, builtinsByRequire],
  logLevel: 'warning',
});
