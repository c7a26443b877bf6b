#!/usr/bin/env bash
# The first minute of a new user: clone, `npm start`, one call in each of two formats, stop.
#
#   tools/first-minute.sh FOLDER     FOLDER is made and holds the clone
set -euo pipefail
folder=${1:?a folder for the clone}
limit_seconds=180

git clone --quiet --no-hardlinks "$(dirname "$0")/.." "$folder"
cd "$folder"
# Keys of providers in the environment would switch the demo off.
for name in $(compgen -e | grep -E '_API_KEY$' || true); do unset "$name"; done
export DRAGOMAN_DATA_DIR=$folder/.data

port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
npm start -- --port "$port" >start.log 2>&1 </dev/null &
server=$!
give_up() {
  echo "$1"
  cat start.log
  kill "$server" 2>/dev/null || true
  exit 1
}

started=$SECONDS
until curl --silent --fail --output /dev/null "http://127.0.0.1:$port/health"; do
  kill -0 "$server" 2>/dev/null || give_up "npm start ended by itself:"
  [ $((SECONDS - started)) -lt $limit_seconds ] || give_up "npm start did not listen within $limit_seconds s:"
  sleep 0.2
done
echo "listens after $((SECONDS - started)) s"

# ask PATH BODY WORD: the answer must be a success that contains WORD.
ask() {
  local answer
  answer=$(curl --silent --fail-with-body --header 'content-type: application/json' --data "$2" "http://127.0.0.1:$port$1") ||
    give_up "POST $1 failed: $answer"
  grep -q "$3" <<<"$answer" || give_up "POST $1 answered without $3: $answer"
  echo "POST $1 answers"
}
messages='"messages":[{"role":"user","content":"Hello"}]'
ask /v1/chat/completions "{\"model\":\"gpt-4o\",$messages}" '"choices"'
ask /v1/messages "{\"model\":\"claude-sonnet-4-6\",\"max_tokens\":100,$messages}" '"content"'

kill -TERM "$server"
code=0
wait "$server" || code=$?
[ "$code" -eq 0 ] || give_up "npm start ended with $code after SIGTERM:"
[ -z "$(git status --porcelain)" ] || give_up "npm start changed the clone: $(git status --porcelain)"
echo "ends with 0 after SIGTERM"
