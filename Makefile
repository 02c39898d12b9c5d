# The whole life of the project in eight words. On a fresh Debian machine, as root, with Node (20.19 or later), npm and make.
.PHONY: build check test demo bench faults disturbances clean

# What the tests run against; the engines themselves are fetched by scripts/fetch-engines.js, cosign by scripts/fetch-cosign.js.
TEST_PACKAGES = docker.io docker-registry skopeo busybox-static iproute2 iptables openssl openssh-client git

modules = node_modules/.package-lock.json

# dist/, which is the plugin: `node dist/main.js`.
build: $(modules)
	npm run build

# Format, lint, types, dead code and unit tests: the contract before each commit.
check: $(modules)
	npm run check

# Everything: unit, integration, and e2e with three real engines, a real registry and the plugin's own image.
test: build
	scripts/install-packages.sh $(TEST_PACKAGES)
	node scripts/fetch-engines.js
	node scripts/fetch-cosign.js
	npm test

# Builds and publishes two small images before your eyes, with a throwaway registry, and leaves nothing behind.
demo: build
	node scripts/demo.js

# How long builds take beside `docker buildx build` on the same engines, and how much memory. Takes several minutes.
bench: build
	scripts/install-packages.sh $(TEST_PACKAGES)
	node scripts/fetch-engines.js
	npx esbuild scripts/bench.ts --bundle --platform=node --format=esm --packages=external --log-level=warning --outfile=.cache/bench/bench.js
	node .cache/bench/bench.js

# What becomes of a publish when the registry fails: hundreds of faults, a letter for each. Takes long;
# ARGS="--only measured --peers" runs a part, and other tools beside the plugin.
faults: build
	scripts/install-packages.sh $(TEST_PACKAGES)
	node scripts/fetch-engines.js
	npx esbuild scripts/faults.ts --bundle --platform=node --format=esm --packages=external --log-level=warning --outfile=.cache/faults/faults.js
	node .cache/faults/faults.js $(ARGS)

# The same for the daemon, the build and the process of the step; ARGS="--only D13" runs a part.
disturbances: build
	scripts/install-packages.sh $(TEST_PACKAGES)
	node scripts/fetch-engines.js
	npx esbuild scripts/disturbances.ts --bundle --platform=node --format=esm --packages=external --log-level=warning --outfile=.cache/faults/disturbances.js
	node .cache/faults/disturbances.js --cuts 0,0.1,0.3,0.5,0.7,0.9,0.99 --kills 100 --long $(ARGS)

clean:
	rm -rf dist coverage .cache

$(modules): package.json package-lock.json
	npm ci
	@touch $@
