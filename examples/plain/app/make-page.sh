# Prints the page of the greeter.
set -eu
printf '<!doctype html>\n<title>greeter</title>\n<p>%s, world</p>\n' "$1"
