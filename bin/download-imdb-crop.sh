#!/usr/bin/env bash
# Downloads the face crops of IMDB-WIKI (for non-commercial research only) and unpacks them.
#   bin/download-imdb-crop.sh [imdb|wiki] [TARGET]
# imdb has 7 GB, wiki 1 GB. TARGET is data/imdb_crop or data/wiki_crop by default.
# IMDB_WIKI_URL names another address of the archive. Needs curl and GNU tar.
# An interrupted download resumes in the next run. TARGET is complete, or does not exist.
set -euo pipefail

fail() {
  echo "error: $1" >&2
  exit "${2:-1}"
}

# An archive that ends between two files has no zero block at its end, which tar does not report.
is_whole() {
  [ -z "$(tail -c 1024 -- "$part" 2>/dev/null | tr -d '\0')" ] &&
    tar --list --file "$part" >/dev/null 2>&1
}

dataset=${1:-imdb}
case $dataset in imdb | wiki) ;; *) fail "unknown dataset '$dataset'; choose from: imdb, wiki" 2 ;; esac
target=${2:-data/${dataset}_crop}
target=${target%/}
url=${IMDB_WIKI_URL:-https://data.vision.ee.ethz.ch/cvl/rrothe/imdb-wiki/static/${dataset}_crop.tar}
part=$target.tar.part
unpacking=$target.unpacking
progress=--no-progress-meter
[ ! -t 2 ] || progress=--progress-bar

if [ -e "$target" ]; then
  [ -f "$target/$dataset.mat" ] || fail "$target: expected $dataset.mat in it; move it away"
  echo "$target is there"
  exit
fi
command -v curl >/dev/null || fail "curl was not found; install it, or run this on another machine"
mkdir -p -- "$(dirname -- "$target")"
# curl's own --retry starts again at the beginning of the run, so the retries are here.
for wait in 1 2 3 4 0; do
  ! is_whole || break
  curl "$progress" --fail --location --connect-timeout 30 --speed-limit 1 --speed-time 60 \
    --continue-at - --output "$part" -- "$url" && break
  [ "$wait" -ne 0 ] || fail "$url: interrupted; run again to resume, or remove $part to start again"
  sleep "$wait"
done
is_whole || { rm -f -- "$part"; fail "$url: expected a whole tar archive, received something else"; }
rm -rf -- "$unpacking"
mkdir -- "$unpacking"
tar --extract --no-same-owner --file "$part" --directory "$unpacking" ||
  fail "$part could not be unpacked; run again, nothing is downloaded again"
[ -f "$unpacking/${dataset}_crop/$dataset.mat" ] ||
  fail "$url: expected ${dataset}_crop/$dataset.mat in the archive; remove $part"
mv -- "$unpacking/${dataset}_crop" "$target"
rm -rf -- "$unpacking" "$part"
echo "unpacked: $target"
