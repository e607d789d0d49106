#!/usr/bin/env bash
# Runs compose.yaml for real in a copy of this checkout, twice, and once without inference. Prints what holds; stops at what does not.
# Needs root, docker, docker-compose, git and curl; see stand-ins.sh where no images can be pulled. Takes about ten minutes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
export COMPOSE_PROJECT_NAME=readability-test READABILITY_API_HOST_PORT=5055 READABILITY_INFERENCE_HOST_PORT=8055 READABILITY_METRICS_HOST_PORT=8056
address=http://localhost:$READABILITY_API_HOST_PORT
compose() { docker-compose --no-ansi --file "$work/checkout/${file:-compose.yaml}" --project-directory "$work/checkout" "$@"; }
finish() { compose down --volumes > /dev/null 2>&1; rm -rf "$work"; }
trap finish EXIT
holds() { echo "holds: $1"; }
fails() { echo "does not hold: $1"; tail -40 "$work/log"; exit 1; }

git clone --quiet "$here/../.." "$work/checkout"
"$here/stand-ins.sh"
compose build --quiet

# Runs all services until the load test ends. The log is in $work/log; the services stay up.
up() {
  compose up > "$work/log" 2>&1 &
  local deadline=$((SECONDS + 900))
  until grep -q "load_testing_1 exited" "$work/log"; do
    [ $SECONDS -lt $deadline ] || fails "the load test ends within 15 minutes"
    sleep 2
  done
  grep -q "load_testing_1 exited with code 0" "$work/log" || fails "$1: the load test passes"
  holds "$1: $(sed -n 's/.* POST  *\/predict  *\([0-9]*\)  *\(0(0.00%)\).*/\1 requests, \2 failures/p' "$work/log" | head -1)"
  [ "$(curl -s "$address/predict" -H 'content-type: application/json' -d '{"text": "Some text to score"}' | cut -c1-22)" = '["Some text to score",' ] ||
    fails "$1: the api answers after the load test"
  holds "$1: the api answers after the load test"
}
started() { docker inspect --format '{{.State.StartedAt}}' "${COMPOSE_PROJECT_NAME}_$1_1"; }
finished() { docker inspect --format '{{.State.FinishedAt}}' "${COMPOSE_PROJECT_NAME}_$1_1"; }
follows() { [[ "$2" < "$4" ]] || fails "$1 ($2) comes before $3 ($4)"; holds "$1 comes before $3"; }
config() { docker inspect --format "$2" "${COMPOSE_PROJECT_NAME}_$1_1"; }

up "first run, without data"
follows "train's end" "$(finished train)" "optimization's start" "$(started optimization)"
follows "optimization's end" "$(finished optimization)" "inference's start" "$(started inference)"
follows "inference's start" "$(started inference)" "the api's start" "$(started api)"
follows "the api's start" "$(started api)" "the load test's start" "$(started load_testing)"
for service in train optimization api load_testing; do
  [ "$(config $service '{{.HostConfig.ReadonlyRootfs}} {{.Config.User}}')" = "true 1000:1000" ] || fails "$service runs read-only, not as root"
done
holds "our services run with a read-only root file system, as user 1000"
[ "$(config api '{{.State.Health.Status}}') $(config inference '{{.State.Health.Status}}')" = "healthy healthy" ] || fails "api and inference are healthy"
[ -z "$(docker run --rm --entrypoint sh readability-scoring -c 'ls /usr/local/bin | grep -E "^(npm|npx|yarn)"; ls -d node_modules/typescript node_modules/vite 2>/dev/null')" ] ||
  fails "the image has no build tools"
holds "api and inference are healthy; the image has no build tools"

compose stop > /dev/null 2>&1
up "second run"
grep -q "optimization: up to date" "$work/log" || fails "the second run has nothing to build"
holds "the second run has nothing to build"

docker run --rm --user 1234:1234 --read-only --network none --volume "${COMPOSE_PROJECT_NAME}_repository:/repository:ro" \
  --entrypoint sh readability-scoring -c 'echo "The cat sat on the mat." | node dist/cli.js score --model /repository -' | grep -q '"score"' ||
  fails "another user id scores, without a network"
holds "another user id scores, without a network"

# Without inference, as the first lines of compose.yaml say.
compose down > /dev/null 2>&1
node "$here/leave-out.mjs" inference < "$work/checkout/compose.yaml" > "$work/checkout/compose.without.yaml"
file=compose.without.yaml up "without inference"
compose down --volumes > /dev/null 2>&1
[ -z "$(docker ps -aq --filter "name=$COMPOSE_PROJECT_NAME")$(docker volume ls -q --filter "name=$COMPOSE_PROJECT_NAME")$(docker network ls -q --filter "name=$COMPOSE_PROJECT_NAME")" ] ||
  fails "down --volumes leaves nothing"
holds "down --volumes leaves nothing"
docker images --format '{{.Repository}}:{{.Tag}} {{.Size}}' | grep -E "^(readability-scoring|node:20-book)"
