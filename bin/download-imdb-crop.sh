#!/usr/bin/env bash
# Fetches the face crops of IMDB-WIKI (for non-commercial research only) and unpacks them; Linux with curl and GNU tar.
#   bin/download-imdb-crop.sh [imdb|wiki] [TARGET]      7 GB or 1 GB; TARGET is data/imdb_crop or data/wiki_crop
# IMDB_WIKI_URL names another address of the archive; file:///... takes one from a disk.
# Killed, it goes on where it was: TARGET.tar.part is the archive so far, TARGET is there whole or not at all. Once it is
# there, the archive is removed and another run does nothing.
set -euo pipefail

tries=5
harmless=(--warning=no-unknown-keyword --warning=no-timestamp) # what tar says of good archives
fail() { echo "error: $1" >&2; exit "${2:-1}"; }

main() {
  dataset=${1:-imdb}
  case $dataset in imdb | wiki) ;; *) fail "unknown dataset '$dataset'; choose from: imdb, wiki" 2 ;; esac
  target=${2:-data/${dataset}_crop}
  target=${target%/}
  url=${IMDB_WIKI_URL:-https://data.vision.ee.ethz.ch/cvl/rrothe/imdb-wiki/static/${dataset}_crop.tar}
  part=$target.tar.part
  unpacking=$target.unpacking
  command -v curl >/dev/null || fail "curl is needed and was not found; apt-get install curl, or run this where it is"
  mkdir -p -- "$(dirname -- "$target")" || exit 1
  # curl and tar inherit the lock: two that append to one file would spoil it, and after kill -9 one may live on.
  exec 9<"$(dirname -- "$target")"
  flock --timeout 2 9 || fail "$(dirname -- "$target"): another download is at work there"
  if [ -f "$target/$dataset.mat" ]; then
    rm -rf -- "$part" "$part.of" "$unpacking"
    echo "$target is there"
    return
  fi
  [ ! -e "$target" ] || rmdir -- "$target" 2>/dev/null ||
    fail "$target: expected $dataset.mat in it, or no such folder; move it away"
  rm -rf -- "$unpacking"
  ask_server
  check_space
  transfer
  run check_archive || { rm -f -- "$part"; exit 1; }
  unpack
  rm -f -- "$part" "$part.of"
  echo "unpacked: $target"
}

# A shell that waits for a foreground command heeds no signal before its end. Each job is a process group (set -m), so
# that nothing of it is left behind.
run() {
  local code=0
  "$@" &
  child=$!
  wait "$child" || code=$?
  child=
  return "$code"
}
stop() {
  trap '' INT TERM
  if [ -n "$child" ] && kill -- "-$child" 2>/dev/null; then wait "$child" 2>/dev/null || true; fi
  exit "$1"
}

# Sets `size` in bytes; forgets a part of another archive.
ask_server() {
  local answer version
  answer=$(curl --silent --show-error --fail --location --head --connect-timeout 30 -- "$url" 2>&1) ||
    fail "$url: $(grep -m 1 '^curl: ' <<<"$answer" || echo "no answer")"
  size=$(header content-length)
  [[ $(header content-type) != text/html* ]] || fail "$url: expected a tar archive, the server offers a page (text/html)"
  [[ $size =~ ^[0-9]+$ ]] || fail "$url: expected the archive's size (Content-Length), the server does not say it"
  version="${url%%\?*} $size $(header last-modified) $(header etag)"
  if [ -e "$part" ] && [ "$(cat -- "$part.of" 2>/dev/null)" != "$version" ]; then
    echo "beginning anew: $part is of another archive" >&2
    rm -f -- "$part"
  fi
  echo "$version" >"$part.of" || exit 1
}

# Prints a header of the last answer; redirections come before it.
header() { awk -v name="$1:" '/^HTTP\// { value = "" } tolower($1) == name { sub(/^[^ ]+ */, ""); value = $0 }
  END { print value }' <<<"${answer//$'\r'/}"; }

bytes_there() { stat --format %s -- "$part" 2>/dev/null || echo 0; }

check_space() {
  local folder needed free
  folder=$(dirname -- "$target")
  # The small files of the crops take up to a fifth more on a disk than in the archive.
  needed=$(((size - $(bytes_there) + size * 6 / 5) / 1024))
  free=$(df -Pk -- "$folder" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge "$needed" ] ||
    fail "$folder: expected $((needed / 1024)) MiB free for the archive and its files, found $((free / 1024)) MiB; make room"
}

transfer() {
  local failures=0 furthest code progress=--silent later="run again, it goes on from there"
  [ ! -t 2 ] || progress=--progress-bar
  furthest=$(bytes_there)
  while [ "$(bytes_there)" -ne "$size" ]; do
    code=0
    run curl "$progress" --fail --location --connect-timeout 30 --speed-limit 1 --speed-time 60 --continue-at - \
      --output "$part" -- "$url" || code=$?
    case $code in
      23) fail "$part cannot be written beyond $(bytes_there) of $size bytes: no space, or a size limit; $later" ;;
      33) rm -f -- "$part"; echo "the server cannot go on in the middle: beginning anew" >&2 ;;
    esac
    [ "$code" -ne 0 ] || break # what it is, check_archive says
    # As long as it gets further, a bad line may break off as often as it likes.
    [ "$(bytes_there)" -le "$furthest" ] || failures=0 furthest=$(bytes_there)
    failures=$((failures + 1))
    [ "$failures" -lt "$tries" ] ||
      fail "$url: broke off at $(bytes_there) of $size bytes (curl's exit code $code); $later"
    sleep "$failures"
  done
}

# Whole: the two empty blocks that end a tar are there, which a listing alone would not miss.
check_archive() {
  local problem
  if [ "$(bytes_there)" -ne "$size" ]; then
    problem="$(bytes_there) bytes instead of $size"
  elif ! cmp --silent <(tail -c 1024 -- "$part") <(head -c 1024 /dev/zero); then
    problem="no tar archive, or cut off"
  else
    problem=$(LC_ALL=C tar "${harmless[@]}" --list --verbose --numeric-owner --absolute-names --file "$part" 2>&1 |
      awk -v top="${dataset}_crop/" -v wanted="${dataset}_crop/$dataset.mat" '
        function report(text) { print text; reported = 1; exit }
        /^tar: / { report($0) }
        { type = substr($0, 1, 1); sub(/^[^ ]+ +[^ ]+ +[^ ]+ +[^ ]+ +[^ ]+ /, ""); sub(/^\.\//, "") }
        $0 == wanted { is_there = 1 }
        type !~ /[-d]/ || "/" $0 "/" ~ /\/\.\.\// || $0 != "" && index($0, top) != 1 { report("it holds " $0) }
        END { if (!reported && !is_there) print "it does not hold " wanted }') || true
  fi
  [ -z "$problem" ] ||
    fail "$url: expected a whole tar archive of files in ${dataset}_crop/, received: ${problem:0:200}; it was removed"
}

unpack() {
  mkdir -- "$unpacking" || exit 1
  if ! run extract; then
    rm -rf -- "$unpacking"
    fail "$part cannot be unpacked, see above; run again, nothing is transferred again"
  fi
  sync --file-system "$unpacking" # before the archive goes
  mv -- "$unpacking/${dataset}_crop" "$target"
  rmdir -- "$unpacking"
}

# One complaint is enough: with its reader gone tar stops, instead of complaining about each file on a full disk.
extract() { tar "${harmless[@]}" --extract --no-same-owner --file "$part" --directory "$unpacking" 2>&1 | head -n 1 >&2; }

child=
trap 'stop 130' INT
trap 'stop 143' TERM
trap '' XFSZ # a file size limit is an error of curl's or tar's then, and no sudden death
set -m
main "$@"
