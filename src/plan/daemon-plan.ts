// Where the daemon is and how it is reached, from the settings.
import type { Settings } from '../settings/settings.ts';

/** How the daemon is reached. */
export interface DaemonPlan {
  /** Absent: the usual sockets are searched. */
  readonly host?: string;
  readonly tlsVerify: boolean;
  /** Folder with ca.pem, cert.pem and key.pem. */
  readonly certPath?: string;
  /** PEM texts. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly apiVersion?: string;
  readonly waitSeconds: number;
}

/** How the daemon is reached, by the settings. */
export function daemonPlan({ values }: Settings): DaemonPlan {
  const tls = {
    ...(values.docker_tls_ca === undefined ? {} : { ca: values.docker_tls_ca }),
    ...(values.docker_tls_cert === undefined ? {} : { cert: values.docker_tls_cert }),
    ...(values.docker_tls_key === undefined ? {} : { key: values.docker_tls_key }),
  };
  return {
    ...(values.docker_host === undefined ? {} : { host: values.docker_host }),
    tlsVerify: values.docker_tls_verify,
    ...(values.docker_cert_path === undefined ? {} : { certPath: values.docker_cert_path }),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    ...(values.docker_api_version === undefined ? {} : { apiVersion: values.docker_api_version }),
    waitSeconds: values.daemon_retry_count,
  };
}
