// Settings of the daemon that are fine alone and wrong, or pointless, together.
import { addProblem, addWarning } from '../findings.ts';
import type { CrossInputs } from './cross-inputs.ts';

/** Checks how the daemon is reached. */
export function checkDaemon({ values, findings }: CrossInputs): void {
  const { docker_host: host, docker_tls_verify: verify, docker_tls_cert: cert, docker_tls_key: key } = values;
  if ((cert === undefined) !== (key === undefined)) {
    const missing = cert === undefined ? 'docker_tls_cert' : 'docker_tls_key';
    addProblem(findings, missing, {
      wrong: 'it is missing',
      right: 'docker_tls_cert and docker_tls_key must be given together',
    });
  }
  const usesTls =
    verify || values.docker_cert_path !== undefined || cert !== undefined || values.docker_tls_ca !== undefined;
  if (host === undefined || usesTls || !/^(?:tcp|http):/i.test(host)) return;
  if (/^[a-z]+:\/\/(?:localhost|127\.|\[::1\])/i.test(host)) return;
  addWarning(
    findings,
    'docker_host',
    'the daemon is reached without TLS: who can read that network reads the secrets of the build',
  );
}
