# The image of the plugin: Node, the bundle and the licence. No node_modules, no docker, git, ssh or curl.
#
#   npm ci && npm run build
#   PLUGIN_REPO=registry.example/docker-build PLUGIN_TAGS=1 node dist/main.js      (it builds itself)
#
# A release pins the base: --build-arg BASE=node:24-slim@sha256:<digest>. Any base will do that has `node` (20.19 or later) in
# its PATH; without a network, scripts/stand-in-base.js makes one. Root certificates are those that Node carries; company
# ones are added by settings.
ARG BASE=node:24-slim
FROM ${BASE}

COPY LICENSE /opt/docker-build/
COPY dist/ /opt/docker-build/

# gzip, file reads and DNS share libuv's threads; the default of 4 would leave layers waiting for a core.
ENV NODE_ENV=production UV_THREADPOOL_SIZE=8

# No USER: the daemon's socket and the workspace belong to root in a pipeline. `--user` with the socket's group works as well.
ENTRYPOINT ["node", "/opt/docker-build/main.js"]
