// Rows: what is passed into a build and written on the image: build arguments, labels, proxies.
import { buildArguments, labels, variable } from '../build-kinds.ts';
import { bool, text } from '../kinds.ts';
import { commaList } from '../list-kinds.ts';
import { pairs, semicolonPairs } from '../map-kinds.ts';
import { proxyAddress } from '../connection-kinds.ts';
import { works, worksWithDefault } from './row.ts';

export const buildValueRows = {
  build_args: works({
    env: ['PLUGIN_BUILD_ARGS'],
    kind: pairs(buildArguments),
    help: 'Build arguments. A name alone takes its value from the step’s environment. Values that hold commas: write a map, or one pair per line.',
  }),
  build_args_new: works({
    env: ['PLUGIN_BUILD_ARGS_NEW'],
    kind: semicolonPairs(buildArguments),
    help: 'Build arguments separated by ";", used instead of `build_args` when `multiple_build_args` is true or `build_args` is not given.',
  }),
  multiple_build_args: worksWithDefault(false, {
    env: ['PLUGIN_MULTIPLE_BUILD_ARGS'],
    kind: bool,
    help: 'Use `build_args_new` instead of `build_args`.',
  }),
  build_args_from_env: works({
    env: ['PLUGIN_BUILD_ARGS_FROM_ENV'],
    kind: commaList(variable),
    help: 'Names of variables that become build arguments, each also in upper case.',
  }),
  http_proxy: works({
    env: ['PLUGIN_HTTP_PROXY', 'http_proxy', 'HTTP_PROXY', 'HARNESS_HTTP_PROXY'],
    kind: proxyAddress,
    help: 'Passed as build arguments `http_proxy` and `HTTP_PROXY`, and used by this plugin for registries in plain http.',
  }),
  https_proxy: works({
    env: ['PLUGIN_HTTPS_PROXY', 'https_proxy', 'HTTPS_PROXY', 'HARNESS_HTTPS_PROXY'],
    kind: proxyAddress,
    help: 'Passed as build arguments `https_proxy` and `HTTPS_PROXY`, and used by this plugin for registries and clouds. The daemon has a setting of its own.',
  }),
  no_proxy: works({
    env: ['PLUGIN_NO_PROXY', 'no_proxy', 'NO_PROXY', 'HARNESS_NO_PROXY'],
    kind: proxyAddress,
    help: 'Passed as build arguments `no_proxy` and `NO_PROXY`. For this plugin too: hosts, suffixes, addresses and networks (`10.0.0.0/8`) that are reached without a proxy.',
  }),
  custom_labels: works({
    env: ['PLUGIN_CUSTOM_LABELS', 'PLUGIN_LABEL', 'PLUGIN_LABELS'],
    kind: pairs(labels),
    help: 'Labels of the image; they win over the automatic ones.',
  }),
  auto_label: worksWithDefault(true, {
    env: ['PLUGIN_AUTO_LABEL', 'PLUGIN_DEFAULT_LABELS', 'PLUGIN_AUTO_LABELS'],
    kind: bool,
    help: 'Set the labels `created`, `revision`, `source` and `url` of `org.opencontainers.image`. `created` moves with each build; switch it off, or set `source_date_epoch`, for equal digests.',
  }),
  label_schema: works({
    env: ['PLUGIN_LABEL_SCHEMA'],
    kind: pairs(labels),
    help: 'Labels whose names get `org.opencontainers.image.` in front. Needs `auto_label`.',
  }),
  link: works({
    env: ['PLUGIN_REPO_LINK', 'DRONE_REPO_LINK', 'CI_REPO_URL', 'CI_REPO_LINK'],
    kind: text,
    help: 'Value of the label `org.opencontainers.image.url`.',
  }),
};
