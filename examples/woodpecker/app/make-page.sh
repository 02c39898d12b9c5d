# Prints the page of the greeter, and how long the token is that a real build would log in somewhere with.
set -eu
token=$(cat /run/secrets/api_token)
printf '<!doctype html>\n<title>greeter</title>\n<p>%s, world (%d characters)</p>\n' "$1" "${#token}"
