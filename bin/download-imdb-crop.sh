#!/usr/bin/env bash
# Downloads the face crops of IMDB-WIKI (for non-commercial research) and unpacks them, with curl and GNU tar.
#   bin/download-imdb-crop.sh [imdb|wiki] [TARGET]     7 GB or 1 GB; TARGET is data/imdb_crop or data/wiki_crop
# IMDB_WIKI_URL names another address of the archive; file:///... reads it from a disk.
# An interrupted download resumes when the script runs again. TARGET appears when it is complete.
set -euo pipefail

fail() { echo "error: $1" >&2; exit "${2:-1}"; }

dataset=${1:-imdb}
case $dataset in imdb | wiki) ;; *) fail "unknown dataset '$dataset'; choose from: imdb, wiki" 2 ;; esac
target=${2:-data/${dataset}_crop}
target=${target%/}
url=${IMDB_WIKI_URL:-https://data.vision.ee.ethz.ch/cvl/rrothe/imdb-wiki/static/${dataset}_crop.tar}
part=$target.tar.part
unpacking=$target.unpacking

# A tar ends with 1,024 zero bytes; one that was cut off between two files lists without an error.
is_archive() {
  [ -s "$part" ] && [ -z "$(tail -c 1024 -- "$part" | tr -d '\0')" ] &&
    tar --list --file "$part" "${dataset}_crop/$dataset.mat" >/dev/null 2>&1
}

# Not curl's --retry: it goes back to where this run began, while a new call continues at the end of the file.
download() {
  local code
  for seconds in 1 2 4 8 0; do
    code=0
    curl --fail --location --show-error --connect-timeout 30 --speed-limit 1 --speed-time 60 --continue-at - \
      --output "$part" "${progress[@]}" -- "$url" || code=$?
    case $code in
      0) return ;;
      33) rm -f -- "$part" ;; # the server cannot resume: begin again
      18 | 28 | 52 | 55 | 56 | 92) ;; # the connection broke or was too slow
      *) break ;;
    esac
    sleep "$seconds"
  done
  is_archive || fail "$url: the download stopped (curl's exit code $code, see above); run again, it resumes"
}

if [ -f "$target/$dataset.mat" ]; then
  echo "$target exists"
  exit
fi
command -v curl >/dev/null || fail "curl was not found; install it, or run this where it is"
[ ! -e "$target" ] || fail "$target: expected $dataset.mat in it, or no such folder; move it away"
mkdir -p -- "$(dirname -- "$target")"
progress=(--silent)
[ ! -t 2 ] || progress=(--progress-bar)
download
if ! is_archive; then
  rm -f -- "$part"
  fail "$url: expected a tar archive with ${dataset}_crop/$dataset.mat, received something else; it was removed"
fi
rm -rf -- "$unpacking"
mkdir -- "$unpacking"
tar --extract --no-same-owner --file "$part" --directory "$unpacking" "${dataset}_crop" ||
  fail "$part cannot be unpacked, see above; run again, nothing is downloaded again"
mv -- "$unpacking/${dataset}_crop" "$target"
rm -rf -- "$unpacking" "$part"
echo "unpacked: $target"
