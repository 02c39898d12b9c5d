// Several logins in one step: the one for base images is used for pulls alone, `logins` serves two registries, a token takes
// the place of a password. The registries' own records say who came to them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publishBaseImage } from '../support/base-image.ts';
import { contrastingEngineKinds, type EngineAddress } from '../support/engines.ts';
import { registryUsers, startRegistry, type TestRegistry } from '../support/registry.ts';
import { expectExit, runPlugin } from '../support/run-plugin.ts';
import { sharedEngine } from '../support/shared-engine.ts';
import { listTags } from '../support/skopeo.ts';
import { makeWorkspace } from '../support/workspace.ts';

const reader = { username: 'reader', password: registryUsers.reader.password };
const writer = { username: 'builder', password: registryUsers.builder.password };
/** Google's registries know tokens as the password of this user. */
const users = { ...registryUsers, oauth2accesstoken: 'ya29.a-token-of-the-test' };

describe.each(['htpasswd', 'token'] as const)('with %s', (auth) => {
  let bases: TestRegistry;
  let targets: TestRegistry;
  let base: string;

  beforeAll(async () => {
    bases = await startRegistry({ auth, users });
    targets = await startRegistry({ auth, users });
    base = `${bases.host}/private/base:1`;
    await publishBaseImage({ reference: base, login: writer });
  });

  afterAll(async () => {
    await targets.stop();
    await bases.stop();
  });

  /** Who showed a login to a registry or to its token server since the last question. */
  function visitors(registry: TestRegistry): ReadonlySet<string> {
    const names = [...registry.take(), ...registry.takeTokenRequests()].map(({ user }) => user);
    return new Set(names.filter((name) => name !== undefined));
  }

  async function run(engine: EngineAddress, settings: Readonly<Record<string, string>>, env = {}) {
    const cwd = makeWorkspace({ Dockerfile: `FROM ${base}\nRUN echo ${Math.random()} >/built\n` });
    visitors(bases);
    visitors(targets);
    return runPlugin({ cwd, host: engine.host, settings: { tags: '1', ...settings }, env });
  }

  describe.each(contrastingEngineKinds)('%s', (kind) => {
    const engine = sharedEngine(kind);
    const repository = (name: string): string => `${targets.host}/${kind}/${name}`;

    it('pulls with the login for base images and pushes with the other', async () => {
      const repo = repository('base-login');
      const settings = { docker_registry: bases.host, docker_username: 'reader', docker_password: reader.password };
      const step = await run(engine, { repo, ...settings }, { DOCKER_REGISTRY: targets.host, ...variables(writer) });
      expectExit(step, 0);
      expect(await listTags({ reference: repo, login: writer })).toEqual(['1']);
      expect(visitors(bases)).toEqual(new Set(['reader']));
      expect(step.output).toContain(`login at ${bases.host}: settings base_image_username/password\n`);
      expect(step.output).toContain(`login at ${targets.host}: settings username/password\n`);
      expect(step.output).not.toContain(reader.password);
    });

    it('never pushes with the login for base images, even when it is the only one for that registry', async () => {
      const repo = repository('no-login');
      const base_image_username = writer.username;
      const base_image_password = writer.password;
      const settings = { base_image_registry: targets.host, base_image_username, base_image_password };
      const step = await run(engine, { repo, ...settings });
      expectExit(step, 3);
      expect(step.output).toContain(`${targets.host} wants a login, and there is none for it`);
      expect(visitors(targets)).toEqual(new Set());
    });

    it('takes the logins of two registries from one setting', async () => {
      const repo = repository('two-logins');
      const logins = [
        { registry: bases.host, ...reader },
        { registry: `https://${targets.host}/`, ...writer, email: 'ci@example.com' },
      ];
      const step = await run(engine, { repo, logins: JSON.stringify(logins) });
      expectExit(step, 0);
      expect(visitors(bases)).toEqual(new Set(['reader']));
      expect(visitors(targets)).toEqual(new Set(['builder']));
      expect(step.output).not.toContain(reader.password);
      expect(step.output).not.toContain(writer.password);
    });

    it('pushes with an access token, and pulls with the login for base images', async () => {
      const repo = repository('by-token');
      const settings = { docker_registry: bases.host, docker_username: 'reader', docker_password: reader.password };
      const env = { ACCESS_TOKEN: users.oauth2accesstoken };
      const step = await run(engine, { repo, registry: targets.host, ...settings }, env);
      expectExit(step, 0);
      expect(visitors(targets)).toEqual(new Set(['oauth2accesstoken']));
      expect(step.output).not.toContain(users.oauth2accesstoken);
    });
  });

  it('says which setting sends a login to the registry that wanted one', async () => {
    const step = await run(sharedEngine('docker-20.10'), { repo: `${targets.host}/app`, ...writer });
    expectExit(step, 3);
    expect(step.output).toContain(`settings username/password belong to docker.io; set \`registry: ${targets.host}\``);
    expect(visitors(targets)).toEqual(new Set());
  });
});

function variables({ username, password }: typeof writer): Record<string, string> {
  return { DOCKER_USERNAME: username, DOCKER_PASSWORD: password };
}
