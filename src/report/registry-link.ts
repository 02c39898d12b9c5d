// Where people look at a repository with a browser. Clouds have a console of their own; any other registry is taken at its
// word: https://host/path.

const ecrHost = /^(?<account>\d{12})\.dkr\.ecr(?:-fips)?\.(?<region>[a-z0-9-]+)\.amazonaws\.com(?<china>\.cn)?$/;
const garHost = /^(?<location>[a-z0-9-]+)-docker\.pkg\.dev$/;

/** @param repository `host/path` @param portalUrl known address of an Azure registry's page */
export function registryLink(repository: string, portalUrl?: string): string {
  const slash = repository.indexOf('/');
  const host = repository.slice(0, slash);
  const path = repository.slice(slash + 1);
  if (host === 'docker.io') {
    return path.startsWith('library/')
      ? `https://hub.docker.com/_/${path.slice('library/'.length)}`
      : `https://hub.docker.com/r/${path}`;
  }
  if (host === 'public.ecr.aws') return `https://gallery.ecr.aws/${path}`;
  const { account, region, china } = ecrHost.exec(host)?.groups ?? {};
  if (account !== undefined && region !== undefined) {
    const console = china === undefined ? 'console.aws.amazon.com' : 'console.amazonaws.cn';
    return `https://${region}.${console}/ecr/repositories/private/${account}/${path}`;
  }
  if (host === 'gcr.io' || host.endsWith('.gcr.io')) return `https://console.cloud.google.com/gcr/images/${path}`;
  const { location } = garHost.exec(host)?.groups ?? {};
  if (location !== undefined) {
    const [project = '', ...rest] = path.split('/');
    return `https://console.cloud.google.com/artifacts/docker/${project}/${location}/${rest.join('/')}`;
  }
  if (portalUrl !== undefined && /\.azurecr\.(?:io|cn|us)$/.test(host)) return portalUrl;
  return `https://${repository}`;
}
