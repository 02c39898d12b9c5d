// A throwaway certificate authority with one server and one client certificate, made by openssl, named as Docker names them
// (https://docs.docker.com/engine/security/protect-access/): ca.pem, server-cert.pem, server-key.pem, cert.pem, key.pem.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Makes the files in `folder` for a server on loopback and returns the folder of the client's three.
 *
 * @param names of the server, as OpenSSL writes them
 */
export function makeEngineCertificates(folder: string, names = 'DNS:localhost,IP:127.0.0.1'): string {
  const client = join(folder, 'client');
  mkdirSync(client, { recursive: true });
  const openssl = (command: string): unknown =>
    execFileSync('openssl', command.split(' '), { cwd: folder, stdio: 'pipe' });
  const newKey = 'req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';
  openssl(`${newKey} -subj /CN=authority -x509 -days 2 -keyout ca-key.pem -out ca.pem`);

  const sign = (name: string, extensions: string): void => {
    writeFileSync(join(folder, `${name}extensions`), extensions);
    openssl(`${newKey} -subj /CN=test -keyout ${name}key.pem -out ${name}request.pem`);
    const authority = '-CA ca.pem -CAkey ca-key.pem -CAcreateserial';
    openssl(`x509 -req -days 2 -in ${name}request.pem ${authority} -extfile ${name}extensions -out ${name}cert.pem`);
  };
  sign('server-', `subjectAltName=${names}\nextendedKeyUsage=serverAuth\n`);
  sign('client/', 'extendedKeyUsage=clientAuth\n');
  copyFileSync(join(folder, 'ca.pem'), join(client, 'ca.pem'));
  return client;
}
